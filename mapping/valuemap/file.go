package valuemap

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/signalbox/signalbox/internal/joined"
	"github.com/signalbox/signalbox/internal/smallfile"
)

// Format is how a file is written.
type Format string

// The formats.
const (
	CSV  Format = "csv"
	YAML Format = "yaml"
)

// Formats lists them.
func Formats() []string { return []string{string(CSV), string(YAML)} }

// FormatOf is that of a file, by its name.
func FormatOf(path string) Format {
	if strings.EqualFold(filepath.Ext(path), ".csv") {
		return CSV
	}
	return YAML
}

// maxFile bounds a file, so that a path to something else is not read into memory.
const maxFile = 4 << 20

// columns of a CSV file.
var columns = []string{"from", "to", "note"}

// Load reads the rows of a file. The error joins every Problem of its shape; Check judges what the rows say.
func Load(path string) ([]Row, error) {
	text, err := smallfile.Read(path, maxFile)
	if err != nil {
		return nil, err
	}
	return Read(text, FormatOf(path))
}

// Read reads rows. The error joins every Problem.
func Read(text []byte, format Format) ([]Row, error) {
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")) // the mark that some spreadsheets begin with
	if line := notUTF8(text); line > 0 {
		return nil, joined.Error([]Problem{{line, "is not UTF-8", "save the file as UTF-8"}})
	}
	if format == CSV {
		return readCSV(text)
	}
	return readYAML(text)
}

// notUTF8 is the first line that is not UTF-8; 0 if all are. No value of an event would ever be that of its row.
func notUTF8(text []byte) int {
	n := 0
	for line := range bytes.Lines(text) {
		if n++; !utf8.Valid(line) {
			return n
		}
	}
	return 0
}

func readCSV(text []byte) ([]Row, error) {
	in := csv.NewReader(bytes.NewReader(text))
	in.FieldsPerRecord = -1 // said in our own words
	in.Comment = '#'
	head, err := in.Read()
	if errors.Is(err, io.EOF) {
		return nil, nil
	}
	places, bad := placesOf(head)
	if err != nil || bad {
		return nil, joined.Error([]Problem{{1, "is no first row of columns", "begin with from,to or from,to,note"}})
	}
	var rows []Row
	var problems []Problem
	for {
		fields, err := in.Read()
		if errors.Is(err, io.EOF) {
			return rows, joined.Error(problems)
		}
		var broken *csv.ParseError
		if errors.As(err, &broken) {
			return rows, joined.Error(append(problems, Problem{broken.StartLine, "is no row of CSV", "correct its quotes"}))
		}
		line, _ := in.FieldPos(0)
		if len(fields) > len(head) {
			problems = append(problems, Problem{line, fmt.Sprintf("has more than the %d columns of the first row", len(head)), "put a value that holds a comma into quotes"})
			continue
		}
		r := Row{Line: line}
		for i, f := range fields {
			*r.fields()[places[i]] = strings.TrimSpace(f)
		}
		rows = append(rows, r)
	}
}

// placesOf says which column is which.
func placesOf(head []string) (places []int, bad bool) {
	for _, name := range head {
		at := slices.Index(columns, strings.ToLower(strings.TrimSpace(name)))
		if bad = bad || at < 0 || slices.Contains(places, at); !bad {
			places = append(places, at)
		}
	}
	return places, bad || !slices.Contains(places, 0) || !slices.Contains(places, 1)
}

func (r *Row) fields() []*string { return []*string{&r.From, &r.To, &r.Note} }

func readYAML(text []byte) ([]Row, error) {
	var doc, more yaml.Node
	in := yaml.NewDecoder(bytes.NewReader(text))
	err := in.Decode(&doc)
	if errors.Is(err, io.EOF) {
		return nil, nil
	}
	if err == nil {
		if err = in.Decode(&more); errors.Is(err, io.EOF) {
			err = nil
		}
	}
	switch {
	case err != nil:
		return nil, joined.Error([]Problem{{0, "is not YAML: " + strings.TrimPrefix(err.Error(), "yaml: "), "correct that line"}})
	case more.Kind != 0 && more.Content[0].Tag != "!!null":
		return nil, joined.Error([]Problem{{0, "holds several documents", "write all rows under one ---"}})
	}
	if doc.Content[0].Kind != yaml.MappingNode {
		return nil, joined.Error([]Problem{{doc.Content[0].Line, "is no value map", `write a line such as standard: "99" for each value`}})
	}
	var rows []Row
	var problems []Problem
	for content := doc.Content[0].Content; len(content) > 1; content = content[2:] {
		from, to := content[0], content[1]
		if from.Kind != yaml.ScalarNode || from.Tag == "!!merge" || to.Kind != yaml.ScalarNode {
			problems = append(problems, Problem{from.Line, "is no pair of values", `write a line such as standard: "99"`})
			continue
		}
		r := Row{Line: from.Line, From: strings.TrimSpace(from.Value)}
		if to.Tag != "!!null" {
			r.To = strings.TrimSpace(to.Value)
		}
		rows = append(rows, r)
	}
	return rows, joined.Error(problems)
}

// Write writes rows in a format; YAML has no notes.
func Write(out io.Writer, format Format, rows []Row) error {
	if format == CSV {
		all := [][]string{columns}
		for _, r := range rows {
			all = append(all, []string{r.From, r.To, r.Note})
		}
		return writeCSV(out, all)
	}
	doc := yaml.Node{Kind: yaml.MappingNode}
	for _, r := range rows {
		doc.Content = append(doc.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: r.From},
			&yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: r.To, Style: yaml.DoubleQuotedStyle, LineComment: comment(r.Note)})
	}
	text, err := yaml.Marshal(&doc)
	if err == nil {
		_, err = out.Write(text)
	}
	return err
}

func comment(note string) string {
	if note == "" {
		return ""
	}
	return "# " + strings.ReplaceAll(note, "\n", " ")
}

// Append adds rows behind what a file holds, which stays as it is written. It is read again to see that it says what it should.
func Append(text []byte, format Format, rows []Row) ([]byte, error) {
	before, err := Read(text, format)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	out.Write(text)
	if len(text) > 0 && !bytes.HasSuffix(text, []byte("\n")) {
		out.WriteByte('\n')
	}
	if format == CSV && len(bytes.TrimSpace(text)) > 0 {
		err = appendCSV(&out, text, rows)
	} else {
		err = Write(&out, format, rows)
	}
	if err != nil {
		return nil, err
	}
	after, err := Read(out.Bytes(), format)
	if err == nil && !same(after, append(before, rows...)) {
		err = errors.New("rows cannot be added behind what the file holds")
	}
	return out.Bytes(), err
}

// appendCSV writes rows under the columns that the file has.
func appendCSV(out io.Writer, text []byte, rows []Row) error {
	in := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))))
	in.Comment = '#'
	head, err := in.Read()
	places, bad := placesOf(head)
	if err != nil || bad { // which Read has refused
		return errors.New("the first row is no row of columns")
	}
	all := make([][]string, len(rows))
	for n, r := range rows {
		for _, at := range places {
			all[n] = append(all[n], *r.fields()[at])
		}
	}
	return writeCSV(out, all)
}

// writeCSV writes records. One that begins as a comment does begins with a quote: the writer of the library knows no comments.
func writeCSV(out io.Writer, all [][]string) error {
	for _, record := range all {
		var line bytes.Buffer
		w := csv.NewWriter(&line)
		if err := w.Write(record); err != nil {
			return err
		}
		w.Flush()
		text := line.Bytes()
		if text[0] == '#' { // and so without a quote in it
			first := len(record[0])
			text = slices.Concat([]byte(`"`), text[:first], []byte(`"`), text[first:])
		}
		if _, err := out.Write(text); err != nil {
			return err
		}
	}
	return nil
}

// same says whether rows say the same.
func same(a, b []Row) bool {
	return slices.EqualFunc(a, b, func(a, b Row) bool { return a.From == b.From && a.To == b.To })
}
