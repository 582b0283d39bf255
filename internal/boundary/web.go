package boundary

import (
	"context"
	"io"
	"net/http"
	"regexp"
	"strings"

	"github.com/signalbox/signalbox/internal/app"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
	"github.com/signalbox/signalbox/orchestration/scenarios/sinks"
)

// visibility begins the paths of Inventory Visibility, before the id of the environment.
const visibility = "/api/environment/"

// web bounds the calls of the CSU, and of Inventory Visibility.
func (b *Boundaries) web(p app.Parts) app.Parts {
	outer := p.WrapCSU
	p.WrapCSU = func(next http.RoundTripper) http.RoundTripper {
		if outer != nil {
			next = outer(next)
		}
		return boundTransport{b, next}
	}
	return p
}

type boundTransport struct {
	b    *Boundaries
	next http.RoundTripper
}

// literal is the key in a path: it differs from run to run, and the name of a boundary must not.
var literal = regexp.MustCompile(`\([^()]*\)`)

func (t boundTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	var answer *http.Response
	who, path := "csu", literal.ReplaceAllString(r.URL.Path, "(key)")
	if strings.HasPrefix(path, visibility) {
		who, path = "visibility", path[strings.Index(path[len(visibility):], "/")+len(visibility):]
	}
	got, err := around(t.b, who+" "+r.Method+" "+path, io.ErrUnexpectedEOF, func() (*http.Response, error) {
		var err error
		answer, err = t.next.RoundTrip(r) // the caller closes it, or the lines below do
		return answer, err
	})
	if got == nil && answer != nil { // it came, and is lost
		_, _ = io.Copy(io.Discard, answer.Body)
		_ = answer.Body.Close()
	}
	return got, err
}

// sinks bounds the deliveries.
func (b *Boundaries) sinks(p app.Parts) app.Parts {
	outer := p.WrapSink
	p.WrapSink = func(name string, s sinks.Sink) sinks.Sink {
		if outer != nil {
			s = outer(name, s)
		}
		return boundSink{s, name, b}
	}
	return p
}

type boundSink struct {
	sinks.Sink
	name string
	b    *Boundaries
}

// Deliver is bounded like a CSU call: after a death the receiver may have the event, and nobody here knows.
func (s boundSink) Deliver(ctx context.Context, ev orchestration.Event) error {
	broken := fault.New(fault.Ambiguous, "", "the sink "+s.name+" did not answer")
	broken.Operation, broken.Class = "Sink.Deliver", "network"
	return do(s.b, "sink "+s.name, broken, func() error { return s.Sink.Deliver(ctx, ev) })
}
