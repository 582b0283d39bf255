package secret_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/signalbox/signalbox/internal/secret"
)

const canary = "canary-Zx9Q7pL2vT4mK8wR"

type options struct {
	Key  secret.String
	Keys []secret.String
	By   map[string]secret.String
	At   *secret.String
}

func filled() options {
	s := secret.New(canary)
	return options{s, []secret.String{s}, map[string]secret.String{"a": s}, &s}
}

func TestNothingPrintsASecret(t *testing.T) {
	s := secret.New(canary)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%10s", "%.3s", "%T"} {
		for _, value := range []any{s, &s, filled(), []any{s}, fmt.Errorf("no %v", s)} {
			out := fmt.Sprintf(verb, value)
			require.NotContains(t, out, "canary", "%s of %T", verb, value)
			require.NotContains(t, out, fmt.Sprintf("%x", canary), "%s of %T", verb, value)
		}
	}
	for name, encode := range map[string]func(any) ([]byte, error){"JSON": json.Marshal, "YAML": yaml.Marshal} {
		b, err := encode(filled())
		require.NoError(t, err)
		require.NotContains(t, string(b), "canary", name)
		require.Contains(t, string(b), "***", name)
	}
	var b bytes.Buffer
	slog.New(slog.NewTextHandler(&b, nil)).Info("seen", "secret", s)
	slog.New(slog.NewJSONHandler(&b, nil)).Info("seen", "options", filled())
	require.NotContains(t, b.String(), "canary")
}

// A panic ends the process, so it has to be another one.
func TestAPanicShowsNoSecret(t *testing.T) {
	if os.Getenv("SECRET_PANIC") != "" {
		panic(secret.New(canary))
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestAPanicShowsNoSecret$")
	cmd.Env = append(os.Environ(), "SECRET_PANIC=1", "GOTRACEBACK=all")
	out, err := cmd.CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "panic:")
	require.NotContains(t, string(out), "canary")
}

func TestOnlyRevealGivesTheSecret(t *testing.T) {
	require.Equal(t, canary, secret.New(canary).Reveal())
	require.True(t, secret.New("").IsZero())
	require.True(t, secret.String{}.IsZero())
	require.False(t, secret.New(canary).IsZero())
	require.Empty(t, secret.String{}.String(), "that there is none may be seen")
	require.Equal(t, "***", secret.New("x").String(), "the mask does not tell the length")
	require.Equal(t, "***", secret.New(canary).String())
}
