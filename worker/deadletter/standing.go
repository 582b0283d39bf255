package deadletter

import (
	"context"

	"github.com/signalbox/signalbox/internal/keyhash"
	"github.com/signalbox/signalbox/orchestration/fault"
	"github.com/signalbox/signalbox/worker"
)

// Runs knows whether an event was done.
type Runs interface {
	Finished(ctx context.Context, source, id string) (bool, error)
}

// Standing says what was done about dead letters.
type Standing struct {
	Ledger Ledger
	Runs   Runs
	Hasher *keyhash.Hasher
}

// of fills the states of letters of one queue.
func (s *Standing) of(ctx context.Context, queue string, letters []Letter, messages []worker.Message) error {
	sequences := make([]int64, len(letters))
	for i, l := range letters {
		sequences[i] = l.Sequence
	}
	noted, err := s.Ledger.Noted(ctx, queue, sequences)
	if err != nil {
		return err
	}
	for i := range letters {
		if letters[i].State, err = s.one(ctx, queue, letters[i], messages[i], noted); err != nil {
			return err
		}
	}
	return nil
}

func (s *Standing) one(ctx context.Context, queue string, l Letter, m worker.Message, noted map[int64]Removal) (State, error) {
	if r, is := noted[l.Sequence]; is && r.Mark == MarkOf(s.Hasher, queue, m) {
		if r.Action == Discarded {
			return WasDiscarded, nil
		}
		return WasReplayed, nil
	}
	if !l.Event || l.Reason == string(fault.IDConflict) { // of the same id another content was done
		return Waiting, nil
	}
	ev, _ := decode(m) // it is an event
	done, err := s.Runs.Finished(ctx, ev.Source, ev.ID)
	if err != nil || !done {
		return Waiting, err
	}
	return AlreadyApplied, nil
}
