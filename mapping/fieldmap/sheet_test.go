package fieldmap

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/itchyny/gojq"
	"github.com/stretchr/testify/require"
)

// lines are the problems of a map, one in each line.
func lines(t *testing.T, text string) []string {
	t.Helper()
	_, err := Parse("map.yaml", []byte(text), Limits{}, nil)
	require.Error(t, err)
	var all []string
	for _, p := range Problems(err) {
		all = append(all, p.Error())
	}
	require.Equal(t, strings.Join(all, "\n"), err.Error())
	return all
}

func TestEveryProblemOfAMapIsReportedAtOnce(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{
		"line 2, source: is no text; write text there",
		"line 4, replace: names \"ids\", which is no attribute; use some of: id, time, subject, correlationid, sequence, channel",
		"line 7, data.a.$each: stands in no list; put it into an element of a list",
		"line 8, data.b: is no jq expression; write one, such as .Email | email",
		"line 9, data.b: stands there twice; keep one of the two",
		"line 10, tulip: is not a known key; use one of: source, type, replace, define, data, id, time, subject, correlationid, sequence, channel",
	}, lines(t, `
source: [a]
type: t
replace: [id, ids]
data:
  a:
    $each: .x
  b:
  b: .x
tulip: 1
`))
	require.Equal(t, []string{
		"line 3, id: is no jq expression: unexpected token \"}\" at character 3; correct it, or put text that is meant as such into quotes of its own: '\"home\"'",
		"line 4, time: calls now, which depends on when it is asked; a row must give the same event every time; take it out",
		"line 7, data.a: function not defined: home/0; correct it, or put text that is meant as such into quotes of its own: '\"home\"'",
		"line 9, data.l[0].$each: variable not defined: $x; correct it, or put text that is meant as such into quotes of its own: '\"home\"'",
		"line 10, data.l[0].b: asks for $enqueued, which is another one each time a row is published; ask for it in time only",
	}, lines(t, `
type: t
id: '.a}'
time: now | todate
subject: .ok
data:
  a: home
  l:
    - $each: $x
      b: $enqueued
`))
}

func TestMapsThatCannotBe(t *testing.T) {
	t.Parallel()
	base := func(more string) string { return "type: t\ndata: {a: .a}\n" + more }
	for name, tc := range map[string]struct{ text, says string }{
		"nothing":                            {"", "is no field map"},
		"a list":                             {"[a]", "is no field map"},
		"not YAML":                           {"a: [", "is not YAML"},
		"no type":                            {"data: {a: .a}", "type: is missing"},
		"a type with a space":                {"type: a b\ndata: {a: .a}", "type: is missing or cannot be"},
		"no data":                            {"type: t", "data: is missing"},
		"replacing what it makes not":        {base("replace: [id]"), "names id, which the map does not make"},
		"an alias":                           {"type: t\ndata: {a: &x {b: .c}, d: *x}", "is an alias"},
		"levels without end":                 {"type: t\ndata: " + strings.Repeat("{a: ", 40) + ".a" + strings.Repeat("}", 40), "nested too deep"},
		"a module":                           {base("id: 'import \"a\" as a; .'"), "loads a module"},
		"included functions":                 {base("define: 'include \"a\";'"), "loads a module"},
		"functions that are broken":          {base("define: 'def a: ;'"), "define: is no jq expression"},
		"an internal function":               {base("id: '_fit'"), "calls _fit, which is internal"},
		"an internal function's name":        {base("define: 'def _fit: .;'"), "defines _fit, and such names are internal"},
		"an internal variable":               {base("id: '1 as $__l | $__l'"), "internal"},
		"an internal variable taken apart":   {base("id: '. as {a: $__r} | 1'"), "internal"},
		"the environment":                    {base("id: '$ENV.HOME'"), "calls $ENV, which reads what is not in the row"},
		"a place the row chooses":            {base("id: '.l[.n] = 1'"), "assigns to an index that is computed"},
		"a place by a path":                  {base("id: 'getpath(.p) |= 1'"), "assigns to where getpath leads"},
		"a place picked":                     {base("id: 'pick(.[.n])'"), "assigns to an index that is computed"},
		"a place far away":                   {base("id: '.[1000000] = 1'"), "assigns to an index that is computed"},
		"a zone that is none":                {base("time: '.t | instant(\"iso\"; \"Europe/Wien\")'"), "time zone that is not known"},
		"the zone of the machine":            {base("time: '.t | instant(\"iso\"; \"Local\")'"), "time zone that is not known"},
		"a format of another language":       {base("time: '.t | instant(\"yyyy-MM-dd\"; \"UTC\")'"), "neither iso, unix, unix_ms nor"},
		"a country that is none":             {base("id: '.p | phone(\"Wien\")'"), "with a country that is not known"},
		"a country of the phone":             {base("id: '.p | phone(.Country)'"), "say where to look: phone($row.Country)"},
		"a function with too many arguments": {base("id: '.p | email(1)'"), "function not defined: email/1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Contains(t, strings.Join(lines(t, tc.text), "\n"), tc.says)
		})
	}
}

// TestEveryFunctionOfTheLibraryIsJudged fails with a new version that has new functions: decide whether each gives the
// same everywhere and at every time, then add it here or to refused.
func TestEveryFunctionOfTheLibraryIsJudged(t *testing.T) {
	t.Parallel()
	allowed := map[string]bool{}
	for _, name := range strings.Fields(`IN INDEX JOIN abs add all any arrays ascii_downcase ascii_upcase booleans bsearch capture ceil
		combinations contains copysign del delpaths drem empty endswith error explode fabs fdim finites first flatten floor fmax fmin fmod
		format frexp from_entries fromdate fromdateiso8601 fromjson getpath gmtime group_by gsub has implode in index indices infinite inside
		isempty isfinite isinfinite isnan isnormal iterables join keys last ldexp length limit logb ltrim ltrimstr map map_values match max
		max_by min min_by mktime modf nan nearbyint nextafter nexttoward normals not nth nulls numbers objects path paths pick range recurse
		remainder repeat reverse rindex rint round rtrim rtrimstr scalars scalb scalbln scan select significand skip sort sort_by split splits
		sqrt startswith strftime strings strptime sub test to_entries toboolean todate todateiso8601 tojson tonumber tostream tostring trim
		trimstr trunc truncate_stream type unique unique_by until utf8bytelength values walk while with_entries`) {
		allowed[name] = true
	}
	q, err := gojq.Parse("builtins")
	require.NoError(t, err)
	code, err := gojq.Compile(q)
	require.NoError(t, err)
	all, _ := code.Run(nil).Next()
	require.Greater(t, len(all.([]any)), 150)
	for _, f := range all.([]any) {
		name, _, _ := strings.Cut(f.(string), "/")
		require.NotEqual(t, allowed[name], refused[name] != "", "%s is allowed or refused, not both, and not neither", name)
	}
	for _, f := range Functions() {
		require.False(t, allowed[f.Name] || refused[f.Name] != "", "%s would hide jq's own", f.Name)
	}
}

func TestEveryRefusedFunctionIsRefused(t *testing.T) {
	t.Parallel()
	for name := range refused {
		if name == "import" { // a word of the language
			continue
		}
		text := strings.Join(lines(t, "type: t\ndata: {a: '"+name+"'}\n"), "\n")
		require.Contains(t, text, "calls "+name+", which", name)
	}
}

func TestAFileIsReadFromTheDisk(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "map.yaml")
	_, err := Load(path, Limits{}, nil)
	require.EqualError(t, err, path+" cannot be read: no such file or directory")
	_, err = Load(filepath.Dir(path), Limits{}, nil)
	require.ErrorContains(t, err, "is a folder, no file")
	require.NoError(t, os.WriteFile(path, []byte("source: s\ntype: t\nid: .a\ndata: {a: .a}\n"), 0o600))
	m, err := Load(path, Limits{}, nil)
	require.NoError(t, err)
	require.Equal(t, []any{path, "s", "t", true, false, false}, []any{m.Name, m.Source, m.Type, m.Makes(ID), m.Makes(Time), m.Replaces(ID)})
	require.Nil(t, Problems(os.ErrNotExist))
}
