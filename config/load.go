package config

import (
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/providers/rawbytes"
	"github.com/knadh/koanf/v2"

	"github.com/signalbox/signalbox/internal/joined"
	"github.com/signalbox/signalbox/internal/smallfile"
)

// Sources is where Load looks.
type Sources struct {
	File string   // path of the YAML file; empty: what SIGNALBOX_CONFIG names, else no file
	Env  []string // NAME=value, as os.Environ gives it; of two with one name the later wins
}

// layer is what one source says, by key.
type layer struct {
	values  map[string]any
	origins map[string]string
}

// loading collects problems on the way. A key with a problem is bad: relations that involve it are not judged. Of tables see unread.
type loading struct {
	problems []Problem
	bad      map[string]bool
}

func (l *loading) report(p Problem) {
	l.problems = append(l.problems, p)
	l.bad[p.Key] = true
}

// Load reads the sources in order and checks the result. The error joins every Problem there is.
func Load(s Sources) (*Config, error) {
	l := &loading{bad: map[string]bool{}}
	env := variables(s.Env)
	file := s.File
	if file == "" {
		file = env[fileVariable]
	}
	layers := []layer{defaults()}
	if file != "" {
		layers = append(layers, l.file(file, env))
	}
	layers = append(layers, l.environment(env))

	all := koanf.New(".")
	c := &Config{origins: map[string]string{}}
	for _, y := range layers {
		_ = all.Load(confmap.Provider(y.values, "."), nil) // a map in memory cannot fail to load
		for k, o := range y.origins {
			c.origins[k] = o
		}
	}
	for _, k := range keys {
		_, isTable := k.table() // of which the other rows are there
		if v := all.Get(k.name); v != nil && (isTable || !l.bad[k.name]) {
			l.read(c, k, v)
		}
		if k.required && !l.bad[k.name] && empty(k.in(c)) {
			l.report(Problem{k.name, c.origins[k.name], "is required and not set", "set it in the file or as " + k.env()})
		}
	}
	l.relations(c)
	if len(l.problems) > 0 {
		return nil, joined.Error(l.problems)
	}
	return c, nil
}

func variables(environ []string) map[string]string {
	env := map[string]string{}
	for _, nv := range environ {
		if name, value, ok := strings.Cut(nv, "="); ok {
			env[name] = value
		}
	}
	return env
}

func defaults() layer {
	y := layer{map[string]any{}, map[string]string{}}
	for _, k := range keys {
		y.origins[k.name] = "default"
		if d, ok := k.tag.Lookup("default"); ok {
			y.values[k.name] = k.fromText(d)
		}
	}
	return y
}

// file reads the YAML file.
func (l *loading) file(path string, env map[string]string) layer {
	y := layer{map[string]any{}, map[string]string{}}
	b, err := os.ReadFile(path)
	if err != nil {
		l.report(Problem{"file", path, "cannot be read: " + smallfile.Reason(err).Error(), "name a readable YAML file, or none"})
		return y
	}
	k := koanf.New(".")
	if err := k.Load(rawbytes.Provider(b), yaml.Parser()); err != nil {
		l.report(Problem{"file", path, "is not YAML: " + strings.TrimPrefix(err.Error(), "yaml: "), "correct that line"})
		return y
	}
	l.walk(k.Raw(), "", path, func(name string, v any) {
		key := keys[slices.IndexFunc(keys, func(k key) bool { return k.name == name })]
		y.origins[name] = path
		if t, ok := key.table(); ok {
			v = l.settle(key, t, v, env, path, path)
		}
		if !key.secret() {
			y.values[name] = v
			return
		}
		text, ok := v.(string)
		if !ok || !isReference(text) {
			l.report(Problem{name, path, "holds a secret in clear", "write env:NAME or file:PATH there, or set " + key.env() + " instead"})
			return
		}
		y.origins[name] = path + " → " + text
		y.values[name] = l.resolve(Problem{Key: name, Origin: path}, text, env, path)
	})
	return y
}

// walk hands every known key of the file to take and reports the others.
func (l *loading) walk(m map[string]any, prefix, path string, take func(name string, v any)) {
	for _, word := range slices.Sorted(maps.Keys(m)) {
		name, v := prefix+word, m[word]
		section, isMap := v.(map[string]any)
		inside := sectionKeys(name)
		switch {
		case strings.Contains(word, "."):
			l.report(Problem{name, path, "is written with dots", "nest it: each dot is one level"})
		case known(name) && v == nil:
			l.report(Problem{name, path, "has no value", "give it one, or take the line out for the default"})
		case known(name):
			take(name, v)
		case len(inside) > 0 && (isMap || v == nil):
			l.walk(section, name+".", path, take)
		case len(inside) > 0:
			l.report(Problem{name, path, "is a section and holds no value of its own", "its keys are " + strings.Join(inside, ", ")})
		default:
			l.report(Problem{name, path, "is not a known key", "the nearest is " + nearest(name, names(key.plain), ".")})
		}
	}
}

// Kubernetes sets such variables for every service that a pod can see; with a service called signalbox they begin
// like ours.
var serviceLink = regexp.MustCompile(`^SIGNALBOX_([A-Z0-9_]+_)?(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT(_[0-9]+_(TCP|UDP|SCTP)(_(PORT|PROTO|ADDR))?)?)$`)

// environment reads the variables that begin with our prefix.
func (l *loading) environment(env map[string]string) layer {
	y := layer{map[string]any{}, map[string]string{}}
	left := map[string]bool{}
	for name := range env {
		left[name] = strings.HasPrefix(name, envPrefix) && name != fileVariable && !serviceLink.MatchString(name)
	}
	for _, k := range keys {
		value, set := env[k.env()]
		path, fromFile := env[k.env()+"_FILE"]
		left[k.env()] = false
		if set {
			y.values[k.name], y.origins[k.name] = k.fromText(value), k.env()
			if t, ok := k.table(); ok {
				y.values[k.name] = l.settle(k, t, y.values[k.name], env, "", k.env())
			}
		}
		if !k.secret() {
			continue
		}
		left[k.env()+"_FILE"] = false
		p := Problem{Key: k.name, Origin: k.env()}
		switch {
		case set && fromFile:
			p.What, p.Do = "is set twice, also as "+k.env()+"_FILE", "keep one of the two"
			l.report(p)
		case fromFile:
			p.Origin = k.env() + "_FILE"
			y.values[k.name], y.origins[k.name] = l.resolve(p, "file:"+path, env, ""), p.Origin
		case set && isReference(value):
			y.values[k.name], y.origins[k.name] = l.resolve(p, value, env, ""), k.env()+" → "+value
		}
	}
	for _, name := range slices.Sorted(maps.Keys(left)) {
		if left[name] {
			l.report(Problem{name, name, "is not a known variable", "the nearest is " + nearest(name, names(key.env), "_")})
		}
	}
	return y
}

// empty asks a value that knows, such as a secret, and looks at the others.
func empty(v reflect.Value) bool {
	if z, ok := v.Interface().(interface{ IsZero() bool }); ok {
		return z.IsZero()
	}
	return v.IsZero() || (v.Kind() == reflect.Slice && v.Len() == 0)
}

func (k key) plain() string { return k.name }

func names(spelling func(key) string) []string {
	list := make([]string, len(keys))
	for i, k := range keys {
		list[i] = spelling(k)
	}
	return list
}
