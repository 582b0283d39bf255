package orchestration

import (
	"fmt"
	"strings"
)

// stateVersion orders the states of one entity: the event's time, then its CloudEvents sequence, then the place where
// the broker first took it. It is text that compares as bytes, so that the store can compare it in a script. The origin
// breaks ties because a copy's own sequence number is later than that of events published after it.
func stateVersion(ev Event) string {
	return fmt.Sprintf("%020d/%s/%015d.%020d", ev.Time.UTC().UnixNano(), paddedSequence(ev.Sequence), ev.Origin.Enqueued.UTC().UnixMilli(), ev.Origin.Sequence)
}

// paddedSequence makes numeric sequences compare as numbers; others compare as the text they are.
func paddedSequence(s string) string {
	if s != "" && strings.Trim(s, "0123456789") == "" && len(s) < 20 {
		return strings.Repeat("0", 20-len(s)) + s
	}
	return s
}

// String is the origin as it is stored and compared.
func (o Origin) String() string {
	return fmt.Sprintf("%s/%d/%d", o.Queue, o.Enqueued.UTC().UnixMilli(), o.Sequence)
}
