package sink

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
)

// The receiver keeps what it was last told of each subject, as a shop would, and says on request what it has: digests of its records
// by bucket, and of those in one bucket. A bucket is the first three hexadecimal digits of the SHA-256 of a record's id, which is the subject; a
// record's digest is sixteen of the SHA-256 of its data, compact; a bucket's digest is sixteen of that of "id digest\n" for each of its records
// in order.

// PathDigests is where it is asked; everything else is a delivery.
const PathDigests = "/digests"

// deletion says which types of event end a record that another type tells of.
const deletion = ".deleted.v1"

// holding is a record as it is kept.
type holding struct {
	sequence string
	data     []byte // nil: deleted
	digest   string
}

func hold(sequence string, data []byte) holding {
	if data == nil {
		return holding{sequence: sequence}
	}
	return holding{sequence, data, digestOf(data)}
}

// holdings are the records of one type, by bucket and id.
type holdings map[string]map[string]holding

func (h holdings) get(id string) (holding, bool) {
	one, known := h[bucketOf(id)][id]
	return one, known
}

func (h holdings) put(id string, one holding) {
	b := bucketOf(id)
	if h[b] == nil {
		h[b] = map[string]holding{}
	}
	h[b][id] = one
}

// digests are those of what is there in a bucket.
func (h holdings) digests(bucket string) map[string]string {
	out := map[string]string{}
	for id, one := range h[bucket] {
		if one.data != nil {
			out[id] = one.digest
		}
	}
	return out
}

// keep takes over the newest of a subject, for whoever holds the lock.
func (l *ledger) keep(ev event) {
	if ev.Subject == "" {
		return
	}
	typ := ev.Type
	if base, is := bytes.CutSuffix([]byte(typ), []byte(deletion)); is {
		typ = string(base) + ".v1"
	}
	of := l.records(ev.Source, typ)
	if was, known := of.get(ev.Subject); known && ev.Sequence < was.sequence {
		return
	}
	var compact bytes.Buffer
	if typ != ev.Type || json.Compact(&compact, ev.Data) != nil {
		of.put(ev.Subject, hold(ev.Sequence, nil))
		return
	}
	of.put(ev.Subject, hold(ev.Sequence, compact.Bytes()))
}

func (l *ledger) records(source, typ string) holdings {
	key := source + "\x00" + typ
	if l.kept[key] == nil {
		l.kept[key] = holdings{}
	}
	return l.kept[key]
}

// Keep puts records into what is kept, by id, as if they had been delivered.
func (s *Simulator) Keep(source, typ string, records map[string]json.RawMessage) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, data := range records {
		s.ledger.records(source, typ).put(id, hold("", data))
	}
}

// Spoil changes what is kept of a record, as a fault of the receiver would, and says whether it was there. No data: the record is lost.
func (s *Simulator) Spoil(source, typ, id string, data json.RawMessage) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	of := s.ledger.records(source, typ)
	was, known := of.get(id)
	if known = known && was.data != nil; known {
		of.put(id, hold(was.sequence, data))
	}
	return known
}

// Kept gives what is kept, by id.
func (s *Simulator) Kept(source, typ string) map[string]json.RawMessage {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]json.RawMessage{}
	for _, bucket := range s.ledger.records(source, typ) {
		for id, h := range bucket {
			if h.data != nil {
				out[id] = slices.Clone(h.data)
			}
		}
	}
	return out
}

// digests answers a question.
func (c *call) digests() reply {
	if err := c.verify(); err != nil {
		return reply{status: http.StatusUnauthorized, text: err.Error()}
	}
	var asked struct{ Source, Type, Bucket string }
	if json.Unmarshal(c.body, &asked) != nil || asked.Source == "" || asked.Type == "" {
		return reply{status: http.StatusBadRequest, text: "a question has source and type, and may have a bucket"}
	}
	s := c.sim
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Questions++
	of := s.ledger.records(asked.Source, asked.Type)
	var answer any = map[string]any{"records": of.digests(asked.Bucket)}
	if asked.Bucket == "" {
		all := make(map[string]string, len(of))
		for b := range of {
			if records := of.digests(b); len(records) > 0 {
				all[b] = digestOfBucket(records)
			}
		}
		answer = map[string]any{"buckets": all}
	}
	text, err := json.Marshal(answer)
	if err != nil {
		return reply{status: http.StatusInternalServerError, text: "the answer does not encode"}
	}
	return reply{status: http.StatusOK, text: string(text)}
}

func bucketOf(id string) string {
	sum := sha256.Sum256([]byte(id))
	return fmt.Sprintf("%03x", binary.BigEndian.Uint16(sum[:2])>>4)
}

func digestOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:8])
}

func digestOfBucket(records map[string]string) string {
	sum := sha256.New()
	for _, id := range slices.Sorted(maps.Keys(records)) {
		fmt.Fprintf(sum, "%s %s\n", id, records[id])
	}
	return hex.EncodeToString(sum.Sum(nil)[:8])
}
