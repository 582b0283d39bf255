package webhook

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/signalbox/signalbox/internal/httpout"
	"github.com/signalbox/signalbox/orchestration/fault"
	"github.com/signalbox/signalbox/orchestration/feed"
)

// Digests asks a receiver what it has. A question is one POST of JSON, signed as deliveries are: source and type of the events that told
// of the records, and a bucket or none. The answer has buckets, by their numbers as three hexadecimal digits, or the records of the one.
type Digests struct {
	name   string
	keys   [][]byte
	client *httpout.Client
}

var _ feed.Digests = (*Digests)(nil)

// NewDigests makes one. Of the options it takes all but Mode; URL is where questions are posted to. Its errors and its gate are as a Sink's.
func NewDigests(o Options) (*Digests, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	o = o.withDefaults()
	d := &Digests{name: o.Name}
	for _, one := range o.Secrets {
		key, _ := Key(one) // validated
		d.keys = append(d.keys, key)
	}
	d.client = httpout.New(httpout.Options{Who: "the sink " + o.Name, Operation: "Sink.Digests", Refused: fault.SinkRejected, URL: o.URL, Timeout: o.Timeout,
		Concurrency: o.Concurrency, Changed: o.Changed, RootCAs: o.RootCAs, DialContext: o.DialContext})
	return d, nil
}

// Close ends the idle connections.
func (d *Digests) Close() error {
	d.client.Close()
	return nil
}

type question struct {
	Source string `json:"source"`
	Type   string `json:"type"`
	Bucket string `json:"bucket,omitempty"`
}

// mostAnswer is how long an answer may be: 4,096 buckets are some 100 kB, and a bucket of a hundred million records is a megabyte.
const mostAnswer = 2 << 20

// Buckets implements feed.Digests.
func (d *Digests) Buckets(ctx context.Context, q feed.DigestQuery) (map[int]string, error) {
	var got struct {
		Buckets map[string]string `json:"buckets"`
	}
	if err := d.ask(ctx, question{Source: q.Source, Type: q.Type}, &got); err != nil {
		return nil, err
	}
	out := make(map[int]string, len(got.Buckets))
	for name, digest := range got.Buckets {
		n, err := strconv.ParseUint(name, 16, 16)
		if err != nil || n >= feed.Buckets {
			return nil, d.unreadable()
		}
		out[int(n)] = digest
	}
	return out, nil
}

// Records implements feed.Digests.
func (d *Digests) Records(ctx context.Context, q feed.DigestQuery, bucket int) (map[string]string, error) {
	var got struct {
		Records map[string]string `json:"records"`
	}
	err := d.ask(ctx, question{Source: q.Source, Type: q.Type, Bucket: fmt.Sprintf("%03x", bucket)}, &got)
	return got.Records, err
}

func (d *Digests) ask(ctx context.Context, q question, into any) error {
	body, err := json.Marshal(q)
	if err != nil {
		return fault.Wrap(fault.Permanent, "encode a question", err)
	}
	answer, f := d.client.Ask(ctx, httpout.Request{Method: http.MethodPost, Body: body, Most: mostAnswer, Header: func(body []byte) http.Header {
		header := http.Header{"User-Agent": {"Signalbox"}, "Content-Type": {"application/json"}}
		sign(header, d.keys, uuid.NewString(), time.Now(), body)
		return header
	}})
	switch {
	case f != nil && f.Kind == fault.Ambiguous: // it is a question: it may be asked again
		f.Kind = fault.Transient
		return f
	case f != nil:
		return f
	case json.Unmarshal(answer, into) != nil:
		return d.unreadable()
	}
	return nil
}

func (d *Digests) unreadable() error {
	f := fault.New(fault.Permanent, fault.SinkRejected, "the sink "+d.name+" does not answer with digests as docs/how-to/reconcile.md says")
	f.Operation, f.Class = "Sink.Digests", "invalid"
	return f
}
