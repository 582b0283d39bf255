package normal

import (
	"strings"
	"sync"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
)

// Language writes a language as the CSU does: a BCP 47 tag in lower case, such as en-us. It reads tags, locales of
// operating systems (en_US.UTF-8), and names in English or in the language itself. A language without a country takes
// that of the Country, if one is given. False: it is no language.
func Language(text string, in Country) (string, bool) {
	text = Trim(text)
	plain, _, _ := strings.Cut(text, ".")
	plain, _, _ = strings.Cut(plain, "@")
	tag, err := language.Parse(plain)
	if err != nil {
		var known bool
		if tag, known = languageNames()[fold(text)]; !known {
			return "", false
		}
	}
	base, script, region := tag.Raw()
	if base.String() == "und" {
		return "", false
	}
	parts := []string{base.String()}
	if script.String() != "Zzzz" {
		parts = append(parts, script.String())
	}
	if region.String() != "ZZ" {
		parts = append(parts, region.String())
	} else if in.Alpha2 != "" {
		parts = append(parts, in.Alpha2)
	}
	return strings.ToLower(strings.Join(parts, "-")), true
}

// languageNames is by folded name; it is made when it is first asked.
var languageNames = sync.OnceValue(func() map[string]language.Tag {
	names := map[string]language.Tag{}
	for _, a := range letters {
		for _, b := range letters {
			base, err := language.ParseBase(string(a) + string(b))
			if err != nil {
				continue
			}
			tag := language.Make(base.String())
			for _, name := range []string{display.Self.Name(tag), display.English.Languages().Name(tag)} {
				if key := fold(name); key != "" {
					names[key] = tag
				}
			}
		}
	}
	return names
})
