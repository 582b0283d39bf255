package orchestration

import (
	"path"
	"slices"
)

// Channel is one row of the channel table: which CSU, operating unit and legal entity an event belongs to.
type Channel struct {
	Name        string
	Sources     []string // CloudEvents sources whose events take this row when they name none
	CSU         string   // which CSU of the configuration
	OUN         string   // operating unit number, sent with every CSU call
	LegalEntity string
	Currency    string   // ISO 4217
	Language    string   // locale of new customers, such as en-us
	Group       string   // customer group of new customers; empty: the CSU's default
	Sinks       []string // names of the sinks that are told how events ended

	// Only limits sinks to types of events, by the sink's name: patterns as path.Match has them. A sink without an entry is
	// told everything.
	Only map[string][]string
}

// wants says whether a sink of the channel is to be told an event of a type.
func (c Channel) wants(sink, typ string) bool {
	patterns, limited := c.Only[sink]
	return !limited || slices.ContainsFunc(patterns, func(p string) bool {
		ok, err := path.Match(p, typ)
		return ok && err == nil // a bad pattern is refused with the configuration
	})
}

// Scope separates what may share an ID between CSUs and legal entities; it is part of every key.
func (c Channel) Scope() string { return c.CSU + "/" + c.LegalEntity }

// Channels finds an event's row: the named one, else by source, else the only row there is.
type Channels []Channel

// For finds the row of an event; false if none fits.
func (cs Channels) For(ev Event) (Channel, bool) {
	if ev.Channel != "" {
		return cs.find(func(c Channel) bool { return c.Name == ev.Channel })
	}
	if c, ok := cs.find(func(c Channel) bool { return contains(c.Sources, ev.Source) }); ok {
		return c, true
	}
	if len(cs) == 1 && len(cs[0].Sources) == 0 {
		return cs[0], true
	}
	return Channel{}, false
}

func (cs Channels) find(fits func(Channel) bool) (Channel, bool) {
	for _, c := range cs {
		if fits(c) {
			return c, true
		}
	}
	return Channel{}, false
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}
