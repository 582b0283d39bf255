package telemetry

import (
	"encoding/json"
	"fmt"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// safetyNet is the last line against personal data and secrets in logs: it masks what looks like them in every text of a
// line, and counts each catch. It does not replace the types that mask themselves: what it catches is a defect.
type safetyNet struct {
	zapcore.Core
	m *Metrics
}

func (n *safetyNet) With(fields []zapcore.Field) zapcore.Core {
	return &safetyNet{n.Core.With(n.clean(fields)), n.m}
}

func (n *safetyNet) Check(e zapcore.Entry, ce *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if n.Enabled(e.Level) {
		return ce.AddCore(e, n)
	}
	return ce
}

func (n *safetyNet) Write(e zapcore.Entry, fields []zapcore.Field) error {
	n.m.logMessages.WithLabelValues(levelLabel(e.Level)).Inc()
	e.Message, e.Stack = n.mask(e.Message), n.mask(e.Stack)
	return n.Core.Write(e, n.clean(fields))
}

func levelLabel(l zapcore.Level) string {
	if l > zapcore.ErrorLevel {
		l = zapcore.ErrorLevel
	}
	return l.String()
}

func (n *safetyNet) mask(s string) string {
	clean, classes := mask(s)
	for _, c := range classes {
		n.m.redactions.WithLabelValues(c).Inc()
	}
	return clean
}

func (n *safetyNet) clean(fields []zapcore.Field) []zapcore.Field {
	out := make([]zapcore.Field, len(fields))
	for i, f := range fields {
		out[i] = n.cleanField(f)
	}
	return out
}

// cleanField masks the texts of one field. Numbers, times and flags hold none.
func (n *safetyNet) cleanField(f zapcore.Field) zapcore.Field {
	switch f.Type {
	case zapcore.StringType:
		f.String = n.mask(f.String)
	case zapcore.ByteStringType:
		if b, ok := f.Interface.([]byte); ok {
			return zap.String(f.Key, n.mask(string(b)))
		}
	case zapcore.ErrorType:
		if err, ok := f.Interface.(error); ok {
			return zap.String(f.Key, n.mask(describe(err)))
		}
	case zapcore.StringerType:
		return zap.String(f.Key, n.mask(fmt.Sprint(f.Interface))) // Sprint survives a Stringer that panics
	case zapcore.ReflectType:
		return n.cleanTree(f.Key, f.Interface)
	case zapcore.ObjectMarshalerType, zapcore.ArrayMarshalerType, zapcore.InlineMarshalerType:
		m := zapcore.NewMapObjectEncoder()
		f.AddTo(m)
		if f.Type == zapcore.InlineMarshalerType {
			return zap.Inline(zapcore.ObjectMarshalerFunc(func(e zapcore.ObjectEncoder) error {
				for k, v := range m.Fields {
					n.cleanTree(k, v).AddTo(e)
				}
				return nil
			}))
		}
		return n.cleanTree(f.Key, m.Fields[f.Key])
	}
	return f
}

// cleanTree masks every text of a value by way of its JSON.
func (n *safetyNet) cleanTree(key string, value any) zapcore.Field {
	b, err := json.Marshal(value)
	if err != nil {
		return zap.String(key, "not JSON")
	}
	var tree any
	if err := json.Unmarshal(b, &tree); err != nil {
		return zap.String(key, "not JSON")
	}
	return zap.Reflect(key, n.walk(tree))
}

func (n *safetyNet) walk(tree any) any {
	switch t := tree.(type) {
	case string:
		return n.mask(t)
	case []any:
		for i := range t {
			t[i] = n.walk(t[i])
		}
	case map[string]any:
		clean := make(map[string]any, len(t))
		for k, v := range t {
			clean[n.mask(k)] = n.walk(v)
		}
		return clean
	}
	return tree
}
