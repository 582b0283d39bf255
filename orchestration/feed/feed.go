// Package feed is what exports of the target's records have in common: what was told of each record last, and how far a list of
// changes was read. What is remembered can be found again by exporting everything once more, so nothing is lost with it.
//
// A feed is one kind of records of one channel. Its records lie in 4,096 buckets, by the first three hexadecimal digits of the SHA-256 of
// their ids: whoever compares two sides compares buckets first, and then only the records of those that differ. A record's
// digest is the first sixteen hexadecimal digits of the SHA-256 of its data as it is told: compact JSON, byte for byte. Receivers can
// compute both.
package feed

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"time"

	"github.com/signalbox/signalbox/orchestration"
)

// Feed names one kind of records of a channel.
type Feed struct {
	Channel string // of the channel table
	Name    string // such as products/0
	// Until is when nobody asks for it any more: it is forgotten some time after that. Zero: it is kept. It is no part of the name.
	Until time.Time
}

// Entry is what is remembered of a record.
type Entry struct {
	Digest string // of what was told last; empty: not known
	Mark   string // of the run that saw it last
	Note   string // what else must be known of it: of a product the ids that are sold of it, of stock the quantity
	Doubt  string // the token of the page that was about to tell it (Page.Doubt); empty: it is not in doubt
}

// Doubtful says that something was told, or was about to be, and nobody knows what.
func (e Entry) Doubtful() bool { return e.Digest == "" || e.Doubt != "" }

// Buckets is how many there are.
const Buckets = 4096

// Bucket is where a record lies.
func Bucket(id string) int {
	sum := sha256.Sum256([]byte(id))
	return int(binary.BigEndian.Uint16(sum[:2]) >> 4)
}

// Digest stands for what is told of a record.
func Digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:8])
}

// Source is the CloudEvents source of what is told of a channel's records: they are the target's, whatever asked for them. Records of one type that
// are not those of the usual feed have a source of their own, with what tells them apart (such as /affiliations/7) at its end: so a receiver can be
// asked for those of one feed.
func Source(ch orchestration.Channel, apart string) string {
	return "d365/" + ch.CSU + "/" + ch.Name + apart
}

// Memory remembers feeds. One for the process; safe for concurrent use. Its errors are the store's; what is not there is empty. Only a run that
// holds a feed's entity writes; but one that goes on after a pause may have been overtaken by another meanwhile, so what it told before is settled by token.
type Memory interface {
	// Cursor is how far the list of changes was read.
	Cursor(ctx context.Context, f Feed) (string, error)
	// Advance moves the cursor, if it is still where it was.
	Advance(ctx context.Context, f Feed, was, to string) error
	// Recall gives the entries of records, by id, of those that have one.
	Recall(ctx context.Context, f Feed, ids []string) (map[string]Entry, error)
	// Keep writes entries, by id, whatever is there.
	Keep(ctx context.Context, f Feed, entries map[string]Entry) error
	// Settle ends what a page had in doubt: it writes the entries of kept, and removes those of gone, that are still in doubt by its token. One that
	// is in no doubt and has the digest already, and is not private, gets the mark and the note. Of any other somebody else has told since, or the store was
	// wiped: it stays as it is.
	Settle(ctx context.Context, f Feed, token string, kept map[string]Entry, gone []string) error
	// Bucket gives the entries of a bucket, by id.
	Bucket(ctx context.Context, f Feed, bucket int) (map[string]Entry, error)
	// Walk gives the entries of a bucket and those after it, until it has so many at least; next is the bucket to go on with, Buckets when
	// that was the last.
	Walk(ctx context.Context, f Feed, from, least int) (entries map[string]Entry, next int, err error)
}
