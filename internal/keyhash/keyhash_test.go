package keyhash_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/signalbox/signalbox/internal/keyhash"
	"github.com/signalbox/signalbox/internal/pii"
)

var key = []byte("0123456789abcdefghijklmnopqrstuv")

// What is in Redis was hashed this way: a change makes every stored binding unfindable. Computed here by hand.
func TestTheFormatIsFixed(t *testing.T) {
	m := hmac.New(sha256.New, key)
	m.Write([]byte("\x00\x00\x00\x00\x00\x00\x00\x03run" + "\x00\x00\x00\x00\x00\x00\x00\x02ab" + "\x00\x00\x00\x00\x00\x00\x00\x01c"))
	want := hex.EncodeToString(m.Sum(nil)[:16])
	h := keyhash.New("k1", key)
	require.Equal(t, "k1."+want, h.Sum("run", "ab", "c"))
	require.Equal(t, want[:16], h.Ref("run", "ab", "c"))
	require.Equal(t, "k1", h.KeyID())
	require.Regexp(t, `^k1\.[0-9a-f]{32}$`, h.Sum("run"))
}

func TestHashesDifferByUseKeyAndParts(t *testing.T) {
	h := keyhash.New("k1", key)
	seen := map[string]string{}
	for name, sum := range map[string]string{
		"a":                            h.Sum("entity", "a"),
		"another use":                  h.Sum("natural", "a"),
		"another key":                  keyhash.New("k1", bytes.Repeat([]byte{7}, 32)).Sum("entity", "a"),
		"an empty part more":           h.Sum("entity", "a", ""),
		"no part":                      h.Sum("entity"),
		"one empty part":               h.Sum("entity", ""),
		"parts split here":             h.Sum("entity", "ab", "c"),
		"parts split there":            h.Sum("entity", "a", "bc"),
		"parts in one":                 h.Sum("entity", "abc"),
		"use and part split elsewhere": h.Sum("entitya"),
	} {
		require.NotContains(t, seen, sum, "%s is the same as %s", name, seen[sum])
		seen[sum] = name
	}
}

func TestTheKeyIDIsPartOfASumButNotOfARef(t *testing.T) {
	one, two := keyhash.New("k1", key), keyhash.New("key22", key)
	require.NotEqual(t, one.Sum("u", "a"), two.Sum("u", "a"))
	require.Equal(t, one.Ref("u", "a"), two.Ref("u", "a"))
	require.Len(t, two.Ref("u", "a"), 16)
}

func TestTheKeyIsTheHashersOwn(t *testing.T) {
	mine := bytes.Clone(key)
	h := keyhash.New("k1", mine)
	before := h.Sum("u", "a")
	clear(mine)
	require.Equal(t, before, h.Sum("u", "a"))
}

func TestOneMailboxHasOneHash(t *testing.T) {
	h := keyhash.New("k1", key)
	sum := func(address string) string { return h.Sum("email", pii.NewEmail(address).Canonical()) }
	require.Equal(t, sum("jane@example.com"), sum("  JANE@Example.com "))
	require.Equal(t, sum("jane@example.com"), sum("ｊａｎｅ@example.com"))
	require.NotEqual(t, sum("jane@example.com"), sum("jane@example.org"))
}

func TestNoTwoListsOfPartsShareAHash(t *testing.T) {
	h := keyhash.New("k1", key)
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOfN(rapid.StringOfN(rapid.RuneFrom([]rune("a\x00b")), 0, 3, -1), 0, 4)
		a, b := parts.Draw(t, "a"), parts.Draw(t, "b")
		if same := len(a) == len(b); same {
			for i := range a {
				same = same && a[i] == b[i]
			}
			if same != (h.Sum("u", a...) == h.Sum("u", b...)) {
				t.Fatalf("%q and %q", a, b)
			}
		} else if h.Sum("u", a...) == h.Sum("u", b...) {
			t.Fatalf("%q and %q", a, b)
		}
	})
}
