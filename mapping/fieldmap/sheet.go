package fieldmap

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// sheet is a field map as it is written: which expression stands where. It is not changed once it is read.
type sheet struct {
	source, typ string
	define      *expression            // functions for all the others
	attributes  map[string]*expression // by name; those that are written
	replace     map[string]bool
	data        *field
	expressions []*expression // all of them, in the order of the file
	limits      Limits
	values      Values // nil: none
	problems    []Problem

	variables []string // of an Expression
	keepNull  bool     // it is an Expression
}

// expression is one jq program of the map.
type expression struct {
	index int // in expressions
	at    string
	line  int
	text  string
	time  bool // it is the event's time, and may ask for $enqueued
}

// field is a place in the data: an object of members, a list of elements, or a value that an expression gives. An element
// with each stands for as many as that gives, and its expressions are over those.
type field struct {
	value    *expression
	members  []member
	isList   bool
	elements []*field
	each     *expression
}

type member struct {
	name string
	field
}

const (
	each    = "$each"
	maxDeep = 32 // levels of the data in a map
)

// keys of a map's top level.
var topLevel = append([]string{"source", "type", "replace", "define", "data"}, attributes...)

var typeName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

func readSheet(text []byte) *sheet {
	s := &sheet{attributes: map[string]*expression{}, replace: map[string]bool{}}
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		s.problem(0, "", "is not YAML: "+strings.TrimPrefix(err.Error(), "yaml: "), "correct that line")
		return s
	}
	if doc.Kind != yaml.DocumentNode || doc.Content[0].Kind != yaml.MappingNode {
		s.problem(0, "", "is no field map", "begin with: type, id, time, data")
		return s
	}
	s.pairs(doc.Content[0], "", func(name string, at string, key, v *yaml.Node) {
		switch {
		case name == "source":
			s.source = s.text(v, at)
		case name == "type":
			s.typ = s.text(v, at)
		case name == "replace":
			s.readReplace(v, at)
		case name == "define":
			s.define = s.expression(v, at)
		case name == "data":
			if f := s.readField(v, at, maxDeep); f != nil {
				s.data = f
			}
		case slices.Contains(attributes, name):
			if x := s.expression(v, at); x != nil {
				x.time = name == Time
				s.attributes[name] = x
			}
		default:
			s.problem(key.Line, at, "is not a known key", "use one of: "+strings.Join(topLevel, ", "))
		}
	})
	s.whole()
	return s
}

// whole says what is missing.
func (s *sheet) whole() {
	if len(s.problems) > 0 {
		return
	}
	if !typeName.MatchString(s.typ) {
		s.problem(0, "type", "is missing or cannot be", "name the event type that the map makes, such as signalbox.customer.changed.v1")
	}
	if s.data == nil {
		s.problem(0, "data", "is missing", "say how each field of the event is made")
	}
	for name := range s.replace {
		if s.attributes[name] == nil {
			s.problem(0, "replace", "names "+name+", which the map does not make", "write an expression for it, or take it out")
		}
	}
}

func (s *sheet) problem(line int, at, what, do string) {
	s.problems = append(s.problems, Problem{line, at, what, do})
}

// pairs hands over the members of an object, each once.
func (s *sheet) pairs(n *yaml.Node, at string, take func(name, at string, key, v *yaml.Node)) {
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, v := n.Content[i], n.Content[i+1]
		inside := key.Value
		if at != "" {
			inside = at + "." + key.Value
		}
		switch {
		case key.Kind != yaml.ScalarNode || key.Tag == "!!merge":
			s.problem(key.Line, at, "has a key that is no text", "write names only")
		case seen[key.Value]:
			s.problem(key.Line, inside, "stands there twice", "keep one of the two")
		default:
			take(key.Value, inside, key, v)
		}
		seen[key.Value] = true
	}
}

func (s *sheet) text(n *yaml.Node, at string) string {
	if n.Kind != yaml.ScalarNode || n.Tag != "!!str" || n.Value == "" {
		s.problem(n.Line, at, "is no text", "write text there")
		return ""
	}
	return n.Value
}

func (s *sheet) readReplace(n *yaml.Node, at string) {
	if n.Kind != yaml.SequenceNode {
		s.problem(n.Line, at, "is no list", "write a list of attributes, such as [id, time]")
		return
	}
	for _, e := range n.Content {
		if !slices.Contains(attributes, e.Value) {
			s.problem(e.Line, at, fmt.Sprintf("names %q, which is no attribute", e.Value), "use some of: "+strings.Join(attributes, ", "))
			continue
		}
		s.replace[e.Value] = true
	}
}

// expression takes any scalar: what YAML reads as true, 7 or null is jq for the same.
func (s *sheet) expression(n *yaml.Node, at string) *expression {
	if n.Kind != yaml.ScalarNode || strings.TrimSpace(n.Value) == "" {
		s.problem(n.Line, at, "is no jq expression", "write one, such as .Email | email")
		return nil
	}
	x := &expression{index: len(s.expressions), at: at, line: n.Line, text: n.Value}
	s.expressions = append(s.expressions, x)
	return x
}

func (s *sheet) readField(n *yaml.Node, at string, deep int) *field {
	f := &field{}
	switch {
	case deep == 0:
		s.problem(n.Line, at, "is nested too deep", fmt.Sprintf("use fewer than %d levels", maxDeep))
		return nil
	case n.Kind == yaml.AliasNode:
		s.problem(n.Line, at, "is an alias", "write it out, or make it a function under define")
		return nil
	case n.Kind == yaml.MappingNode:
		s.pairs(n, at, func(name, inside string, _, v *yaml.Node) {
			if name == each {
				s.problem(v.Line, inside, "stands in no list", "put it into an element of a list")
				return
			}
			if m := s.readField(v, inside, deep-1); m != nil {
				f.members = append(f.members, member{name, *m})
			}
		})
	case n.Kind == yaml.SequenceNode:
		f.isList = true
		for i, e := range n.Content {
			if el := s.readElement(e, fmt.Sprintf("%s[%d]", at, i), deep-1); el != nil {
				f.elements = append(f.elements, el)
			}
		}
	default:
		f.value = s.expression(n, at)
	}
	return f
}

// readElement reads an element of a list; one with $each is an object of the rest, or that alone.
func (s *sheet) readElement(n *yaml.Node, at string, deep int) *field {
	if n.Kind != yaml.MappingNode {
		return s.readField(n, at, deep)
	}
	rest, loop := *n, (*expression)(nil)
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == each {
			loop = s.expression(n.Content[i+1], at+"."+each)
			rest.Content = slices.Concat(n.Content[:i], n.Content[i+2:])
			break
		}
	}
	f := s.readField(&rest, at, deep)
	if f != nil {
		f.each = loop
	}
	return f
}
