package publish_test

import (
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/cli/publish"
	"github.com/signalbox/signalbox/internal/cli/rowsource"
	"github.com/signalbox/signalbox/mapping/fieldmap"
	"github.com/signalbox/signalbox/worker/rows"
)

func crm(t *testing.T) func(*publish.Options) {
	t.Helper()
	m, err := fieldmap.Parse("crm.yaml", []byte("type: good\nid: '\"\\(.No)-\\(.Version)\"'\ntime: $enqueued\ndata: {id: '.No | tostring', phone: '.Phone | phone(\"US\")', mail: '.Mail | email'}\n"), fieldmap.Limits{}, nil)
	require.NoError(t, err)
	return func(o *publish.Options) {
		o.Source, o.MaxBytes = &rows.Source{Name: "crm", Source: "https://crm.example", Map: m}, 500
	}
}

func TestRowsAreSentAsTheEventsThatTheirMapMakes(t *testing.T) {
	t.Parallel()
	s := &sender{}
	var warnings []string
	in := `{"No":1,"Version":2,"Phone":"(425) 555-0100","Mail":"ana@contoso.example"}` + "\n\n" + `{"No":2,"Version":1,"Phone":"ask Ana"}`
	sum, refused, err := run(t, strings.NewReader(in), s, crm(t), func(o *publish.Options) {
		o.Warned = func(w rowsource.Warning) { warnings = append(warnings, w.String()) }
	})
	require.NoError(t, err)
	require.Empty(t, refused)
	require.Equal(t, publish.Summary{Queue: "in", Read: 2, Valid: 2, Sent: 2, Warnings: 1}, sum)
	require.Equal(t, []string{"line 3: warning at /data/phone: phone"}, warnings)
	require.Equal(t, []string{`{"id":"1","mail":"ana@contoso.example","phone":"+14255550100"}`, `{"id":"2","phone":"ask Ana"}`}, s.bodies)
	m := s.messages[0]
	require.Equal(t, []any{"1-2", "https://crm.example", "good", nil}, []any{m.Properties["cloudEvents_id"], m.Properties["cloudEvents_source"], m.Properties["cloudEvents_type"], m.Properties["signalbox-origin"]})
}

func TestRowsThatDoNotFitAreNamedWithoutTheirValues(t *testing.T) {
	t.Parallel()
	in := strings.Join([]string{`{"No":1,"Version":1,"Mail":"Kanari"}`, `{"Version":1}`, `{"No":1,"No":2}`, `nonsense`, `null`, strings.Repeat("x", 600)}, "\n")
	sum, refused, err := run(t, strings.NewReader(in), &sender{}, crm(t))
	require.NoError(t, err)
	require.Equal(t, 6, sum.Refused)
	require.Equal(t, []string{
		`line 1: SchemaInvalid at /data/mail: does not keep the field map's rule "email": text of 6 characters`,
		`line 2: SchemaInvalid at /id: does not keep the field map's rule "null": null in a text`,
		`line 3: Malformed at /No: The name is given twice in one object.`,
		`line 4: Malformed: The body is not JSON, at byte 2.`,
		`line 5: Malformed: The row is empty.`,
		`line 6: TooLarge: The line has more than 500 bytes, the limit of worker.max_body.`,
	}, refused)
}

func TestATableIsReadByItsHead(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]string{
		"commas":     "No,Version,Phone,Mail\n1,2,\"(425) 555-0100\",ana@contoso.example\r\n\n2,1,,\"b\"\"o@contoso.example\"\n",
		"semicolons": "\ufeffNo;Version;Phone;Mail\n1;2;(425) 555-0100;ana@contoso.example\n\n2;1;\"\";\"b\"\"o@contoso.example\"",
		"tabs":       "No\tVersion\t Phone \tMail\n1\t2\t(425) 555-0100\tana@contoso.example\n\n2\t1\t\t\"b\"\"o@contoso.example\"\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &sender{}
			_, refused, err := run(t, strings.NewReader(in), s, crm(t), func(o *publish.Options) { o.CSV = true })
			require.NoError(t, err)
			require.Empty(t, refused)
			require.Equal(t, []string{`{"id":"1","mail":"ana@contoso.example","phone":"+14255550100"}`, `{"id":"2","mail":"b\"o@contoso.example"}`}, s.bodies)
		})
	}
}

func TestRecordsThatAreNoneAreNamedAndTheRestGoesOn(t *testing.T) {
	t.Parallel()
	in := "No,Version,Mail\n1,1\n2,1,\"a\"b,c\n3,1,x\"y\n4,1,ana@contoso.example\n5,1,Kanari\n"
	s := &sender{}
	_, refused, err := run(t, strings.NewReader(in), s, crm(t), func(o *publish.Options) { o.CSV = true })
	require.NoError(t, err)
	require.Equal(t, []string{
		"line 2: Malformed: The record has 2 fields, and the head 3.",
		"line 3: Malformed: A quote stands inside a field; write it twice, and the field in quotes.",
		"line 4: Malformed: A quote stands inside a field; write it twice, and the field in quotes.",
		`line 6: SchemaInvalid at /data/mail: does not keep the field map's rule "email": text of 6 characters`,
	}, refused)
	require.Len(t, s.bodies, 1)
}

func TestTablesThatCannotBe(t *testing.T) {
	t.Parallel()
	for in, says := range map[string]string{
		"a,a\n1,2\n":    "read line 1: column 2 of the head has no name, or one that another has too",
		"a,,b\n1,2,3\n": "read line 1: column 2 of the head has no name, or one that another has too",
		"a,\"b\n":       "read line 1: the head of the table is no CSV",
		"a,b\n1,\"2\n" + strings.Repeat("x\n", 200_000): "read line 2: a record is longer than it may be; is a quote left open?",
	} {
		_, _, err := run(t, strings.NewReader(in), &sender{}, crm(t), func(o *publish.Options) { o.CSV = true })
		require.EqualError(t, err, says)
	}
	sum, _, err := run(t, strings.NewReader(""), &sender{}, crm(t), func(o *publish.Options) { o.CSV = true })
	require.NoError(t, err)
	require.Zero(t, sum.Read)
}

func TestATableIsAStreamToo(t *testing.T) {
	t.Parallel()
	source := crm(t)
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		s := &sender{}
		ended := make(chan error, 1)
		go func() {
			_, _, err := run(t, r, s, source, func(o *publish.Options) { o.CSV = true })
			ended <- err
		}()
		_, err := io.WriteString(w, "No,Version\n1,1\n")
		require.NoError(t, err)
		time.Sleep(100 * time.Millisecond) // virtual
		synctest.Wait()
		require.Len(t, s.bodies, 1, "the first record is sent while the second is not written yet")
		require.NoError(t, w.Close())
		require.NoError(t, <-ended)
	})
}
