package orchestration

import (
	"fmt"
	"strings"
	"time"
)

// stateVersion orders the states of one entity: the event's time, then its CloudEvents sequence, then the place where
// the broker first took it. It is text that compares as bytes, so that the store can compare it in a script. The origin
// breaks ties because a copy's own sequence number is later than that of events published after it. It is short because each binding
// keeps one: beyond 64 bytes a hash in Redis takes twice the memory.
func stateVersion(ev Event) string {
	return fmt.Sprintf("%s/%s/%015d.%016x", sortable(ev.Time), paddedSequence(ev.Sequence), ev.Origin.Enqueued.UnixMilli(), ev.Origin.Sequence)
}

// arrivalVersion orders events of one entity by the place where the broker first took them alone.
func arrivalVersion(ev Event) string {
	return fmt.Sprintf("%s.%016x", sortable(ev.Origin.Enqueued), ev.Origin.Sequence)
}

// sortable is a time as text that compares as the time does, for every year that JSON can say. Nanoseconds since 1970
// would overflow: a producer's null date of the year 1600 would come after everything.
func sortable(t time.Time) string { return t.UTC().Format(sortableTime) }

const sortableTime = "20060102150405.000000000"

// VersionTime is the moment that a version begins with; zero for text that is no version.
func VersionTime(version string) time.Time {
	at, err := time.Parse(sortableTime, version[:min(len(version), len(sortableTime))])
	if err != nil {
		return time.Time{}
	}
	return at
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
