package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/signalbox/signalbox/orchestration"
)

var (
	currency = regexp.MustCompile(`^[A-Z]{3}$`)
	language = regexp.MustCompile(`^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$`)
)

// channels judges the table row by row: each name once, each source in one row, each field possible.
func (l *loading) channels(c *Config) {
	rows, rowOf := map[string]bool{}, map[string]string{}
	for i, row := range c.Channels {
		report := func(field, what, do string) {
			l.problems = append(l.problems, Problem{fmt.Sprintf("channels[%d].%s", i, field), c.origin("channels"), what, do})
		}
		checkRow(row, c.CSU.Name, report)
		if rows[row.Name] {
			report("name", show(row.Name)+" is another row's name too", "give each row a name of its own")
		}
		rows[row.Name] = true
		for _, s := range row.Sources {
			if other, taken := rowOf[s]; taken {
				report("sources", show(s)+" is in row "+show(other)+" too", "leave it in one, so that its events have one channel")
			}
			rowOf[s] = row.Name
		}
	}
}

func checkRow(row orchestration.Channel, csu string, report func(field, what, do string)) {
	for _, f := range []struct {
		key  string
		ok   bool
		want string
	}{
		{"name", plainName.MatchString(row.Name), "letters, digits, dots and dashes, at most 63"},
		{"csu", row.CSU == csu, "the name of a configured CSU: " + csu},
		{"oun", strings.TrimSpace(row.OUN) != "", "the operating unit number, such as 052"},
		{"legal_entity", strings.TrimSpace(row.LegalEntity) != "", "the legal entity, such as usrt"},
		{"currency", row.Currency == "" || currency.MatchString(row.Currency), "an ISO 4217 code, such as EUR"},
		{"language", row.Language == "" || language.MatchString(row.Language), "a locale, such as en-us"},
		{"sources", !slices.Contains(row.Sources, ""), "sources that are not empty"},
	} {
		if !f.ok {
			report(f.key, "is missing or cannot be", "set it to "+f.want)
		}
	}
}
