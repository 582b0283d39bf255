package fieldmap

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/itchyny/gojq"
	"github.com/stretchr/testify/require"
)

func field1(expression string) string {
	b, _ := json.Marshal(expression)
	return "type: t\nid: '\"1\"'\ntime: '\"2026-01-05T09:00:00Z\"'\ndata: {a: " + string(b) + ", b: '\"later\"'}\n"
}

// outcome is the rule that a program fails on, or what it makes; it took how long, and how much memory at most in all.
func outcome(t *testing.T, expression, row string) (rule string, took time.Duration, took2 uint64) {
	t.Helper()
	m, err := Parse("map.yaml", []byte(field1(expression)), Limits{}, nil)
	require.NoError(t, err)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began := time.Now()
	ev, err := m.Make(Row{JSON: json.RawMessage(row)})
	took = time.Since(began)
	runtime.ReadMemStats(&after)
	if err == nil {
		return string(ev.Data), took, after.TotalAlloc - before.TotalAlloc
	}
	f, ok := err.(*Failed) //nolint:errorlint // that is what Make gives
	require.True(t, ok, "%v", err)
	require.Equal(t, "/data/a", f.Failures[0].Field)
	return f.Failures[0].Rule, took, after.TotalAlloc - before.TotalAlloc
}

// TestALoopEndsAndMemoryStaysFlat runs every way that is known of to take all the time or memory there is.
func TestALoopEndsAndMemoryStaysFlat(t *testing.T) {
	for name, tc := range map[string]struct{ expression, row, rule string }{
		"a function that calls itself":               {"def f: f; f", "{}", ruleSteps},
		"a function that piles up":                   {"def f: 1 + f; f", "{}", ruleSteps},
		"a loop that gives nothing":                  {"repeat(1) | empty", "{}", ruleSteps},
		"a loop without end":                         {"until(false; .)", "{}", ruleSteps},
		"the last of a billion":                      {"last(range(1e12))", "{}", ruleSteps},
		"a list of a billion":                        {"[range(1e12)]", "{}", ruleSteps},
		"text repeated by a number in the row":       {".s * .n", `{"s":"12","n":1000000000}`, ruleSize},
		"a number times text in the row":             {".n * .s", `{"s":"12","n":1000000000}`, ruleSize},
		"text doubled":                               {"reduce range(60) as $i (\"xx\"; . + .)", "{}", ruleSize},
		"text doubled in itself":                     {`reduce range(60) as $i ("xx"; "\(.)\(.)")`, "{}", ruleSize},
		"text doubled by an assignment":              {`reduce range(60) as $i ({a: "xx"}; .a += .a)`, "{}", ruleSize},
		"a list doubled":                             {"reduce range(60) as $i ([1]; . + .)", "{}", ruleSize},
		"a list doubled in itself":                   {"reduce range(60) as $i ([1]; [., .])", "{}", ruleSize},
		"an object that holds itself twice":          {"reduce range(60) as $i ({}; {a: ., b: .})", "{}", ruleSize},
		"an object that is assigned to itself":       {"reduce range(60) as $i ({}; .a = . | .b = .a)", "{}", ruleSize},
		"lists that are mapped to two of each":       {"reduce range(60) as $i ([[1,2,3,4,5,6,7,8,9]]; map(., .)) | tojson", "{}", ruleSteps},
		"a whole number squared again and again":     {"reduce range(60) as $i (3; . * .)", "{}", ruleSize},
		"text added up":                              {"reduce range(60) as $i (\"xx\"; [., .] | add)", "{}", ruleSize},
		"text joined":                                {"reduce range(60) as $i (\"xx\"; [., .] | join(\",\"))", "{}", ruleSize},
		"every character of a long text":             {`[.s | scan(".")] | length`, `{"s":"` + strings.Repeat("x", 200_000) + `"}`, ruleSize},
		"a text in which every character is changed": {`.s | gsub("[^0-9]"; "")`, `{"s":"` + strings.Repeat("x", 200_000) + `"}`, ruleSize},
		"two long lists, one minus the other":        {".l - .l", `{"l":[` + strings.Repeat("1,", 60_000) + `2]}`, ruleSize},
		"a long list in a long list":                 {"[.l | contains($row.l)]", `{"l":[` + strings.Repeat("1,", 60_000) + `2]}`, ruleSize},
		"a long list found in a long list":           {"[.l | indices($row.l)]", `{"l":[` + strings.Repeat("1,", 60_000) + `2]}`, ruleSize},
		"output that is too large":                   {"[range(200000)]", "{}", ruleSize},
		"output that is too deep":                    {"reduce range(100) as $i (1; [.])", "{}", ruleSize},
	} {
		t.Run(name, func(t *testing.T) {
			rule, took, memory := outcome(t, tc.expression, tc.row)
			require.Equal(t, tc.rule, rule)
			require.Less(t, took, 10*time.Second)
			require.Less(t, memory, uint64(512<<20), "in all; most of it is gone again at any moment")
		})
	}
}

// The deadline is for a library that would ask its context less often than it does.
func TestADeadlineEndsARowToo(t *testing.T) {
	t.Parallel()
	m, err := Parse("map.yaml", []byte(field1("until(false; .)")), Limits{Deadline: time.Nanosecond, Steps: 1 << 60}, nil)
	require.NoError(t, err)
	_, err = m.Make(Row{JSON: json.RawMessage(`{}`)})
	require.ErrorContains(t, err, "takes more work than a row may")
}

// A process that was frozen in the middle of a row finds the deadline long past when it thaws.
func TestARowIsNotBlamedForAProcessThatStoodStill(t *testing.T) {
	t.Parallel()
	m, err := Parse("map.yaml", []byte(field1(".a + 1")), Limits{}, nil)
	require.NoError(t, err)
	tries := 0
	e, problems := newEvaluator(m.sheet)
	require.Empty(t, problems)
	ev, err := e.inTime(Row{JSON: json.RawMessage(`{"a":1}`)}, func() (context.Context, context.CancelFunc) {
		ctx, cancel := context.WithCancel(t.Context())
		if tries++; tries == 1 {
			cancel()
		}
		return ctx, cancel
	})
	require.NoError(t, err)
	require.Equal(t, 2, tries)
	require.JSONEq(t, `{"a":2,"b":"later"}`, string(ev.Data))
}

// TestGuardedProgramsMeanTheSame runs programs as they are and as they are rewritten.
func TestGuardedProgramsMeanTheSame(t *testing.T) {
	t.Parallel()
	in, err := decode([]byte(`{"a":3,"b":4,"s":"xy","l":[1,2,3,2],"m":[{"k":"p","v":1},{"k":"q","v":2}],"o":{"x":1,"y":{"z":2}}}`))
	require.NoError(t, err)
	for _, text := range []string{
		".a + .b", ".a - .b * 2 + 1", "(.a, .b) + (10, 20)", "(1, 2) - (10, 20)", "(2, 3) * (.a, .b)", ".s * 3", ".s + .s", ".l - [2]", ".l + [4] - [1]", ".o * {y: {w: 3}}",
		`"a\(.a)b\(.b + 1)c"`, `"\(.l)" + "\(.o)"`, "@json", "@csv \"\\(.l)\"", "@base64 \"\\(.s)\"", "[.l[] | . * 2]", "{a, b: (.b + 1), (.s): .l}", "[.l[] as $x | $x + .a]",
		".a += 1", ".l[] += 1", ".a += (1, 2)", ".l -= [2]", ".o.y.z *= 5", ".b /= 2", ".b %= 3", ".missing //= 7", ".a = 9", ".o.y |= keys", ".l |= map(. + 1)", "(.a, .b) |= . + 1", "(.l[] | select(. > 1)) |= . * 10",
		".l | index(2)", ".l | indices(2)", ".l | indices(2, 3)", ".l | rindex(2)", ".s | index(\"y\")", ".l | contains([2])", "[2] | inside([1, 2])", ".o | contains({y: {z: 2}})",
		".s | test(\"X\"; \"i\")", ".s | gsub(\"x\"; \"z\")", ".s | sub(\"(?<c>.)\"; \"\\(.c)\\(.c)\")", "[.s | scan(\".\")]", ".s | split(\"\"; null)", ".s | split(\"x\")", "[.s | match(\".\"; \"g\") | .offset]",
		"reduce .l[] as $x (0; . + $x)", "foreach .l[] as $x (0; . + $x; [$x, .])", "[limit(3; repeat(.a + 1))]", "def f(g): g + 1; f(.a) + f(.b)", "def f($x): . + $x; .a | f(1) - f(2)", ". as {a: $x, l: [$y]} | $x + $y",
		"try (.a + .s) catch \"no\"", "(.a + .s)? // \"none\"", "[.l[] | if . > 1 then . - 1 elif . == 1 then . + 1 else 0 end]", ".m | map({(.k): .v}) | add", ".m | from_entries", ".o | with_entries(.value |= tostring)",
		"[paths]", "path(.o.y)", "[.. | numbers] | add", "del(.l[0])", ".l[1:] + .l[:1]", "label $out | .l[] | if . == 2 then ., break $out else . + 0 end", ".a as $x | .b as $y | $x * $y - $x", "-(.a) + -.b", "[.l[] | tostring] | join(\"-\")", "[.a + 1, .b + 1][1]", "{x: .a}.x + 1", "\"\\(.s)!\" | length", "$__loc__ | .line + 1",
		".a + (.b as $x | $x + (.a as $y | $y - $x)) + 1", ".l | map(. + (.. + 1))", "[.l[] | . as $x | [$x - 1, $x + 1] | .[0] * .[1]]", "input_line", "pick(.o.y.z, .l[1])", ".[\"a\"] + .[\"b\"]",
	} {
		plain, want := run(t, text, false, in)
		rewritten, got := run(t, text, true, in)
		require.Equal(t, want, got, "%s\nbecame %s, from %s", text, rewritten, plain)
	}
}

// run gives what a program gives, errors included.
func run(t *testing.T, text string, guarded bool, in any) (program string, out []string) {
	t.Helper()
	q, err := gojq.Parse(text)
	require.NoError(t, err, text)
	e := &evaluator{s: &sheet{limits: Limits{}.withDefaults()}, budget: &budget{Context: t.Context(), left: 1 << 30}}
	var options []gojq.CompilerOption
	if guarded {
		guard(q)
		for _, f := range guards {
			options = append(options, gojq.WithFunction(f.Name, f.min, f.max, func(v any, args []any) any { return f.do(e, v, args) }))
		}
	}
	code, err := gojq.Compile(q, options...)
	if err != nil {
		return q.String(), []string{err.Error()}
	}
	for results := code.Run(in); ; {
		v, more := results.Next()
		if !more {
			return q.String(), out
		}
		if err, failed := v.(error); failed {
			return q.String(), append(out, fmt.Sprint("error: ", err))
		}
		b, err := gojq.Marshal(v)
		require.NoError(t, err)
		out = append(out, string(b))
	}
}
