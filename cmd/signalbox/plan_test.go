package main

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/cli/exit"
	"github.com/signalbox/signalbox/test/sim/csu"
)

// kept is a key's value as the server itself writes it, and when the server is to drop it: the zero time for never.
type kept struct {
	value string
	until time.Time
}

// dump is every key of the stage's Redis.
func (s *stage) dump() map[string]kept {
	s.t.Helper()
	o, err := redis.ParseURL(s.redis.URL())
	require.NoError(s.t, err)
	client := redis.NewClient(o)
	defer client.Close()
	all := map[string]kept{}
	keys, err := client.Keys(s.t.Context(), "*").Result()
	require.NoError(s.t, err)
	for _, key := range keys {
		value, err := client.Dump(s.t.Context(), key).Result()
		if errors.Is(err, redis.Nil) {
			continue // its time was up since it was listed
		}
		require.NoError(s.t, err)
		k := kept{value: value}
		at, err := client.PExpireTime(s.t.Context(), key).Result()
		require.NoError(s.t, err)
		if at > 0 {
			k.until = time.UnixMilli(at.Milliseconds())
		}
		all[key] = k
	}
	return all
}

// planned runs a plan, which must leave store, CSU and broker as they were. What the store drops meanwhile because its time is up is no
// change of the plan's.
func (s *stage) planned(events string, more ...string) done {
	s.t.Helper()
	before, ledger, active := s.dump(), s.csu.Ledger(), s.active(source)
	d := cli(s.t, s.env(), strings.NewReader(events), append([]string{"plan", "-"}, more...)...)
	after, now := s.dump(), time.Now()
	for key, k := range before {
		if _, there := after[key]; !there && !k.until.IsZero() && k.until.Before(now) {
			delete(before, key)
		}
	}
	require.Equal(s.t, before, after, "a plan writes nothing to the store")
	require.Equal(s.t, ledger, s.csu.Ledger(), "nor to the CSU")
	require.Equal(s.t, active, s.active(source), "nor to the broker")
	return d
}

func TestAPlanSaysWhatEventsWouldDoAndDoesNothing(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	d := s.planned(event("e1")) // on an empty store, which it must not give an epoch
	require.Equal(t, exit.Done, d.code, d.err)
	require.Regexp(t, `(?m)^line 1: https://shop.example.com e1 would wait for taint, 2m45s$`, d.out, "a fleet on an empty store looks only at first")

	require.Equal(t, exit.Done, cli(t, s.env(), nil, "publish", file(t, event("e1"))).code)
	s.work()
	newer := strings.NewReplacer(`"id":"e1"`, `"id":"e1-v2"`, "T09:00", "T10:00", `"Ana"`, `"Anna"`).Replace(event("e1"))
	same := strings.NewReplacer(`"id":"e1"`, `"id":"e1-v3"`, "T09:00", "T10:00").Replace(event("e1"))
	older := strings.NewReplacer(`"id":"e1"`, `"id":"e1-v0"`, "T09:00", "T08:00").Replace(event("e1"))
	d = s.planned(event("e2"))
	require.Regexp(t, `(?m)^line 1: https://shop.example.com e2 would be done$`, d.out)
	require.Regexp(t, `(?m)^    Customers.Create: .*Email, FirstName`, d.out)
	d = s.planned(event("e1") + newer + same + older + event("e2") + badEvent)
	require.Equal(t, exit.Partly, d.code, d.err)
	for _, want := range []string{
		`(?m)^line 1: \S+ e1 would be a duplicate: it was done before`,
		`(?m)^line 2: \S+ e1-v2 would be done \[line 1 is about the same object\]$`,
		`(?m)^    Customers.Update: .*FirstName`,
		`(?m)^line 3: \S+ e1-v3 would change nothing`,
		`(?m)^line 4: \S+ e1-v0 would be superseded`,
		`(?m)^line 5: \S+ e2 would be done$`,
		`(?m)^line 6: \S+ e-bad would be a dead letter: SchemaInvalid: /email does not keep`,
		`(?m)^6 events: 3 completed, 1 duplicate, 1 rejected, 1 superseded; 2 of them would act: 1 × Customers.Create, 1 × Customers.Update$`,
	} {
		require.Regexp(t, want, d.out)
	}
	all := decode[plans](t, s.planned(event("e2"), "--output", "json").out)
	require.Equal(t, 1, all.Summary.Acts)
	require.Equal(t, "Customers.Create", all.Events[0].Steps[0].Calls[0].Operation)
	require.NotEmpty(t, all.Events[0].Steps[0].Calls[0].Fields)
}

func TestAPlanThatCannotLookSaysSo(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	require.Equal(t, exit.Nothing, cli(t, s.env(), nil, "plan", "-").code)
	require.Equal(t, exit.Failed, cli(t, s.env(), nil, "plan", "/nowhere/events.jsonl").code)
	s.more = []string{"SIGNALBOX_CSU_CLIENT_SECRET=" + canary}
	d := cli(t, s.env(), strings.NewReader(event("e1")), "plan", "-")
	require.Equal(t, exit.NotAllowed, d.code)
	require.Contains(t, d.err, "next: check csu.client_id")
	s.more = []string{"SIGNALBOX_CSU_URL=http://127.0.0.1:1"}
	require.Equal(t, exit.Unreachable, cli(t, s.env(), strings.NewReader(event("e1")), "plan", "-").code)
	s.more = nil
	require.Equal(t, exit.Done, cli(t, s.env(), nil, "publish", file(t, event("e0"))).code)
	s.work()
	_, err := s.csu.Inject(csu.Fault{Kind: csu.Throttle, Rate: 2, Burst: 1})
	require.NoError(t, err)
	d = cli(t, s.env(), strings.NewReader(event("e1")), "plan", "-")
	require.Equal(t, exit.Done, d.code, d.err)
	require.Contains(t, d.out, "would be done", "it waits for its turn")
	require.NoError(t, s.redis.Kill())
	require.Equal(t, exit.Unreachable, cli(t, s.env(), strings.NewReader(event("e1")), "plan", "-").code)
}
