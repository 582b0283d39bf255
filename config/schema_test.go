package config

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// go test ./config -update writes schema.json and the table of docs/reference/configuration.md anew.
var update = flag.Bool("update", false, "write the generated files anew")

type object = map[string]any

func schemaOf(k key) object {
	s := object{"type": "string", "description": k.tag.Get("help")}
	d, hasDefault := k.tag.Lookup("default")
	duration := object{"type": "string", "pattern": `^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$|^0$`}
	switch {
	case k.secret():
		s["pattern"] = `^(env|file):.`
	case k.typ == secretsType:
		s["type"], s["items"] = "array", object{"type": "string", "pattern": `^(env|file):.`}
	case k.typ == durationType:
		s["pattern"] = duration["pattern"]
	case k.typ == durationsType:
		s["type"], s["items"], s["minItems"] = "array", duration, 1
	case k.typ == textsType:
		s["type"], s["items"] = "array", object{"type": "string", "minLength": 1}
	case k.typ == objectType:
		s["type"] = "object"
	case k.typ == timeType:
		s["format"] = "date-time"
	case k.typ.Kind() == reflect.Bool:
		s["type"] = "boolean"
	case k.typ.Kind() == reflect.Int:
		s["type"] = "integer"
		s["minimum"], _ = strconv.Atoi(k.tag.Get("min"))
		s["maximum"], _ = strconv.Atoi(k.tag.Get("max"))
	}
	if t, ok := k.table(); ok {
		s["type"], s["items"] = "array", rowSchema(t)
	}
	if k.required && s["type"] == "array" {
		s["minItems"] = 1
	}
	if hasDefault {
		s["default"] = k.fromText(d)
	}
	return s
}

func rowSchema(t table) object {
	columns, required := object{}, []string{}
	for _, col := range t.columns() {
		columns[col.name] = schemaOf(col)
		if col.required {
			required = append(required, col.name)
		}
	}
	return object{"type": "object", "additionalProperties": false, "properties": columns, "required": required}
}

// schema is what schema.json must be. Nothing is required in the file: the environment may hold it.
func schema(t *testing.T) []byte {
	root := object{
		"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Signalbox configuration file",
		"type": "object", "additionalProperties": false, "properties": object{},
	}
	for _, k := range keys {
		at := root
		words := strings.Split(k.name, ".")
		for _, w := range words[:len(words)-1] {
			in := at["properties"].(object)
			if in[w] == nil {
				in[w] = object{"type": []string{"object", "null"}, "additionalProperties": false, "properties": object{}}
			}
			at = in[w].(object)
		}
		at["properties"].(object)[words[len(words)-1]] = schemaOf(k)
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	require.NoError(t, e.Encode(root))
	return b.Bytes()
}

func same(t *testing.T, path string, want []byte) {
	t.Helper()
	if *update {
		require.NoError(t, os.WriteFile(path, want, 0o644))
	}
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), string(got), "%s is not what the structs say: go test ./config -update", path)
}

func TestTheSchemaIsTheStructs(t *testing.T) {
	same(t, "schema.json", schema(t))
}

func compiled(t *testing.T) *jsonschema.Schema {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema(t)))
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	require.NoError(t, c.AddResource("schema.json", doc))
	s, err := c.Compile("schema.json")
	require.NoError(t, err)
	return s
}

func TestTheSchemaAndLoadAgreeOnFiles(t *testing.T) {
	s := compiled(t)
	for text, ok := range map[string]bool{
		"run: {lease: 15s}":                                true,
		"run: {lease: 15}":                                 false,
		"run: {leese: 15s}":                                false,
		"run:":                                             true,
		"run.lease: 15s":                                   false,
		"worker: {slots: 3}":                               true,
		"worker: {slots: '3'}":                             false,
		"worker: {slots: 0}":                               false,
		"redis: {url: 'env:REDIS'}":                        true,
		"redis: {url: 'redis://localhost'}":                false,
		"servicebus: {queues: [a, b]}":                     true,
		"servicebus: {queues: a}":                          false,
		"servicebus: {queues: []}":                         false,
		"servicebus: {own_queue: {live: mine}}":            true,
		"csu: {api_version: 7.3}":                          false,
		"csu: {api_version: '7.3'}":                        true,
		"log: {sampling: true}":                            true,
		"log: {sampling: 'true'}":                          false,
		"log: {debug_until: tomorrow}":                     false,
		"channels: [{name: a, oun: '1', legal_entity: u}]": true,
		"channels: [{name: a, oun: 1, legal_entity: u}]":   false,
		"channels: [{name: a, legal_entity: u}]":           false,
		"channels: []":                                     false,
	} {
		var doc any
		require.NoError(t, yaml.Unmarshal([]byte(text), &doc))
		_, err := Load(Sources{File: write(t, "c.yaml", text), Env: without(text, enough("REDIS=redis://localhost"))})
		require.Equal(t, ok, s.Validate(doc) == nil, "schema: %s", text)
		require.Equal(t, ok, err == nil, "load: %s: %v", text, err)
	}
}

// without drops the variables that would hide what the file says.
func without(file string, env []string) []string {
	var kept []string
	for _, v := range env {
		hides := strings.HasPrefix(v, "SIGNALBOX_CHANNELS") && strings.HasPrefix(file, "channels") ||
			strings.HasPrefix(v, "SIGNALBOX_REDIS_URL") && strings.HasPrefix(file, "redis: {url: 'env")
		if !hides {
			kept = append(kept, v)
		}
	}
	return kept
}

func TestTheExampleLoads(t *testing.T) {
	b, err := os.ReadFile("example.yaml")
	require.NoError(t, err)
	var doc any
	require.NoError(t, yaml.Unmarshal(b, &doc))
	require.NoError(t, compiled(t).Validate(doc))

	secrets := t.TempDir()
	for name, value := range map[string]string{"redis-url": "rediss://u:p@cache.example:6380", "csu-client-secret": "s", "crm-webhook": "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=", "hash-key": "0123456789abcdefghijklmnopqrstuv"} {
		require.NoError(t, os.WriteFile(filepath.Join(secrets, name), []byte(value+"\n"), 0o600))
	}
	file := write(t, "c.yaml", strings.ReplaceAll(string(b), "/run/secrets", secrets))
	require.NoError(t, os.CopyFS(filepath.Join(filepath.Dir(file), "examples"), os.DirFS("examples")))
	c, err := Load(Sources{File: file, Env: []string{"SERVICEBUS_CONNECTION_STRING=Endpoint=sb://n.servicebus.windows.net;SharedAccessKeyName=k;SharedAccessKey=v"}})
	require.NoError(t, err)
	require.Len(t, c.Channels, 2)
	require.NotNil(t, c.Map(c.Sources[0]))
	require.Len(t, c.Sinks, 2)
	require.Equal(t, ":9464", c.Admin.Listen)
}

const page = "../docs/reference/configuration.md"

// generated holds a part of the page against what it must be.
func generated(t *testing.T, what, want string) {
	t.Helper()
	begin, end := "<!-- "+what+": written by go test ./config -update -->\n", "<!-- end of "+what+" -->\n"
	b, err := os.ReadFile(page)
	require.NoError(t, err)
	before, rest, ok := strings.Cut(string(b), begin)
	require.True(t, ok, "%s has no line %s", page, begin)
	_, after, ok := strings.Cut(rest, end)
	require.True(t, ok, "%s has no line %s", page, end)
	same(t, page, []byte(before+begin+want+end+after))
}

func TestTheReferenceListsEveryKey(t *testing.T) {
	generated(t, "keys", reference())
}

func TestTheReferenceListsEveryColumn(t *testing.T) {
	for _, k := range keys {
		if tab, ok := k.table(); ok {
			generated(t, "columns of "+k.name, columnReference(tab))
		}
	}
}

func columnReference(t table) string {
	var b strings.Builder
	b.WriteString("| Key | What it is |\n| --- | --- |\n")
	for _, col := range t.columns() {
		help := col.tag.Get("help")
		if d, ok := col.tag.Lookup("default"); ok {
			help += "; default `" + d + "`"
		}
		if col.required {
			help = "**required**; " + help
		}
		if low, high := col.tag.Get("min"), col.tag.Get("max"); low != "" {
			help += " (" + low + " to " + high + ")"
		}
		if col.tag.Get("path") == "true" {
			help += " (a relative path is meant from the folder of the YAML file that names it)"
		}
		if col.tag.Get("unique") == "true" {
			help += " (in one row only)"
		}
		if col.secret() {
			help += " (secret)"
		}
		if col.typ == secretsType {
			help += " (secrets)"
		}
		b.WriteString("| `" + col.name + "` | " + help + " |\n")
	}
	return b.String()
}

func reference() string {
	var b strings.Builder
	b.WriteString("| Key | Variable | Default | What it is |\n| --- | --- | --- | --- |\n")
	for _, k := range keys {
		help, byDefault := k.tag.Get("help"), "–"
		if d, ok := k.tag.Lookup("default"); ok {
			byDefault = "`" + d + "`"
		} else if k.required {
			byDefault = "**required**"
		}
		if low, high := k.tag.Get("min"), k.tag.Get("max"); low != "" {
			help += " (" + low + " to " + high + ")"
		}
		if k.secret() {
			help += " (secret)"
		}
		b.WriteString("| `" + k.name + "` | `" + k.env() + "` | " + byDefault + " | " + help + " |\n")
	}
	return b.String()
}
