package telemetry

import (
	"fmt"
	"io"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// LogOptions say where lines go and what stands in each.
type LogOptions struct {
	To          io.Writer // servers: os.Stdout; commands: os.Stderr, which leaves stdout to their output
	Level       string    // debug, info, warn or error
	DebugUntil  time.Time // when debug ends by itself and becomes info; zero: never
	Version     string
	Instance    string // names this process: the pod's or the machine's name
	Environment string
}

// NewLogger makes the logger of the process: one JSON object a line, times in UTC. Everything passes the safety net
// and is counted.
func NewLogger(o LogOptions, m *Metrics) (*zap.Logger, error) {
	level, err := zapcore.ParseLevel(o.Level)
	if err != nil {
		return nil, fmt.Errorf("log level: %w", err)
	}
	enabled := zap.LevelEnablerFunc(func(l zapcore.Level) bool {
		if l < zapcore.InfoLevel && !o.DebugUntil.IsZero() && !time.Now().Before(o.DebugUntil) {
			return false
		}
		return l >= level
	})
	encoder := zapcore.NewJSONEncoder(zapcore.EncoderConfig{
		TimeKey: fieldTime, LevelKey: fieldLevel, MessageKey: fieldMessage, NameKey: fieldLogger,
		LineEnding: zapcore.DefaultLineEnding, EncodeLevel: zapcore.LowercaseLevelEncoder, EncodeName: zapcore.FullNameEncoder,
		EncodeDuration: zapcore.SecondsDurationEncoder,
		EncodeTime: func(t time.Time, e zapcore.PrimitiveArrayEncoder) { // zap's own writes local time
			e.AppendString(t.UTC().Format(time.RFC3339Nano))
		},
	})
	out := zapcore.Lock(zapcore.AddSync(o.To))
	core := &safetyNet{Core: zapcore.NewCore(encoder, out, enabled), m: m}
	return zap.New(core, zap.ErrorOutput(out)).With(zap.String(fieldServiceName, namespace), zap.String(fieldVersion, o.Version),
		zap.String(fieldInstance, o.Instance), zap.String(fieldEnvironment, o.Environment)), nil
}
