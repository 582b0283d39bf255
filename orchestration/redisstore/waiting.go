package redisstore

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Waiting is a run that was postponed and has not been claimed since.
type Waiting struct {
	Scenario string
	Cause    string // one of orchestration's causes
	Step     string // where it stopped; empty if at none
	Run      string // short name
	Due      time.Time
}

// page is how many waiting runs one call reads.
const page = 1000

// overdue is how long after its time a run may still be on its way; what is due for longer will not come: its message was
// settled without the run, by hand or as a surplus copy.
const overdue = 24 * time.Hour

// Waiting hands over every waiting run, those that are due first before the others. It stops at the first error of use. What is
// long overdue is forgotten on the way.
func (t *Tracer) Waiting(ctx context.Context, use func(Waiting) error) error {
	key := t.keys.Waits()
	now, err := t.client.Time(ctx).Result()
	if err != nil {
		return fmt.Errorf("read the waiting runs: %w", err)
	}
	if err := t.client.ZRemRangeByScore(ctx, key, "-inf", fmt.Sprint(now.Add(-overdue).UnixMilli())).Err(); err != nil {
		return fmt.Errorf("forget overdue runs: %w", err)
	}
	for from := int64(0); ; from += page {
		got, err := t.client.ZRangeWithScores(ctx, key, from, from+page-1).Result()
		if err != nil {
			return fmt.Errorf("read the waiting runs: %w", err)
		}
		for _, z := range got {
			if w, ok := waiting(z); ok {
				if err := use(w); err != nil {
					return err
				}
			}
		}
		if len(got) < page {
			return nil
		}
	}
}

// waiting reads scenario|cause|step|run, as release.lua writes it.
func waiting(z redis.Z) (Waiting, bool) {
	member, _ := z.Member.(string)
	part := strings.Split(member, "|")
	if len(part) != 4 {
		return Waiting{}, false
	}
	return Waiting{Scenario: part[0], Cause: part[1], Step: part[2], Run: part[3], Due: moment(int64(z.Score))}, true
}
