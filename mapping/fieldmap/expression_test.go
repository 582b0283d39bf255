package fieldmap

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/orchestration/fault"
)

func TestAnExpressionIsBoundLikeAMapAndKeepsWhatIsNull(t *testing.T) {
	t.Parallel()
	value := func(text, in string, values ...json.RawMessage) (string, error) {
		x, err := Compile("when", text, ExpressionLimits(64<<10), "$event", "$kept")
		require.NoError(t, err, text)
		out, err := x.Value(json.RawMessage(in), values...)
		return string(out), err
	}
	for text, want := range map[string]string{
		`. + {b: 1}`:                   `{"a":10.10,"b":1,"n":null}`,
		`.n`:                           `null`,
		`empty`:                        `null`,
		`.a > 10 and $event.id == "7"`: `true`,
		`$kept`:                        `null`,
		`"Zoë" | length`:               `3`,
	} {
		got, err := value(text, `{"a": 10.10, "n": null}`, json.RawMessage(`{"id": "7"}`))
		require.NoError(t, err, text)
		require.JSONEq(t, want, got, text)
	}
	for _, text := range []string{`.a.b`, `error(.a)`, `range(0; 1e9)`, `last(range(0; 1e9))`, `"x" * 100000000`, `1, 2`, `[limit(30000; repeat("abc"))]`} {
		_, err := value(text, `{"a": "ana@example.com"}`)
		require.Error(t, err, text)
		require.NotContains(t, err.Error(), "ana", text)
		require.NotContains(t, Sentence(err), "ana", text)
		require.Equal(t, fault.Poison, fault.KindOf(err))
	}
	for _, text := range []string{`.a |`, `now`, `env.HOME`, `input`, `$row`, `$enqueued`, ``, `_fit`} {
		_, err := Compile("when", text, Limits{}, "$event")
		require.NotEmpty(t, Problems(err), text)
	}
}

func TestAnExpressionIsUsedByManyAtOnce(t *testing.T) {
	t.Parallel()
	x, err := Compile("data", `{id: .id, n: ([range(0; 100)] | add)}`, Limits{})
	require.NoError(t, err)
	done := make(chan string)
	for i := range 8 {
		go func() {
			out, err := x.Value(json.RawMessage(`{"id": ` + string(rune('0'+i)) + `}`))
			if err != nil {
				out = json.RawMessage(err.Error())
			}
			done <- string(out)
		}()
	}
	seen := map[string]bool{}
	for range 8 {
		seen[<-done] = true
	}
	require.Len(t, seen, 8)
}
