package publish

import (
	"github.com/signalbox/signalbox/internal/app"
	"github.com/signalbox/signalbox/internal/cli/input"
	"github.com/signalbox/signalbox/internal/cli/rowsource"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/worker"
	"github.com/signalbox/signalbox/worker/envelope"
)

// row takes a row of a source. What is sent is the event that its field map makes, so that a worker needs no map for it.
func (p *publisher) row(l input.Line) (worker.Message, *Refusal) {
	p.warned = nil
	ev, warnings, err := p.o.Source.Row(l.Text, p.arrival(), envelope.Limits{MaxBytes: p.o.MaxBytes})
	if err != nil {
		return worker.Message{}, refusal(l.Number, err, "")
	}
	if err := p.o.Checker.Check(ev); err != nil {
		return worker.Message{}, refusal(l.Number, err, "/data")
	}
	p.warned = warnings
	ev.Origin, ev.Generation = orchestration.Origin{}, 0 // it is new to the broker
	return app.Message(ev), nil
}

// warn tells of the row that was checked last.
func (p *publisher) warn(number int) {
	for _, w := range p.warned {
		p.sum.Warnings++
		if p.o.Warned != nil {
			p.o.Warned(rowsource.Warning{Line: number, Warning: w})
		}
	}
}
