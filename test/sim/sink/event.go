package sink

import (
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
)

// event is a CloudEvent as it was delivered.
type event struct {
	SpecVersion     string          `json:"specversion"`
	ID              string          `json:"id"`
	Source          string          `json:"source"`
	Type            string          `json:"type"`
	Subject         string          `json:"subject"`
	Time            string          `json:"time"`
	Sequence        string          `json:"sequence"`
	CorrelationID   string          `json:"correlationid"`
	DataContentType string          `json:"datacontenttype"`
	Data            json.RawMessage `json:"data"`
}

// read takes an event in either mode. What could be read is given with an error, too.
func read(h http.Header, body []byte) (event, error) {
	kind, _, _ := mime.ParseMediaType(h.Get("Content-Type"))
	var ev event
	if kind == "application/cloudevents+json" {
		if err := json.Unmarshal(body, &ev); err != nil {
			return ev, errors.New("the body is no CloudEvent in JSON")
		}
	} else {
		for name, to := range map[string]*string{"specversion": &ev.SpecVersion, "id": &ev.ID, "source": &ev.Source, "type": &ev.Type, "subject": &ev.Subject,
			"time": &ev.Time, "sequence": &ev.Sequence, "correlationid": &ev.CorrelationID} {
			text, err := url.PathUnescape(h.Get("ce-" + name))
			if err != nil {
				return ev, fmt.Errorf("ce-%s is not percent-encoded", name)
			}
			*to = text
		}
		ev.Data = body
	}
	switch {
	case ev.SpecVersion != "1.0":
		return ev, errors.New("specversion is not 1.0")
	case ev.ID == "" || ev.Source == "" || ev.Type == "":
		return ev, errors.New("id, source or type is missing")
	case !json.Valid(ev.Data):
		return ev, errors.New("the data is not JSON")
	}
	return ev, nil
}
