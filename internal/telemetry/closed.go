package telemetry

import (
	"maps"
	"slices"
)

// closed is a set of label values.
type closed map[string]bool

func closedSet(lists ...[]string) closed {
	c := closed{}
	for _, list := range lists {
		for _, s := range list {
			c[s] = true
		}
	}
	return c
}

// or is value if it is of the set, else the stand-in.
func (c closed) or(value, standIn string) string {
	if c[value] {
		return value
	}
	return standIn
}

func (c closed) list() []string { return slices.Sorted(maps.Keys(c)) }

// and lists the set with the stand-in, where that is to be expected: a type nobody handles, but no queue nobody reads.
func (c closed) and(standIn string) []string {
	if c[standIn] {
		return c.list()
	}
	return append(c.list(), standIn)
}

// vec is what counters, gauges and histograms with labels have in common.
type vec[T any] interface {
	WithLabelValues(values ...string) T
}

// start makes the series of every combination of values.
func start[T any](v vec[T], sets ...[]string) {
	combine(nil, sets, func(values []string) { v.WithLabelValues(values...) })
}

func combine(chosen []string, sets [][]string, do func([]string)) {
	if len(sets) == 0 {
		do(chosen)
		return
	}
	for _, value := range sets[0] {
		combine(append(chosen[:len(chosen):len(chosen)], value), sets[1:], do)
	}
}

func texts[T ~string](list []T) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = string(s)
	}
	return out
}
