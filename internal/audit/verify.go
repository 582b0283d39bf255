package audit

import (
	"fmt"
	"slices"

	"github.com/signalbox/signalbox/internal/keyhash"
)

// Problem is something wrong with the chain.
type Problem struct {
	Number int64  `json:"number"` // of the entry
	Where  string `json:"where"`  // the file, or redis
	What   string `json:"what"`
}

// Copy is one place's chain, as it lies there.
type Copy struct {
	Where   string
	Entries []Entry
	Head    *Head // what the place itself says its last entry is; nil if it says nothing
	Torn    int   // lines that are no entries
	Begins  bool  // it must begin with entry 1; a place that keeps only the last ones need not
}

// Head names an entry.
type Head struct {
	Number int64  `json:"number"`
	Hash   string `json:"hash"`
}

// String is how an operator notes an entry.
func (h *Head) String() string { return fmt.Sprintf("%d:%s", h.Number, h.Hash) }

// Verify holds copies of one chain against themselves and each other. host is the machine that asks: what another machine did and a
// file here lacks is no problem, for the next action here adds it.
func Verify(h *keyhash.Hasher, host string, copies ...Copy) []Problem {
	var all []Problem
	for _, c := range copies {
		all = append(all, c.verify(h)...)
	}
	for i, c := range copies {
		for _, other := range copies[i+1:] {
			all = append(all, c.against(other, host)...)
			all = append(all, other.against(c, host)...)
			all = append(all, c.differs(other)...)
		}
	}
	return all
}

func (c Copy) verify(h *keyhash.Hasher) (all []Problem) {
	say := func(n int64, format string, args ...any) {
		all = append(all, Problem{n, c.Where, fmt.Sprintf(format, args...)})
	}
	if c.Torn > 0 {
		say(0, "%d lines are no entries", c.Torn)
	}
	if c.Begins && len(c.Entries) > 0 && c.Entries[0].Number != 1 {
		say(c.Entries[0].Number, "what was before it is missing")
	}
	for i, e := range c.Entries {
		if e.Hash != sum(h, e) {
			say(e.Number, "was changed, or is not by who has the fleet's hash key")
		}
		if i == 0 {
			continue
		}
		switch last := c.Entries[i-1]; {
		case e.Number <= last.Number:
			say(e.Number, "stands behind entry %d", last.Number)
		case e.Number > last.Number+1:
			say(e.Number, "follows entry %d: what was between is missing", last.Number)
		case e.Previous != last.Hash:
			say(e.Number, "was not written behind the entry %d that is there", last.Number)
		}
	}
	if c.Head == nil {
		return all
	}
	if n := len(c.Entries); n == 0 || c.Entries[n-1].Number != c.Head.Number || c.Entries[n-1].Hash != c.Head.Hash {
		say(c.Head.Number, "was the last one, and is missing, or is not as it was")
	}
	return all
}

// against finds what lies in another copy behind the end of this one.
func (c Copy) against(other Copy, host string) (all []Problem) {
	last := int64(0)
	for _, e := range c.Entries {
		last = max(last, e.Number)
	}
	for _, e := range other.Entries {
		if e.Number > last && (e.Host == host || !c.Begins) {
			all = append(all, Problem{e.Number, c.Where, "is missing at the end; " + other.Where + " has it"})
		}
	}
	return all
}

// differs finds entries that are not the same in both.
func (c Copy) differs(other Copy) (all []Problem) {
	for _, e := range c.Entries {
		i := slices.IndexFunc(other.Entries, func(o Entry) bool { return o.Number == e.Number })
		if i >= 0 && other.Entries[i].Hash != e.Hash {
			all = append(all, Problem{e.Number, c.Where, "is another one than in " + other.Where})
		}
	}
	return all
}

// Holds says whether an entry that somebody has noted lies in one of the copies.
func Holds(head Head, copies ...Copy) bool {
	for _, c := range copies {
		if slices.ContainsFunc(c.Entries, func(e Entry) bool { return e.Number == head.Number && e.Hash == head.Hash }) {
			return true
		}
	}
	return false
}
