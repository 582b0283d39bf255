package valuemap

import (
	"fmt"
	"regexp"
	"unicode/utf8"

	"github.com/signalbox/signalbox/internal/joined"
	"github.com/signalbox/signalbox/mapping"
)

// longest is how many characters a value has at most: far more than any code of D365.
const longest = 100

// shapes are what ids of some kinds look like everywhere.
var shapes = map[string]struct {
	like *regexp.Regexp
	is   string
}{
	mapping.KindCurrency: {regexp.MustCompile(`^[A-Z]{3}$`), "an ISO 4217 code, such as EUR"},
}

// Check judges rows; the error joins every Problem.
func Check(kind string, oneWay bool, rows []Row) error {
	c := checking{from: map[string]Row{}, to: map[string]Row{}}
	if len(rows) == 0 {
		c.problem(0, "holds no rows", "write at least one")
	}
	for _, r := range rows {
		c.row(kind, oneWay, r)
	}
	return joined.Error(c.problems)
}

type checking struct {
	from, to map[string]Row
	problems []Problem
}

func (c *checking) problem(line int, what, do string) {
	c.problems = append(c.problems, Problem{line, what, do})
}

func (c *checking) row(kind string, oneWay bool, r Row) {
	switch {
	case r.From == "":
		c.problem(r.Line, "has no value of the source", "write it into from, or take the row out")
		return
	case r.To == "":
		c.problem(r.Line, fmt.Sprintf("says nothing for %q", r.From), "write what D365 calls it into to, or take the row out")
		return
	case utf8.RuneCountInString(r.From) > longest, utf8.RuneCountInString(r.To) > longest:
		c.problem(r.Line, fmt.Sprintf("has a value of more than %d characters", longest), "write codes, not sentences")
		return
	}
	if s, has := shapes[kind]; has && !s.like.MatchString(r.To) {
		c.problem(r.Line, fmt.Sprintf("%q is no %s", r.To, kind), "write "+s.is)
	}
	other, twice := c.from[r.From]
	switch {
	case twice && other.To == r.To:
		c.problem(r.Line, fmt.Sprintf("%q stands there twice, in line %d, too", r.From, other.Line), "keep one of the two")
		return
	case twice:
		c.problem(r.Line, fmt.Sprintf("%q is %q here and %q in line %d", r.From, r.To, other.To, other.Line), "keep one of the two")
		return
	}
	c.from[r.From] = r
	if other, taken := c.to[r.To]; taken && !oneWay {
		c.problem(r.Line, fmt.Sprintf("%q is %q, and so is %q in line %d: nobody could tell it back", r.From, r.To, other.From, other.Line),
			"keep one of the two, or set one_way if several values of the source mean the same")
		return
	}
	c.to[r.To] = r
}
