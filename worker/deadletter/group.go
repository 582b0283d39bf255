package deadletter

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/signalbox/signalbox/orchestration/fault"
)

// Group is dead letters that fail alike: of one type, for one reason, at one step, with one description but for its numbers.
type Group struct {
	Fingerprint string      `json:"group"` // stable across queues, processes and releases
	Reason      string      `json:"reason"`
	Blame       fault.Blame `json:"blame"`
	Step        string      `json:"step,omitempty"`
	Type        string      `json:"type,omitempty"`
	Description string      `json:"description"` // of the oldest
	Count       int         `json:"count"`
	Queues      []string    `json:"queues"`
	First       time.Time   `json:"first"` // when the oldest and the newest were dead-lettered
	Last        time.Time   `json:"last"`
	Example     int64       `json:"example"` // sequence number of the oldest, in the first of Queues
}

// Groups puts the selected dead letters together by how they fail, the largest group first.
func Groups(ctx context.Context, shelves []Shelf, s Selection) ([]Group, error) {
	groups := map[string]*Group{}
	err := each(ctx, shelves, s, func(f found) error {
		g := groups[f.Group]
		if g == nil {
			g = &Group{Fingerprint: f.Group, Reason: f.Reason, Blame: f.Blame, Step: f.Step, Type: f.Type, Description: f.Description,
				First: f.since(), Last: f.since(), Example: f.Sequence}
			groups[f.Group] = g
		}
		g.Count++
		if !slices.Contains(g.Queues, f.Queue) {
			g.Queues = append(g.Queues, f.Queue)
		}
		if f.since().Before(g.First) {
			g.First = f.since()
		}
		if f.since().After(g.Last) {
			g.Last = f.since()
		}
		return nil
	})
	all := make([]Group, 0, len(groups))
	for _, g := range groups {
		all = append(all, *g)
	}
	slices.SortFunc(all, func(a, b Group) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Fingerprint, b.Fingerprint))
	})
	return all, err
}

// varying is what differs between two failures of one cause: GUIDs, hashes and numbers.
var varying = regexp.MustCompile(`[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}|[0-9a-fA-F]{16,}|[0-9]+`)

// fingerprint names how a letter failed. A status or an index in a JSON pointer is a number, too: two places of one list are one
// cause, and the codes of the target stay apart by their names.
func fingerprint(l Letter) string {
	words := varying.ReplaceAllString(l.Description, "#")
	sum := sha256.Sum256([]byte(strings.Join([]string{l.Reason, l.Step, l.Type, words}, "\x00")))
	return hex.EncodeToString(sum[:4])
}
