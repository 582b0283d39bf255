package feed

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
)

// Digests is what a sink says of the records that it has. Errors are *fault.Error.
type Digests interface {
	// Buckets gives the digest of each bucket that has records (BucketDigest), by its number.
	Buckets(ctx context.Context, q DigestQuery) (map[int]string, error)
	// Records gives the digest of each record of a bucket (Digest), by id.
	Records(ctx context.Context, q DigestQuery, bucket int) (map[string]string, error)
}

// DigestQuery says of which records.
type DigestQuery struct {
	Source string // CloudEvents source of the events that told of them
	Type   string // and their type
}

// BucketDigest stands for all records of a bucket: the first sixteen hexadecimal digits of the SHA-256 of a line for each, in the order of
// their ids: id, space, digest, line feed.
func BucketDigest(records map[string]string) string {
	sum := sha256.New()
	for _, id := range slices.Sorted(maps.Keys(records)) {
		sum.Write([]byte(id + " " + records[id] + "\n"))
	}
	return hex.EncodeToString(sum.Sum(nil)[:8])
}

// nothing is the digest of what is remembered and told to nobody.
var nothing = Digest(nil)

// Private says that it is remembered, and told to nobody.
func (e Entry) Private() bool { return e.Digest == nothing }

// Records are the digests of entries, without those that no sink was told of.
func Records(entries map[string]Entry) map[string]string {
	out := make(map[string]string, len(entries))
	for id, e := range entries {
		if !e.Private() {
			out[id] = e.Digest
		}
	}
	return out
}
