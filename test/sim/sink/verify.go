package sink

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// The headers of Standard Webhooks.
const (
	headerID        = "webhook-id"
	headerTimestamp = "webhook-timestamp"
	headerSignature = "webhook-signature"
)

var (
	errUnsigned = errors.New("the delivery is not signed: webhook-id, webhook-timestamp or webhook-signature is missing")
	errTime     = errors.New("the signature's time is too far from now")
	errSigned   = errors.New("no signature fits")
)

// verify checks that the delivery was signed, lately, with one of the secrets.
func (c *call) verify() error {
	o, h := c.sim.options(), c.r.Header
	id, at, signatures := h.Get(headerID), h.Get(headerTimestamp), h.Get(headerSignature)
	if id == "" || at == "" || signatures == "" {
		return errUnsigned
	}
	seconds, err := strconv.ParseInt(at, 10, 64)
	if err != nil || c.received.Sub(time.Unix(seconds, 0)).Abs() > o.Tolerance {
		return errTime
	}
	keys, _ := keysOf(o.Secrets) // checked before
	for _, one := range strings.Fields(signatures) {
		version, text, _ := strings.Cut(one, ",")
		given, err := base64.StdEncoding.DecodeString(text)
		if version != "v1" || err != nil {
			continue
		}
		for _, key := range keys {
			mac := hmac.New(sha256.New, key)
			fmt.Fprintf(mac, "%s.%s.", id, at)
			mac.Write(c.body)
			if hmac.Equal(given, mac.Sum(nil)) {
				return nil
			}
		}
	}
	return errSigned
}

func keysOf(secrets []string) ([][]byte, error) {
	keys := make([][]byte, len(secrets))
	for i, s := range secrets {
		text, ok := strings.CutPrefix(s, "whsec_")
		key, err := base64.StdEncoding.DecodeString(text)
		if !ok || err != nil || len(key) == 0 {
			return nil, fmt.Errorf("sink: secret %d is not whsec_ and base64", i+1)
		}
		keys[i] = key
	}
	return keys, nil
}
