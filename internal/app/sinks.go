package app

import (
	"fmt"
	"path"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/signalbox/signalbox/config"
	"github.com/signalbox/signalbox/orchestration/feed"
	"github.com/signalbox/signalbox/orchestration/scenarios"
	"github.com/signalbox/signalbox/orchestration/scenarios/sinks"
	"github.com/signalbox/signalbox/sink/jsonlines"
	"github.com/signalbox/signalbox/sink/servicebus"
	"github.com/signalbox/signalbox/sink/webhook"
)

// sinkParts is what the sinks' scenario is made from. The sinks themselves come later: a process that only plans opens no file.
func (a *App) sinkParts() sinks.Parts {
	a.sinks = map[string]sinks.Sink{}
	return sinks.Parts{Sinks: a.sinks, Delivered: func(sink, result string, took time.Duration) { a.metrics.Delivered(sink, result, took) }}
}

// remote is a sink that may be left alone for a while.
type remote interface {
	sinks.Sink
	Close() error
	ClosedUntil() time.Time
}

// openRemote makes those sinks that dial nothing yet.
func (a *App) openRemote() error {
	for _, row := range a.cfg.Sinks {
		var s remote
		var err error
		switch row.Type {
		case config.SinkWebhook:
			s, err = webhook.New(webhook.Options{Name: row.Name, URL: row.Address(), Secrets: row.Secrets, Timeout: row.Timeout, Mode: webhook.Mode(row.Mode),
				Concurrency: row.Concurrency, AllowPlaintext: row.AllowPlaintext, DialContext: a.parts.DialSink, Changed: a.sinkChanged(row.Name)})
		case config.SinkServiceBus:
			s, err = servicebus.New(servicebus.Options{Name: row.Name, ConnectionString: row.Namespace(a.cfg), Entity: row.Entity, Sessions: row.Sessions,
				Timeout: row.Timeout, Concurrency: row.Concurrency, NewConn: a.parts.DialBroker, Changed: a.sinkChanged(row.Name)})
		default:
			continue
		}
		if err != nil {
			return err
		}
		a.addSink(row.Name, s, s.Close)
		a.metrics.WatchSink(row.Name, s.ClosedUntil)
		if err := a.openDigests(row); err != nil {
			return err
		}
	}
	return nil
}

// sinkChanged logs that a sink is left alone, and that it is not any more.
func (a *App) sinkChanged(name string) func(until time.Time, class string) {
	log := a.log.Named("sinks").With(zap.String("sink", name))
	return func(until time.Time, class string) {
		if until.IsZero() {
			log.Info("the sink takes deliveries again")
			return
		}
		log.Warn("the sink refused or did not answer; it is left alone for a while, and what is for it waits",
			zap.String("error_type", class), zap.Float64("retry_after_s", time.Until(until).Seconds()))
	}
}

// openDigests makes what asks a sink what it has, where it says so.
func (a *App) openDigests(row config.SinkRow) error {
	if row.DigestsURL == "" {
		return nil
	}
	d, err := webhook.NewDigests(webhook.Options{Name: row.Name, URL: row.DigestsURL, Secrets: row.Secrets, Timeout: row.Timeout, AllowPlaintext: row.AllowPlaintext,
		DialContext: a.parts.DialSink})
	if err != nil {
		return err
	}
	if a.digests == nil {
		a.digests = map[string]feed.Digests{}
	}
	a.digests[row.Name] = d
	a.closers = append(a.closers, d.Close)
	return nil
}

// openFiles makes those sinks that hold a file open. A path that cannot be is found before any work begins.
func (a *App) openFiles() error {
	for _, row := range a.cfg.Sinks {
		if row.Type != config.SinkFile {
			continue
		}
		s, err := jsonlines.Open(jsonlines.Options{Name: row.Name, Path: row.Path, MaxBytes: int64(row.MaxBytes)})
		if err != nil {
			return err
		}
		a.addSink(row.Name, s, s.Close)
	}
	a.warnOfTypes()
	return nil
}

func (a *App) addSink(name string, s sinks.Sink, closing func() error) {
	if a.parts.WrapSink != nil {
		s = a.parts.WrapSink(name, s)
	}
	a.sinks[name] = s
	a.closers = append(a.closers, func() error {
		if err := closing(); err != nil {
			return fmt.Errorf("sink %s: %w", name, err)
		}
		return nil
	})
}

func sinkNames(cfg *config.Config) []string {
	names := make([]string, len(cfg.Sinks))
	for i, row := range cfg.Sinks {
		names[i] = row.Name
	}
	return names
}

// wants says whether a sink is to be told events of a type. One that is not in the table is: its row may be on its way, with
// another process's configuration.
func (a *App) wants(sink, typ string) bool {
	i := slices.IndexFunc(a.cfg.Sinks, func(row config.SinkRow) bool { return row.Name == sink })
	return i < 0 || a.cfg.Sinks[i].Wants(typ)
}

// warnOfTypes names patterns that fit nothing: they were mistyped, or meant for a scenario that is to come.
func (a *App) warnOfTypes() {
	for _, row := range a.cfg.Sinks {
		for _, pattern := range row.Types {
			fits := func(t sinks.Type) bool { ok, _ := path.Match(pattern, t.Name); return ok }
			if !slices.ContainsFunc(scenarios.Told(), fits) && !slices.ContainsFunc(a.cfg.Emitted(), func(t string) bool { return fits(sinks.Type{Name: t}) }) {
				a.log.Warn("the sink is limited to types that nothing tells", zap.String("sink", row.Name), zap.String("detail", "the pattern "+pattern+" fits no type of event"))
			}
		}
	}
}
