package sink

import (
	"bytes"
	"encoding/json"
	"io"
	"time"
)

// faultDoc is a Fault as JSON shows it: durations are text such as "1m30s".
type faultDoc struct {
	*plainFault
	For    duration `json:"for,omitempty"`
	Delay  duration `json:"delay,omitempty"`
	Jitter duration `json:"jitter,omitempty"`
	Wait   duration `json:"wait,omitempty"`
}

type plainFault Fault

// MarshalJSON writes durations as text.
func (f Fault) MarshalJSON() ([]byte, error) {
	return json.Marshal(faultDoc{(*plainFault)(&f), duration(f.For), duration(f.Delay), duration(f.Jitter), duration(f.Wait)})
}

// UnmarshalJSON reads what MarshalJSON writes and refuses members it does not know.
func (f *Fault) UnmarshalJSON(b []byte) error {
	doc := faultDoc{plainFault: (*plainFault)(f)}
	if err := decodeStrict(bytes.NewReader(b), &doc); err != nil {
		return err
	}
	f.For, f.Delay = time.Duration(doc.For), time.Duration(doc.Delay)
	f.Jitter, f.Wait = time.Duration(doc.Jitter), time.Duration(doc.Wait)
	return nil
}

// duration is a time.Duration that is text in JSON.
type duration time.Duration

// MarshalText writes it as Go does.
func (d duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads it.
func (d *duration) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	*d = duration(v)
	return err
}

func decodeStrict(r io.Reader, into any) error {
	d := json.NewDecoder(r)
	d.DisallowUnknownFields()
	return d.Decode(into)
}
