// Package maptest runs the tests of field maps: files beside the maps, each with rows and what is to become of them.
package maptest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/signalbox/signalbox/mapping/fieldmap"
	"github.com/signalbox/signalbox/mapping/valuemap"
)

// suite is a test file.
type suite struct {
	Map       string              `yaml:"map"`        // path of the map, from the file's folder; default: the file's own name without .test
	ValueMaps map[string]valueMap `yaml:"value_maps"` // those that the map asks, by name
	Tests     []test              `yaml:"tests"`
}

// valueMap is a value map as the configuration has it, or the path of its file alone.
type valueMap struct {
	File    string `yaml:"file"`    // from the test file's folder
	Unknown string `yaml:"unknown"` // default: refuse
}

// UnmarshalYAML implements yaml.Unmarshaler.
func (v *valueMap) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		v.File = n.Value
		return nil
	}
	type plain valueMap
	return n.Decode((*plain)(v))
}

// test is one row and what is to become of it: an event or an error.
type test struct {
	Name       string             `yaml:"name"`
	Row        value              `yaml:"row"`
	CloudEvent map[string]string  `yaml:"cloudevent"` // attributes of the CloudEvent that it comes in
	Enqueued   string             `yaml:"enqueued"`   // RFC 3339; default: 2026-01-01T00:00:00Z
	Event      *event             `yaml:"event"`
	Warnings   []fieldmap.Warning `yaml:"warnings"`
	Error      *failure           `yaml:"error"`
}

// event is what a row is to become. What is not given is not compared.
type event struct {
	ID            string `yaml:"id"`
	Time          string `yaml:"time"`
	Subject       string `yaml:"subject"`
	CorrelationID string `yaml:"correlationid"`
	Sequence      string `yaml:"sequence"`
	Channel       string `yaml:"channel"`
	Data          value  `yaml:"data"`
}

// failure is what a row is to fail on: the first failure that there is.
type failure struct {
	Field string `yaml:"field"`
	Rule  string `yaml:"rule"` // empty: whichever
}

// value is any YAML as JSON: a date stays the text that it is, a number is written as it was.
type value struct{ json json.RawMessage }

// UnmarshalYAML implements yaml.Unmarshaler.
func (v *value) UnmarshalYAML(n *yaml.Node) error {
	var b bytes.Buffer
	if err := writeJSON(&b, n, 64); err != nil {
		return err
	}
	v.json = b.Bytes()
	return nil
}

func writeJSON(b *bytes.Buffer, n *yaml.Node, deep int) error {
	if deep == 0 {
		return fmt.Errorf("line %d: nested too deep", n.Line)
	}
	switch n.Kind {
	case yaml.MappingNode:
		return writeObject(b, n, deep)
	case yaml.SequenceNode:
		b.WriteByte('[')
		for i, e := range n.Content {
			if i > 0 {
				b.WriteByte(',')
			}
			if err := writeJSON(b, e, deep-1); err != nil {
				return err
			}
		}
		b.WriteByte(']')
		return nil
	case yaml.ScalarNode:
		return writeScalar(b, n)
	}
	return fmt.Errorf("line %d: write it out, without an alias", n.Line)
}

func writeObject(b *bytes.Buffer, n *yaml.Node, deep int) error {
	b.WriteByte('{')
	for i := 0; i+1 < len(n.Content); i += 2 {
		if i > 0 {
			b.WriteByte(',')
		}
		name, _ := json.Marshal(n.Content[i].Value) // text cannot fail
		b.Write(name)
		b.WriteByte(':')
		if err := writeJSON(b, n.Content[i+1], deep-1); err != nil {
			return err
		}
	}
	b.WriteByte('}')
	return nil
}

func writeScalar(b *bytes.Buffer, n *yaml.Node) error {
	switch n.Tag {
	case "!!null":
		b.WriteString("null")
	case "!!bool":
		b.WriteString(strings.ToLower(n.Value))
	case "!!int", "!!float":
		if !json.Valid([]byte(n.Value)) {
			return fmt.Errorf("line %d: %s is no number of JSON; put it in quotes if it is text", n.Line, n.Value)
		}
		b.WriteString(n.Value)
	default:
		text, _ := json.Marshal(n.Value)
		b.Write(text)
	}
	return nil
}

// read reads a test file and says which map it is for.
func read(path string) (suite, string, error) {
	var s suite
	text, err := os.ReadFile(path)
	if err != nil {
		return s, "", err
	}
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(&s); err != nil {
		return s, "", fmt.Errorf("%s: %w", path, err)
	}
	for i, t := range s.Tests {
		switch {
		case t.Row.json == nil:
			err = fmt.Errorf("%s: test %d has no row", path, i+1)
		case (t.Event == nil) == (t.Error == nil):
			err = fmt.Errorf("%s: test %d (%s) must have either event or error", path, i+1, t.Name)
		case t.Error != nil && len(t.Warnings) > 0:
			err = fmt.Errorf("%s: test %d (%s) has warnings, and a row that fails gives none", path, i+1, t.Name)
		}
		for _, moment := range []string{t.Enqueued, t.CloudEvent["time"]} {
			if _, bad := time.Parse(time.RFC3339Nano, moment); moment != "" && bad != nil {
				err = fmt.Errorf("%s: test %d (%s) has a time that is not RFC 3339", path, i+1, t.Name)
			}
		}
		if err != nil {
			return s, "", err
		}
	}
	if s.Map == "" {
		return s, strings.Replace(path, infix, "", 1), nil
	}
	return s, filepath.Join(filepath.Dir(path), s.Map), nil
}

// values reads the value maps of a test file.
func (s suite) values(path string) (valuemap.Values, error) {
	all := valuemap.Values{}
	for name, v := range s.ValueMaps {
		file := filepath.Join(filepath.Dir(path), v.File)
		rows, err := valuemap.Load(file)
		if err == nil {
			err = valuemap.Check("", true, rows)
		}
		if v.Unknown == "" {
			v.Unknown = valuemap.Refuse
		}
		if err == nil && !valuemap.CheckUnknown(v.Unknown) {
			err = errors.New("unknown is neither refuse, pass nor = and a value")
		}
		if err != nil {
			return nil, fmt.Errorf("%s: the value map %s: %w", path, name, err)
		}
		all[name] = valuemap.New(valuemap.Map{Name: name, File: file, Unknown: v.Unknown, Rows: rows})
	}
	return all, nil
}

const infix = ".test"

// isTest says whether a file is a test by its name: crm.test.yaml.
func isTest(path string) bool {
	return strings.HasSuffix(path, infix+".yaml") || strings.HasSuffix(path, infix+".yml")
}

// Beside is the test file of a map: crm.test.yaml beside crm.yaml.
func Beside(path string) string {
	ext := filepath.Ext(path)
	return strings.TrimSuffix(path, ext) + infix + ext
}
