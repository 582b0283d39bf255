package harness

import (
	"context"
	"net"
	"net/http"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/test/sim/sink"
)

// SinkName is the row of the sink table for the world's receiver.
const SinkName = "crm"

// startSink starts the receiver, if the world is to have one. stop ends it.
func (w *World) startSink() (stop func()) {
	if !w.opts.Sink {
		return func() {}
	}
	var err error
	w.Sink, err = sink.New(sink.Options{})
	require.NoError(w.T, err)
	server := &http.Server{Handler: w.Sink.Handler()}
	var l net.Listener
	if w.pipe != nil {
		pipe := newPipeListener()
		l, w.toSink, w.sinkURL = pipe, &line{dial: pipe.dial}, "http://127.0.0.1:2/hooks"
	} else {
		l = listen(w.T)
		w.sinkURL = "http://" + l.Addr().String() + "/hooks"
	}
	go func() { _ = server.Serve(l) }() // returns when the server is closed
	return func() {
		w.Sink.Close()
		_ = server.Close()
	}
}

// sinkEnvironment tells the fleet of the receiver.
func (w *World) sinkEnvironment(env map[string]string) {
	if w.Sink == nil {
		return
	}
	env["SIGNALBOX_SINKS"] = `[{"name":"` + SinkName + `","url":"` + w.sinkURL + `","secrets":["` + sink.DefaultSecret + `"],"timeout":"1s","digests_url":"` + strings.TrimSuffix(w.sinkURL, "/hooks") + sink.PathDigests + `"}]`
	env["SIGNALBOX_CHANNELS"] = strings.Replace(env["SIGNALBOX_CHANNELS"], `{"name"`, `{"sinks":["`+SinkName+`"],"name"`, 1)
}

func (w *World) dialSink(ctx context.Context, _, _ string) (net.Conn, error) {
	return w.toSink.connect(ctx)
}

// CutSink closes every connection to the receiver and lets no new one come about, until MendSink. Virtual worlds only.
func (w *World) CutSink() { w.toSink.drop(true) }

// MendSink lets connections to the receiver come about again.
func (w *World) MendSink() { w.toSink.drop(false) }
