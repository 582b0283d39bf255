package bindings_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/cli/bindings"
	"github.com/signalbox/signalbox/internal/cli/exit"
	"github.com/signalbox/signalbox/mapping"
	"github.com/signalbox/signalbox/orchestration"
)

var (
	channels = orchestration.Channels{{Name: "us", CSU: "default", LegalEntity: "usrt"}, {Name: "de", CSU: "default", LegalEntity: "dert"}}
	places   = bindings.Places([]string{"customer"}, channels)
)

// table keeps bindings in memory, as strictly as a storage must.
type table struct {
	entries map[string]mapping.Entry // by reference
	busy    map[string]int           // how often a reference is still in the hand of a run
	calls   []int                    // how many entries each call had
	fail    func(call int) error     // what goes wrong with a call
}

func newTable() *table { return &table{entries: map[string]mapping.Entry{}, busy: map[string]int{}} }

func name(e mapping.Entry) string {
	if e.Ref.ID == "" {
		return e.Name
	}
	return fmt.Sprint("hash of ", e.Ref)
}

func (s *table) Bind(_ context.Context, entries []mapping.Entry, dry bool) ([]mapping.Answer, error) {
	s.calls = append(s.calls, len(entries))
	if s.fail != nil {
		if err := s.fail(len(s.calls)); err != nil {
			return nil, err
		}
	}
	answers := make([]mapping.Answer, len(entries))
	for i, e := range entries {
		answers[i] = s.bind(e, dry)
	}
	return answers, nil
}

func (s *table) bind(e mapping.Entry, dry bool) mapping.Answer {
	if s.busy[e.Ref.ID] > 0 {
		s.busy[e.Ref.ID]--
		return mapping.Answer{Result: mapping.Busy}
	}
	if is, bound := s.entries[name(e)]; bound {
		if is.Target == e.Target {
			return mapping.Answer{Result: mapping.Unchanged}
		}
		return mapping.Answer{Result: mapping.OtherTarget, Is: is.Target.ID}
	}
	for _, other := range s.entries {
		if other.Target == e.Target && other.Ref.Source == e.Ref.Source {
			a := mapping.Answer{Result: mapping.OtherReference}
			if mapping.Storable(other.Ref.ID) {
				a.Is = other.Ref.ID
			}
			return a
		}
	}
	if !dry {
		s.entries[name(e)] = e
	}
	return mapping.Answer{Result: mapping.Bound}
}

func (s *table) Walk(_ context.Context, _ []mapping.Place, use func(mapping.Entry) error) error {
	for _, e := range s.entries {
		if err := use(e); err != nil {
			return err
		}
	}
	return nil
}

func (s *table) Entry(_ context.Context, r mapping.Ref) (mapping.Entry, error) {
	if e, bound := s.entries[name(mapping.Entry{Ref: r})]; bound {
		return e, nil
	}
	return mapping.Entry{}, mapping.ErrNotBound
}

func (s *table) Find(ctx context.Context, r mapping.Ref) (mapping.Target, error) {
	e, err := s.Entry(ctx, r)
	return e.Target, err
}

func (s *table) Sources(_ context.Context, t mapping.Target) (refs []mapping.Ref, err error) {
	for _, e := range s.entries {
		if e.Target == t || t.ID == "provisional" && e.Target.Scope == t.Scope {
			refs = append(refs, e.Ref)
		}
	}
	if len(refs) == 0 {
		return nil, mapping.ErrNotBound
	}
	return refs, nil
}

func (s *table) Resolve(_ context.Context, t mapping.Target) (mapping.Target, error) {
	if t.ID == "provisional" {
		t.ID = "000001"
	}
	return t, nil
}

func load(t *testing.T, to *table, in string, change ...func(*bindings.Import)) (bindings.Imported, []string, error) {
	t.Helper()
	var problems []string
	o := bindings.Import{In: strings.NewReader(in), To: to, Places: places, Missing: bindings.Record{Kind: "customer", Scope: "default/usrt", Source: "shop"}, KeyID: "k1",
		Problem: func(p bindings.Problem) { problems = append(problems, p.String()) }}
	for _, c := range change {
		c(&o)
	}
	sum, err := o.Run(t.Context())
	return sum, problems, err
}

func dry(o *bindings.Import) { o.DryRun = true }

func TestWhatAFileCannotBindIsSaidLineByLine(t *testing.T) {
	t.Parallel()
	to := newTable()
	sum, problems, err := load(t, to, strings.Join([]string{
		`{"id":"1","d365_id":"A1"}`,
		`{"id":"1","d365_id":"A2"}`,
		`{"id":"2","d365_id":"A1"}`,
		``,
		`{"id":"ana@example.com","d365_id":"A5"}`,
		`{"id":"ana@example.com","d365_id":"A6"}`,
		`{"id":"7","d365_id":"ana@example.com"}`,
		`{"id":"8"}`,
		`{"d365_id":"A9"}`,
		`{"kind":"tulip","id":"10","d365_id":"A10"}`,
		`{"scope":"default/xxrt","id":"11","d365_id":"A11"}`,
		`{"ref":"tulip","d365_id":"A12"}`,
		`{"ref":"k0.0123456789abcdef0123456789abcdef","d365_id":"A13"}`,
		`{"ref":"k1.0123456789abcdef0123456789abcdef","d365_id":"A14"}`,
		`{"id":15,"d365_id":"A15"}`,
		`{"id":"16","d365_id":"A16","tulip":"x"}`,
		`{"scope":"default/dert","id":"1","d365_id":"A1"}`,
		strings.Repeat(" ", 10) + `{"id":"` + strings.Repeat("1", 70_000) + `"}`,
	}, "\n"))
	require.NoError(t, err)
	require.Equal(t, []string{
		"line 7: its d365_id looks like no number or code, so it is not stored",
		"line 8: has no d365_id",
		"line 9: has no id",
		"line 10: its kind is none of " + strings.Join(mapping.KindNames(), ", "),
		"line 11: its scope is none that a channel of this configuration looks at",
		"line 12: its ref is no keyed hash",
		"line 13: its ref was hashed under the key k0, not k1: only the id itself helps",
		"line 15: is no row with kind, scope, source, id, d365_id, version, ref as texts",
		"line 16: is no row with kind, scope, source, id, d365_id, version, ref as texts",
		"line 18: is no row with kind, scope, source, id, d365_id, version, ref as texts",
		"line 2: shop 1 → A2: it is bound to A1",
		"line 3: shop 2 → A1: that record is bound to another id of the source, 1",
		"line 6: shop [masked] → A6: it is bound to A5",
	}, problems)
	require.Equal(t, bindings.Imported{Read: 17, Bound: 4, Conflicts: 3, Invalid: 10, Hashed: 2}, sum)
	require.Equal(t, exit.Partly, exit.From(sum.Verdict(nil)).Code)
	require.Len(t, to.entries, 4)
}

func TestARowOfCSVIsARecordToo(t *testing.T) {
	t.Parallel()
	to := newTable()
	sum, problems, err := load(t, to, "\xef\xbb\xbfid, D365_ID ,source\n1,A1,crm\n\"2\",A2,\n3\n\"4\"x,A4,crm\n5,A5,crm\n")
	require.NoError(t, err)
	require.Equal(t, []string{"line 4: The record has 1 fields, and the head 3.", "line 5: A quote stands inside a field; write it twice, and the field in quotes."}, problems)
	require.Equal(t, bindings.Imported{Read: 5, Bound: 3, Invalid: 2}, sum)
	require.Contains(t, to.entries, name(mapping.Entry{Ref: mapping.Ref{Kind: "customer", Scope: "default/usrt", Source: "shop", ID: "2"}}))

	_, _, err = load(t, to, "id,tulip\n1,2\n")
	require.ErrorContains(t, err, "column 2 of the first row is none of kind, scope, source")
	sum, _, err = load(t, to, " \n\n")
	require.NoError(t, err)
	require.Equal(t, exit.Nothing, exit.From(sum.Verdict(nil)).Code)
	sum, _, err = load(t, to, "tulip")
	require.Error(t, sum.Verdict(err))
}

func TestImportAndRebuildReadTheSameFiles(t *testing.T) {
	t.Parallel()
	rebuild := func(to *table, in string) (answers []string, err error) {
		_, err = bindings.Rebuild{In: strings.NewReader(in), To: to, Places: places, Channels: channels, Missing: bindings.Sought{Kind: "customer", Scope: "default/usrt", Source: "shop"},
			Answer: func(a bindings.Answered) { answers = append(answers, a.String()) }}.Run(t.Context())
		return answers, err
	}
	for _, between := range []string{",", ";", "\t"} {
		to := newTable()
		file := strings.ReplaceAll("\xef\xbb\xbfID,%s, Source \n1,A1 ,crm\n\"2\",A2,\n3\n\"4\"x,A4,crm\n", ",", between)
		sum, problems, err := load(t, to, fmt.Sprintf(file, "D365_ID"))
		require.NoError(t, err, "%q", between)
		require.Equal(t, bindings.Imported{Read: 4, Bound: 2, Invalid: 2}, sum)
		answers, err := rebuild(to, fmt.Sprintf(file, "Account"))
		require.NoError(t, err)
		require.Equal(t, []string{"line 2: customer 1 of crm: already A1", "line 3: customer 2 of shop: already A2"}, answers[:2])
		for i, problem := range problems {
			line, what, _ := strings.Cut(problem, ": ")
			require.Equal(t, line+": invalid: "+what, answers[2+i], "in the same words")
		}
	}
	_, err := rebuild(newTable(), "ana@example.com;A1\nben@example.com;A2\n")
	require.ErrorContains(t, err, "column 1 of the first row is none of kind, scope, source, id, email")
	require.NotContains(t, err.Error(), "@", "what is no head is a row")
}

func TestADryRunForeseesWhatAFileSaysAgainstItself(t *testing.T) {
	t.Parallel()
	in := `{"id":"1","d365_id":"A1"}
{"id":"1","d365_id":"A1"}
{"id":"1","d365_id":"A2"}
{"id":"2","d365_id":"A1"}
{"id":"ana@example.com","d365_id":"A3"}
{"id":"ben@example.com","d365_id":"A3"}
{"source":"crm","id":"9","d365_id":"A1"}
{"ref":"k1.0123456789abcdef0123456789abcdef","d365_id":"A4"}
{"ref":"k1.0123456789abcdef0123456789abcdef","d365_id":"A5"}
`
	foreseen := newTable()
	planned, saidDry, err := load(t, foreseen, in, dry)
	require.NoError(t, err)
	require.Empty(t, foreseen.entries)
	done, said, err := load(t, newTable(), in)
	require.NoError(t, err)
	planned.DryRun = false
	require.Equal(t, done, planned)
	require.Equal(t, said, saidDry)
}

func TestWhatARunHasInHandIsAskedForAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		to := newTable()
		to.busy["1"], to.busy["2"] = 3, 1000
		began := time.Now()
		sum, problems, err := load(t, to, `{"id":"1","d365_id":"A1"}`+"\n"+`{"id":"2","d365_id":"A2"}`+"\n"+`{"id":"3","d365_id":"A3"}`)
		require.NoError(t, err)
		require.Equal(t, bindings.Imported{Read: 3, Bound: 2, Busy: 1}, sum)
		require.Equal(t, []string{"line 2: shop 2 → A2: a run has it in hand, or a write of one may still land; import it again later"}, problems)
		require.Equal(t, 30*time.Second, time.Since(began))

		began = time.Now()
		sum, _, err = load(t, to, `{"id":"2","d365_id":"A2"}`, dry)
		require.NoError(t, err)
		require.Equal(t, 1, sum.Busy)
		require.Zero(t, time.Since(began), "a dry run does not wait")
	})
}

func TestAnImportIsPacedAndGoesInBatches(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var in strings.Builder
		for i := range 1000 {
			fmt.Fprintf(&in, `{"id":"%d","d365_id":"A%d"}`+"\n", i, i)
		}
		to, began := newTable(), time.Now()
		sum, _, err := load(t, to, in.String(), func(o *bindings.Import) { o.Rate = 100 })
		require.NoError(t, err)
		require.Equal(t, 1000, sum.Bound)
		require.InDelta(t, 10, time.Since(began).Seconds(), 0.5)
		require.Equal(t, 10, to.calls[0])

		to = newTable()
		_, _, err = load(t, to, in.String())
		require.NoError(t, err)
		require.Equal(t, []int{100, 100, 100, 100, 100, 100, 100, 100, 100, 100}, to.calls)
	})
}

func TestAnImportThatWasCutOffIsTakenUpAgain(t *testing.T) {
	t.Parallel()
	var in strings.Builder
	for i := range 350 {
		fmt.Fprintf(&in, `{"id":"%d","d365_id":"A%d"}`+"\n", i, i)
	}
	to := newTable()
	to.fail = func(call int) error {
		if call == 3 {
			return errors.New("redis is down")
		}
		return nil
	}
	sum, _, err := load(t, to, in.String())
	require.ErrorContains(t, err, "redis is down")
	require.Equal(t, 200, sum.Bound)
	verdict := exit.From(sum.Verdict(err))
	require.Equal(t, exit.Partly, verdict.Code)
	require.Contains(t, verdict.Next, "import the same file again")

	to.fail = nil
	sum, _, err = load(t, to, in.String())
	require.NoError(t, err)
	require.Equal(t, bindings.Imported{Read: 350, Bound: 150, Unchanged: 200}, sum)

	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(exit.ErrInterrupted)
	sum, err = bindings.Import{In: strings.NewReader(in.String()), To: to, Places: places, Missing: bindings.Record{Kind: "customer", Scope: "default/usrt", Source: "shop"}}.Run(ctx)
	require.Equal(t, exit.Interrupted, exit.From(sum.Verdict(err)).Code)
}

func TestWhatIsExportedComesBackInEitherFormat(t *testing.T) {
	t.Parallel()
	from := newTable()
	_, _, err := load(t, from, `{"id":"1","d365_id":"A1","version":"v1"}
{"source":"https://shop.example.com/a,\"b\"","id":"2","d365_id":"A1"}
{"scope":"default/dert","id":"1","d365_id":"A1"}
{"ref":"k1.0123456789abcdef0123456789abcdef","d365_id":"A4"}`)
	require.NoError(t, err)
	for _, format := range bindings.Formats() {
		var out strings.Builder
		sum, err := bindings.Export(t.Context(), from, places, format, &out)
		require.NoError(t, err)
		require.Equal(t, bindings.Exported{Bindings: 4, Hashed: 1}, sum)
		require.NoError(t, sum.Verdict(nil))
		to := newTable()
		back, problems, err := load(t, to, out.String(), func(o *bindings.Import) { o.Missing = bindings.Record{} })
		require.NoError(t, err)
		require.Empty(t, problems)
		require.Equal(t, 4, back.Bound)
		require.Equal(t, from.entries, to.entries)
	}
	nowhere := newTable()
	nowhere.entries["x"] = mapping.Entry{Ref: mapping.Ref{Source: "shop", ID: "1"}, Name: "k1.x", Target: mapping.Target{ID: "A1"}}
	var out strings.Builder
	sum, err := bindings.Export(t.Context(), nowhere, places, "jsonl", &out)
	require.NoError(t, err)
	require.Equal(t, `{"source":"shop","id":"1","d365_id":"A1","ref":"k1.x"}`+"\n", out.String())
	require.Equal(t, exit.Partly, exit.From(sum.Verdict(nil)).Code)
	require.Equal(t, exit.Nothing, exit.From(bindings.Exported{}.Verdict(nil)).Code)
}

func TestABindingIsShownFromEitherSide(t *testing.T) {
	t.Parallel()
	from := newTable()
	_, _, err := load(t, from, `{"id":"1","d365_id":"000001","version":"20260105090000.000000000//1"}
{"scope":"default/dert","id":"1","d365_id":"8ccc699f-7ad3-5941-9a2a-06e44a00ac02"}`)
	require.NoError(t, err)
	list, err := bindings.Get(t.Context(), from, channels.Scopes(), "customer", "shop", "1")
	require.NoError(t, err)
	require.Len(t, list, 2)
	require.False(t, list[0].Provisional)
	require.Equal(t, time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC), list[0].Applied)
	require.True(t, list[1].Provisional)

	list, err = bindings.Find(t.Context(), from, channels.Scopes()[:1], "customer", "provisional")
	require.NoError(t, err)
	require.Equal(t, []bindings.Binding{{Kind: "customer", Scope: "default/usrt", Source: "shop", ID: "1", D365ID: "000001", Promoted: true}}, list)
	var out strings.Builder
	require.NoError(t, bindings.Print(&out, list))
	require.Regexp(t, `(?m)^customer +default/usrt +shop +1 +000001 +promoted +-$`, out.String())
	none, err := bindings.Find(t.Context(), from, channels.Scopes(), "customer", "000009")
	require.NoError(t, err)
	require.Empty(t, none)
}
