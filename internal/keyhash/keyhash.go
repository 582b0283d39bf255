// Package keyhash turns business keys into keyed hashes: what Redis keys and logs hold in place of an e-mail
// address or a customer number. HMAC-SHA-256, separated by use, with the id of the key beside the hash so that
// a rotation can tell old from new.
//
// A plain hash of an e-mail address is reversible by guessing; a keyed one is not (PCI DSS 4.0.1, 3.5.1.1, says
// the same of card numbers).
package keyhash

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"sync"
)

// Hasher hashes under one key. Safe for concurrent use.
type Hasher struct {
	keyID  string
	states sync.Pool // of *state: keying one costs as much as hashing with it
}

// state is a keyed hash, and room to write what is hashed.
type state struct {
	mac  hash.Hash
	text []byte
}

// New makes a hasher; keyID names the key and is not secret.
func New(keyID string, key []byte) *Hasher {
	key = append([]byte(nil), key...)
	return &Hasher{keyID: keyID, states: sync.Pool{New: func() any { return &state{mac: hmac.New(sha256.New, key)} }}}
}

// KeyID names the key in use.
func (h *Hasher) KeyID() string { return h.keyID }

// Sum hashes parts for one use (its domain). Parts are length-prefixed, so ("a","bc") and ("ab","c") differ.
// The result is "<key id>.<32 hex digits>": 128 bits, plenty against accident and far beyond guessing without the key.
func (h *Hasher) Sum(domain string, parts ...string) string {
	s := h.states.Get().(*state) //nolint:forcetypeassert // New makes nothing else
	s.text = appendPart(s.text[:0], domain)
	for _, p := range parts {
		s.text = appendPart(s.text, p)
	}
	s.mac.Reset()
	s.mac.Write(s.text)
	sum := s.mac.Sum(s.text[:0])
	out := h.keyID + "." + hex.EncodeToString(sum[:16])
	clear(s.text[:cap(s.text)]) // it was personal
	h.states.Put(s)
	return out
}

func appendPart(to []byte, part string) []byte {
	return append(binary.BigEndian.AppendUint64(to, uint64(len(part))), part...)
}

// Short is Sum cut to "<key id>.<16 hex digits>": 64 bits, to tell apart what belongs to one name anyway.
func (h *Hasher) Short(domain string, parts ...string) string {
	return h.Sum(domain, parts...)[:len(h.keyID)+17]
}

// Ref is the short form for logs: the first 16 hex digits, without the key id.
func (h *Hasher) Ref(domain string, parts ...string) string {
	s := h.Sum(domain, parts...)
	return s[len(h.keyID)+1 : len(h.keyID)+17]
}
