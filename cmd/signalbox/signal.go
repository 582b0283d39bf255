package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/signalbox/signalbox/internal/cli/exit"
)

// untilSignal gives a context that the first SIGINT or SIGTERM ends; a second one ends the process at once.
func untilSignal(parent context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	over, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		select {
		case <-signals:
			cancel(exit.ErrInterrupted)
		case <-over:
			return
		}
		select {
		case <-signals:
			os.Exit(exit.Interrupted)
		case <-over:
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(over)
		<-ended
		cancel(nil)
	}
}
