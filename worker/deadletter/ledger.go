package deadletter

import (
	"context"
	"strconv"
	"time"

	"github.com/signalbox/signalbox/internal/cardnumber"
	"github.com/signalbox/signalbox/internal/keyhash"
	"github.com/signalbox/signalbox/worker"
)

// Removal says that a dead letter is to go from its queue. It is written only when nothing is lost by that: a copy is with the
// broker, or a person has decided to discard it. Until the sweeper has taken it out, lists show it as what it is.
type Removal struct {
	Sequence int64
	Mark     string // the keyed hash of everything that identifies the message; see MarkOf
	Action   Action
	Job      string
	At       time.Time
}

// Action is what an operator did about a dead letter.
type Action string

// The actions.
const (
	Replayed  Action = "replayed"
	Discarded Action = "discarded"
)

// Ledger keeps removals until they are carried out. It is an index: were it lost, the dead letters would only be shown again.
// Safe for concurrent use, also by several processes.
type Ledger interface {
	// Note writes a removal and counts it for its job, both or none; one that is there already changes nothing.
	Note(ctx context.Context, queue string, r Removal) error
	// Noted gives the removals of those sequence numbers that have one.
	Noted(ctx context.Context, queue string, sequences []int64) (map[int64]Removal, error)
	// Pending gives all removals of a queue, by sequence number.
	Pending(ctx context.Context, queue string) ([]Removal, error)
	// Done forgets removals that were carried out.
	Done(ctx context.Context, queue string, sequences []int64) error
}

// MarkOf identifies a dead letter beyond its number: queue, sequence number, enqueued time and message ID, as a keyed hash,
// because producers choose message IDs. One with a card number is left out: not even its hash is to be kept.
func MarkOf(h *keyhash.Hasher, queue string, m worker.Message) string {
	if cardnumber.In(m.ID) {
		m.ID = ""
	}
	return h.Sum("dead letter", queue, strconv.FormatInt(m.Sequence, 10), strconv.FormatInt(m.Enqueued.UnixMilli(), 10), m.ID)
}
