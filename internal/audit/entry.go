// Package audit is the record of what operators do: small, chained, and written before the action takes effect.
//
// Each entry says who set out to do what, to what, when and why. Its hash is keyed and covers the entry before it, so whoever changes,
// removes or reorders entries without the fleet's hash key is found out (Verify). An entry that cannot be written ends the action
// before it has begun. That an entry is there says that somebody set out to do it; whether it went well, the action itself shows.
//
// The chain lies in two places: the last thousand entries in Redis (Store), which orders the operators of a fleet, and all of them in
// a file of its own (audit.path), which outlives Redis. Each is brought up to date from the other by the next entry, so a file on
// any machine ends up whole.
//
// Entries hold no personal data of customers: Check refuses a reason that looks like it, and what was selected is a keyed hash.
// Who acted is in them on purpose.
package audit

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/signalbox/signalbox/internal/keyhash"
)

// Entry is one action of an operator.
type Entry struct {
	Number        int64     `json:"number"` // 1 first, without gaps
	At            time.Time `json:"at"`     // UTC, by the clock of the machine it was asked on
	By            string    `json:"by"`
	Host          string    `json:"host"`
	Action        string    `json:"action"` // as the command is called
	Target        string    `json:"target"` // what it is done to
	Reason        string    `json:"reason,omitempty"`
	Detail        string    `json:"detail,omitempty"` // how: until when, how many a second, which selection
	CorrelationID string    `json:"correlation_id"`   // of this action, for logs and jobs
	Previous      string    `json:"previous"`         // hash of the entry before; empty for the first
	Hash          string    `json:"hash"`
}

// sum is the hash that an entry must have.
func sum(h *keyhash.Hasher, e Entry) string {
	e.Hash, e.At = "", e.At.UTC()
	text, _ := json.Marshal(e) // texts, a number and a time always encode
	return h.Sum("audit", string(text))
}

// seal makes an entry follow another.
func seal(h *keyhash.Hasher, last, e Entry) Entry {
	e.Number, e.Previous = last.Number+1, last.Hash
	e.Hash = sum(h, e)
	return e
}

// longest is more than a sentence needs.
const longest = 500

var (
	digits  = regexp.MustCompile(`[0-9](?:[ .()/+-]?[0-9]){8,}`)
	moments = regexp.MustCompile(`[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2})?Z?)?`)
)

// Check says whether a reason may be written down.
func Check(reason string) error {
	switch {
	case len(reason) > longest:
		return fmt.Errorf("a reason has at most %d bytes", longest)
	case strings.Contains(reason, "@"), digits.MatchString(moments.ReplaceAllString(reason, "")):
		return errors.New("the reason seems to hold an address or a long number; say it without, for the audit is kept and holds nothing personal")
	}
	return nil
}
