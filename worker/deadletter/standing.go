package deadletter

import (
	"context"

	"github.com/signalbox/signalbox/internal/keyhash"
	"github.com/signalbox/signalbox/orchestration/fault"
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

func (s *Standing) of(ctx context.Context, f found) (State, error) {
	noted, err := s.Ledger.Noted(ctx, f.Queue, []int64{f.Sequence})
	if err != nil {
		return "", err
	}
	if r, is := noted[f.Sequence]; is && r.Mark == MarkOf(s.Hasher, f.Queue, f.message) {
		if r.Action == Discarded {
			return WasDiscarded, nil
		}
		return WasReplayed, nil
	}
	if !f.Event || f.Reason == string(fault.IDConflict) { // of the same id another content was done
		return Waiting, nil
	}
	done, err := s.Runs.Finished(ctx, f.event.Source, f.event.ID)
	if err != nil || !done {
		return Waiting, err
	}
	return AlreadyApplied, nil
}
