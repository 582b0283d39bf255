package store

import (
	"fmt"
	"time"
)

// history remembers the message ids that were sent within a queue's duplicate detection window, whatever became of
// the messages since.
type history struct {
	seen  map[string]sighting
	order []string // the oldest first
}

type sighting struct {
	seq int64
	at  time.Time
}

// number gives the sequence number under which a message id was first stored, if that was within the window.
func (h *history) number(id any, window time.Duration, now time.Time) (int64, bool) {
	for len(h.order) > 0 && !h.seen[h.order[0]].at.Add(window).After(now) {
		delete(h.seen, h.order[0])
		h.order = h.order[1:]
	}
	s, ok := h.seen[historyKey(id)]
	return s.seq, ok
}

// add remembers an id that number does not know.
func (h *history) add(id any, seq int64, now time.Time) {
	if h.seen == nil {
		h.seen = make(map[string]sighting)
	}
	key := historyKey(id)
	h.seen[key] = sighting{seq, now}
	h.order = append(h.order, key)
}

// historyKey keeps ids of different AMQP types apart.
func historyKey(id any) string { return fmt.Sprintf("%T %v", id, id) }
