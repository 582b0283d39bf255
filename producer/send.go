package producer

import (
	"context"
	"errors"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
	"github.com/Azure/go-amqp"

	"github.com/signalbox/signalbox/orchestration/fault"
)

// Sender is the part of *azservicebus.Sender that is used.
type Sender interface {
	NewMessageBatch(ctx context.Context, o *azservicebus.MessageBatchOptions) (*azservicebus.MessageBatch, error)
	SendMessageBatch(ctx context.Context, batch *azservicebus.MessageBatch, o *azservicebus.SendMessageBatchOptions) error
	SendMessage(ctx context.Context, m *azservicebus.Message, o *azservicebus.SendMessageOptions) error
}

// Outcome says what became of an event.
type Outcome string

// The outcomes.
const (
	Sent    Outcome = "sent"    // the broker has it, for good
	Refused Outcome = "refused" // it is not valid, or too large for the queue: as it is, it never will be sent
	Unsent  Outcome = "unsent"  // it was not given to the broker; send it again when what is in the way is gone
	Unknown Outcome = "unknown" // the broker may have it: send it again, under the same id
)

// Result is what became of one event.
type Result struct {
	Event   Event
	Outcome Outcome
	Err     error // why it was not Sent; a *fault.Error when it was Refused by Validate
}

// Send checks events and sends those that are valid, in as few transfers as they fit into and in their order. It answers in the order
// in which they were given. It does not try again: the SDK does, as its options say.
func Send(ctx context.Context, to Sender, events ...Event) []Result {
	s := sending{ctx: ctx, to: to, results: make([]Result, len(events))}
	for i, e := range events {
		s.results[i] = Result{Event: e}
		if err := Validate(e); err != nil {
			s.results[i].Outcome, s.results[i].Err = Refused, err
			continue
		}
		s.open = append(s.open, i)
	}
	for len(s.open) > 0 {
		s.sendSome()
	}
	return s.results
}

type sending struct {
	ctx     context.Context
	to      Sender
	results []Result
	open    []int // events that are not settled, in order
	alone   int   // so many of them go by themselves: the transfer that they shared was too large
}

// sendSome sends as many of the open events as one transfer takes, at least one.
func (s *sending) sendSome() {
	batch, err := s.to.NewMessageBatch(s.ctx, nil)
	if err != nil {
		s.end(len(s.open), Unsent, err) // nothing was given to the broker
		return
	}
	n, most := 0, len(s.open)
	if s.alone > 0 {
		most = 1
	}
	for n < most && err == nil {
		if err = batch.AddMessage(s.results[s.open[n]].Event.Message(), nil); err == nil {
			n++
		}
	}
	switch {
	case n > 0:
		err = s.to.SendMessageBatch(s.ctx, batch, nil)
	case errors.Is(err, azservicebus.ErrMessageTooLarge): // what a link without a limit answers, too: the broker has the last word
		n, err = 1, s.to.SendMessage(s.ctx, s.results[s.open[0]].Event.Message(), nil)
	default: // it cannot be encoded
		s.end(1, Refused, err)
		return
	}
	outcome := outcomeOf(err)
	if outcome == Refused && n > 1 { // the transfer, which says nothing of each of its events
		s.alone = n
		return
	}
	s.end(n, outcome, err)
	s.alone = max(0, s.alone-n)
	if outcome == Unsent || s.ctx.Err() != nil { // nor will the others be
		s.end(len(s.open), Unsent, errors.Join(err, s.ctx.Err()))
	}
}

// end settles the first n open events.
func (s *sending) end(n int, outcome Outcome, err error) {
	for _, i := range s.open[:n] {
		s.results[i].Outcome, s.results[i].Err = outcome, err
	}
	s.open = s.open[n:]
}

// outcomeOf reads what the SDK says of a transfer. Only what refuses it for sure counts as that.
func outcomeOf(err error) Outcome {
	var known *azservicebus.Error
	var raw *amqp.Error
	switch {
	case err == nil:
		return Sent
	case errors.Is(err, azservicebus.ErrMessageTooLarge), errors.As(err, &raw) && raw.Condition == amqp.ErrCondMessageSizeExceeded:
		return Refused
	case errors.As(err, &known) && (known.Code == azservicebus.CodeNotFound || known.Code == azservicebus.CodeUnauthorizedAccess || known.Code == azservicebus.CodeClosed):
		return Unsent
	}
	return Unknown
}

// Reason is why an event was refused, in the words of dead letters; empty for other errors.
func (r Result) Reason() string {
	var f *fault.Error
	if !errors.As(r.Err, &f) {
		return ""
	}
	return string(f.Reason)
}
