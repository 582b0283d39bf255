package config

import "slices"

// authorityLists judges each order of sources: one that stands in it twice has no place.
func authorityLists() (all []relation) {
	for _, l := range []struct {
		key  string
		list func(a Authority) []string
	}{
		{"customers.authority.all", func(a Authority) []string { return a.All }},
		{"customers.authority.name", func(a Authority) []string { return a.Name }},
		{"customers.authority.email", func(a Authority) []string { return a.Email }},
		{"customers.authority.phone", func(a Authority) []string { return a.Phone }},
		{"customers.authority.language", func(a Authority) []string { return a.Language }},
		{"customers.authority.addresses", func(a Authority) []string { return a.Addresses }},
	} {
		all = append(all, relation{[]string{l.key}, func(c *Config) []wrong {
			list := slices.Sorted(slices.Values(l.list(c.Customers.Authority)))
			return unless(len(slices.Compact(list)) == len(l.list(c.Customers.Authority)), "has a source twice", "name each source once, the highest first")
		}})
	}
	return all
}
