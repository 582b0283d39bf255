package harness

import (
	"context"
	"net"
	"net/http"
)

// AskedURL is where a virtual world's Options.Asked answers.
const AskedURL = "http://127.0.0.1:3"

// startAsked starts the system that configured steps call, if the world is to have one. stop ends it. Virtual worlds only.
func (w *World) startAsked() (stop func()) {
	if w.opts.Asked == nil {
		return func() {}
	}
	pipe := newPipeListener()
	w.toAsked = &line{dial: pipe.dial}
	server := &http.Server{Handler: w.opts.Asked}
	go func() { _ = server.Serve(pipe) }() // returns when the server is closed
	return func() { _ = server.Close() }
}

func (w *World) dialAsked(ctx context.Context, _, _ string) (net.Conn, error) {
	return w.toAsked.connect(ctx)
}
