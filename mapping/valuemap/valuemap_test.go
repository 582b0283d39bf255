package valuemap

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/mapping"
)

func TestAMapIsReadFromEitherFormat(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"modes.csv":  "\xef\xbb\xbfFrom, To\n# how goods travel\nstandard, 99\n\"next day, early\",\"007\"\n",
		"modes.yaml": "# how goods travel\nstandard: 99\n\"next day, early\": 007\n",
	} {
		path := filepath.Join(t.TempDir(), name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		rows, err := Load(path)
		require.NoError(t, err, name)
		require.NoError(t, Check(mapping.KindDeliveryMode, false, rows))
		m := New(Map{Rows: rows, Unknown: Refuse})
		for from, want := range map[string]string{"standard": "99", " standard ": "99", "next day, early": "007"} {
			to, ok := m.Value(from)
			require.True(t, ok)
			require.Equal(t, want, to, "%s: values are text as they are written", name)
		}
		_, ok := m.Value("Standard")
		require.False(t, ok)
	}
}

func TestWhatHasNoRowIsRefusedPassedOrFixed(t *testing.T) {
	t.Parallel()
	rows := []Row{{From: "a", To: "1"}}
	for unknown, want := range map[string]string{Pass: "b", "=99": "99"} {
		require.True(t, CheckUnknown(unknown))
		to, ok := New(Map{Rows: rows, Unknown: unknown}).Value("b")
		require.True(t, ok)
		require.Equal(t, want, to)
	}
	for _, unknown := range []string{"", "=", "= 99", "99", "ignore"} {
		require.False(t, CheckUnknown(unknown), unknown)
	}
}

func TestASourcesOwnMapTakesThePlaceOfTheMapForAll(t *testing.T) {
	t.Parallel()
	one := func(source, to string) *Map {
		return New(Map{Name: "unit", Source: source, Unknown: Refuse, Rows: []Row{{From: "pcs", To: to}}})
	}
	for _, set := range []Set{{one("", "ea"), one("crm", "pcs")}, {one("crm", "pcs"), one("", "ea")}} {
		to, _ := set.Of("crm").Value("unit", "pcs")
		require.Equal(t, "pcs", to)
		to, _ = set.Of("shop").Value("unit", "pcs")
		require.Equal(t, "ea", to)
		require.Len(t, set.Find("unit", ""), 2)
		require.Len(t, set.Find("unit", "crm"), 1)
		require.Equal(t, []string{"unit"}, set.Names())
		require.Equal(t, []string{"unit"}, set.Of("crm").Names())
	}
	_, ok := Set{}.Of("crm").Value("unit", "pcs")
	require.False(t, ok)
}

func TestEveryProblemOfAFileIsSaidAtOnce(t *testing.T) {
	t.Parallel()
	rows, err := Read([]byte("from,to\na,1\nb,\n,2\na,3\na,1\nc,1\nd,4,5\n"+strings.Repeat("x", 101)+",6\n"), CSV)
	require.Equal(t, []Problem{{8, "has more than the 2 columns of the first row", "put a value that holds a comma into quotes"}}, Problems(err))
	require.Equal(t, []Problem{
		{3, `says nothing for "b"`, "write what D365 calls it into to, or take the row out"},
		{4, "has no value of the source", "write it into from, or take the row out"},
		{5, `"a" is "3" here and "1" in line 2`, "keep one of the two"},
		{6, `"a" stands there twice, in line 2, too`, "keep one of the two"},
		{7, `"c" is "1", and so is "a" in line 2: nobody could tell it back`, "keep one of the two, or set one_way if several values of the source mean the same"},
		{9, "has a value of more than 100 characters", "write codes, not sentences"},
	}, Problems(Check(mapping.KindUnit, false, rows)))
	require.Len(t, Problems(Check(mapping.KindUnit, true, rows)), 5)
	require.Equal(t, `line 2: "Euro" is no currency; write an ISO 4217 code, such as EUR`, Check(mapping.KindCurrency, false, []Row{{Line: 2, From: "€", To: "Euro"}}).Error())
	require.Equal(t, "holds no rows; write at least one", Check(mapping.KindUnit, false, nil).Error())
	for text, what := range map[string]string{"tulip\n": "is no first row of columns", "from,from\n": "is no first row of columns", "from,to\n\"a\n": "is no row of CSV"} {
		_, err := Read([]byte(text), CSV)
		require.ErrorContains(t, err, what)
	}
	for text, what := range map[string]string{"- a\n": "is no value map", "a: [b]\n": "is no pair of values", "a: b: c\n": "is not YAML"} {
		_, err := Read([]byte(text), YAML)
		require.ErrorContains(t, err, what)
	}
	rows, err = Read([]byte("a:\n"), YAML)
	require.NoError(t, err)
	require.ErrorContains(t, Check(mapping.KindUnit, false, rows), `says nothing for "a"`)
	_, err = Load(filepath.Join(t.TempDir(), "none.csv"))
	require.ErrorContains(t, err, "cannot be read")
	require.Empty(t, Problems(err))
}

func TestWhatIsWrittenReadsTheSame(t *testing.T) {
	t.Parallel()
	rows := []Row{{From: "standard", To: "99", Note: "by post"}, {From: "yes", To: "007"}, {From: `a "b", c: #d`, To: "null"}}
	for _, format := range Formats() {
		var out bytes.Buffer
		require.NoError(t, Write(&out, Format(format), rows))
		got, err := Read(out.Bytes(), Format(format))
		require.NoError(t, err, out.String())
		require.Len(t, got, len(rows))
		for i, r := range got {
			require.Equal(t, []string{rows[i].From, rows[i].To}, []string{r.From, r.To})
		}
	}
}

func TestAValueThatLooksLikeACommentStaysARow(t *testing.T) {
	t.Parallel()
	rows := []Row{{From: "#7", To: "99"}, {From: "a", To: "1"}}
	var out bytes.Buffer
	require.NoError(t, Write(&out, CSV, rows))
	got, err := Read(out.Bytes(), CSV)
	require.NoError(t, err)
	require.True(t, same(rows, got), out.String())
	text, err := Append([]byte("to,from\n1,a\n"), CSV, []Row{{From: "b", To: "#8"}})
	require.NoError(t, err)
	got, err = Read(text, CSV)
	require.NoError(t, err)
	require.True(t, same([]Row{{From: "a", To: "1"}, {From: "b", To: "#8"}}, got), string(text))
}

func TestWhatWouldBeLeftOutSilentlyIsAProblem(t *testing.T) {
	t.Parallel()
	_, err := Read([]byte("from,to\nstandard,99\nabh\xf6len,11\n"), CSV) // as a spreadsheet writes it that is not told to write UTF-8
	require.Equal(t, []Problem{{3, "is not UTF-8", "save the file as UTF-8"}}, Problems(err))
	_, err = Read([]byte("a: 1\n---\nb: 2\n"), YAML)
	require.Equal(t, []Problem{{0, "holds several documents", "write all rows under one ---"}}, Problems(err))
	for _, text := range []string{"---\na: 1\n", "a: 1\n...\n", "a: 1\n---\n"} {
		rows, err := Read([]byte(text), YAML)
		require.NoError(t, err, text)
		require.Len(t, rows, 1, text)
	}
}

func TestRowsAreAddedBehindWhatAFileHolds(t *testing.T) {
	t.Parallel()
	rows := []Row{{From: "a, b", To: "2", Note: "n"}}
	for text, want := range map[string]string{
		"to,from\n1,a": "to,from\n1,a\n2,\"a, b\"\n", "from,note,to\n# c\n": "from,note,to\n# c\n\"a, b\",n,2\n", "": "from,to,note\n\"a, b\",2,n\n"} {
		got, err := Append([]byte(text), CSV, rows)
		require.NoError(t, err)
		require.Equal(t, want, string(got))
	}
	got, err := Append([]byte("# c\na: 1 # one"), YAML, rows)
	require.NoError(t, err)
	require.Equal(t, "# c\na: 1 # one\na, b: \"2\" # n\n", string(got))
	_, err = Append([]byte("{a: 1}\n"), YAML, rows)
	require.Error(t, err, "not behind what is written in one line")
	_, err = Append([]byte("tulip\n"), CSV, rows)
	require.Error(t, err)
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("from,to\na,1\n"), true)
	f.Add([]byte("a: 1\n? [b]\n: c\n"), false)
	f.Fuzz(func(t *testing.T, text []byte, asCSV bool) {
		format := YAML
		if asCSV {
			format = CSV
		}
		rows, err := Read(text, format)
		if err == nil && Check(mapping.KindUnit, false, rows) == nil {
			require.NotEmpty(t, rows)
		}
	})
}
