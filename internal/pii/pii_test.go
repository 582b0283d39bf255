package pii_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
	"pgregory.net/rapid"

	"github.com/signalbox/signalbox/internal/pii"
)

const canary = "Canary.Jane@example.com"

type person struct {
	Name  pii.Text
	Email pii.Email
	More  []pii.Text
	By    map[string]pii.Email
	At    *pii.Text
}

func jane() person {
	text := pii.New(canary)
	return person{text, pii.NewEmail(canary), []pii.Text{text}, map[string]pii.Email{"a": pii.NewEmail(canary)}, &text}
}

func TestNoVerbPrintsAValue(t *testing.T) {
	text, email := pii.New(canary), pii.NewEmail(canary)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%10s", "%-40v", "%.3s", "%T"} {
		for _, value := range []any{text, email, &text, &email, jane(), []any{text, email}, map[string]any{"k": email}, fmt.Errorf("no %v", email)} {
			require.NotContains(t, fmt.Sprintf(verb, value), "anary", "%s of %T", verb, value)
		}
	}
	require.Equal(t, "[masked]", fmt.Sprint(text))
	require.Equal(t, "[masked]", fmt.Sprint(email))
	require.Empty(t, fmt.Sprint(pii.Text{}), "an empty value shows as empty: that it is missing is worth seeing")
}

func TestNoEncoderWritesAValue(t *testing.T) {
	for name, encode := range map[string]func(any) ([]byte, error){"JSON": json.Marshal, "YAML": yaml.Marshal} {
		t.Run(name, func(t *testing.T) {
			b, err := encode(jane())
			require.NoError(t, err)
			require.NotContains(t, string(b), "anary")
			require.Contains(t, string(b), "[masked]")
		})
	}
	var b bytes.Buffer
	slog.New(slog.NewTextHandler(&b, nil)).Info("seen", "text", pii.New(canary), "email", pii.NewEmail(canary), "err", errors.New(pii.New(canary).String()))
	slog.New(slog.NewJSONHandler(&b, nil)).Info("seen", "person", jane())
	require.NotContains(t, b.String(), "anary")
}

// A panic ends the process, so it has to be another one.
func TestAPanicShowsNoValue(t *testing.T) {
	if os.Getenv("PII_PANIC") != "" {
		panic(pii.NewEmail(canary))
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestAPanicShowsNoValue$")
	cmd.Env = append(os.Environ(), "PII_PANIC=1", "GOTRACEBACK=all")
	out, err := cmd.CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "panic:")
	require.NotContains(t, string(out), "anary")
}

func TestOnlyRevealGivesTheValue(t *testing.T) {
	require.Equal(t, canary, pii.New(canary).Reveal())
	require.Equal(t, canary, pii.NewEmail(canary).Reveal())
	require.True(t, pii.New("").IsZero())
	require.False(t, pii.New(" ").IsZero())
	require.True(t, pii.New("a").Equal(pii.New("a")))
	require.False(t, pii.New("a").Equal(pii.New("A")))
}

func TestJSONIsReadAsAString(t *testing.T) {
	var p struct {
		Name  pii.Text  `json:"name"`
		Email pii.Email `json:"email"`
	}
	require.NoError(t, json.Unmarshal([]byte(`{"name":"Jane \"J\" Döe","email":"jane@example.com"}`), &p))
	require.Equal(t, `Jane "J" Döe`, p.Name.Reveal())
	require.Equal(t, "jane@example.com", p.Email.Reveal())
	require.NoError(t, json.Unmarshal([]byte(`{"name":null}`), &p))
	require.True(t, p.Name.IsZero(), "null takes the value away")
	for _, wrong := range []string{`{"name":4111111111111111}`, `{"name":{"canary":1}}`, `{"email":["canary"]}`, `{"name":true}`} {
		err := json.Unmarshal([]byte(wrong), &p)
		require.ErrorContains(t, err, "not a string")
		require.NotContains(t, err.Error(), "canary")
		require.NotContains(t, err.Error(), "4111")
	}
}

func TestOneMailboxHasOneForm(t *testing.T) {
	for _, same := range []string{"jane@example.com", " Jane@Example.COM\t", "ｊａｎｅ@example.com", "JANE@EXAMPLE.COM\n"} {
		require.Equal(t, "jane@example.com", pii.NewEmail(same).Canonical())
		require.True(t, pii.NewEmail(same).Same(pii.NewEmail("jane@example.com")))
	}
	require.False(t, pii.NewEmail("jane@example.com").Same(pii.NewEmail("jane+x@example.com")), "no guesses about sub-addresses")
	require.Equal(t, pii.NewEmail("ju\u0308rgen@x.example").Canonical(), pii.NewEmail("jürgen@x.example").Canonical(), "composed or not")
}

// What differs only in spaces around it has the same form, and the form's own form is itself, or hashes would differ
// between what was stored and what is looked up.
func TestTheCanonicalFormIsStable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringOfN(rapid.RuneFrom([]rune("aZ.@+-_ÄßİıﬁΣςｊ ")), 0, 20, -1).Draw(t, "address")
		once := pii.NewEmail(s).Canonical()
		if again := pii.NewEmail(once).Canonical(); again != once {
			t.Fatalf("%q becomes %q becomes %q", s, once, again)
		}
		if padded := pii.NewEmail(" \t" + s + "\n").Canonical(); padded != once {
			t.Fatalf("%q has the form %q, with spaces around it %q", s, once, padded)
		}
	})
}

func TestAValueInAnUnexportedFieldDoesNotShowEither(t *testing.T) {
	t.Parallel()
	type holder struct{ e pii.Email }
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%p"} {
		require.NotContains(t, fmt.Sprintf(verb, holder{pii.NewEmail("ana@example.com")}), "ana", verb)
	}
}

// What is read the short way must be what encoding/json reads.
func TestATextIsReadAsJSONHasIt(t *testing.T) {
	t.Parallel()
	for _, text := range []string{`""`, `"Ana"`, `"Zo\u00eb"`, `"Zoë ☃ 𝄞"`, `"a\\b\"c\/d\n"`, "\"\xff\xfe\"", `"\ud800"`, `null`, " \"x\" ", `"a\u0000b"`} {
		var want *string
		require.NoError(t, json.Unmarshal([]byte(text), &want))
		var got pii.Text
		require.NoError(t, json.Unmarshal([]byte(text), &got), text)
		if want == nil {
			require.True(t, got.IsZero(), text)
			continue
		}
		require.Equal(t, *want, got.Reveal(), text)
	}
	for _, text := range []string{`1`, `{}`, `["a"]`, `true`} {
		require.Error(t, json.Unmarshal([]byte(text), new(pii.Text)), text)
	}
	for _, text := range []string{`"a"b"`, "\"a\nb\"", `"`, ``, `"a\"`} { // as a decoder that did not check would hand it over
		require.Error(t, new(pii.Text).UnmarshalJSON([]byte(text)), text)
	}
}
