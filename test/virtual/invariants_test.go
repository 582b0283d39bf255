package virtual

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/redisstore"
	"github.com/signalbox/signalbox/test/harness"
	"github.com/signalbox/signalbox/test/sim/csu"
)

// requirePromise checks what design and docs promise, when everything has come to rest: docs/concepts/one-effect.md.
func requirePromise(s *story) {
	s.T.Helper()
	require.True(s.T, s.Empty(), "the broker is empty")
	s.requireExplained()
	s.requireOneAccountEach()
	s.requireOneSaleEach()
	if s.plan.wipe {
		s.requireHealed()
	} else {
		s.requireNewest()
		s.requireOneEffectEach()
		s.requireEnded()
		s.requireTold()
	}
	s.requireNobodyHolds()
	s.requireAnonymous()
}

// requireExplained: what was dead-lettered is what had to be, and says why.
func (s *story) requireExplained() {
	want := map[string][]string{} // reasons by what is dead
	for _, m := range s.plan.messages {
		switch m.what {
		case poison:
			want[m.body] = []string{"Malformed", "SchemaInvalid"}
		case refusal:
			want[m.is.Event] = []string{"SchemaInvalid"}
		case conflict:
			want[m.is.Event] = []string{"IdConflict"}
		}
	}
	dead := map[string]bool{}
	for _, m := range s.Letters() {
		what, _ := m.Properties["cloudEvents_id"].(string)
		if want[what] == nil {
			what = string(m.Body)
		}
		require.Contains(s.T, want[what], m.DeadLetterReason, "an unexpected dead letter %v: %s", m.Properties, m.DeadLetterDescription)
		require.NotEmpty(s.T, m.DeadLetterDescription)
		dead[what] = true
	}
	for what := range want {
		require.True(s.T, dead[what], "%s is lost: it is no dead letter", what)
	}
}

// requireOneAccountEach: no e-mail address has two accounts, has ever had, or has none.
func (s *story) requireOneAccountEach() {
	emails := map[string]int{}
	for _, c := range s.plan.newest() {
		emails[c.Email] = 0
	}
	for _, c := range s.CSU.Customers() {
		emails[c.Email()]++
	}
	creates := map[string]int{}
	for _, e := range s.CSU.Ledger() {
		if e.Operation == csu.OpCreateCustomer {
			creates[e.Email]++
		}
	}
	for email, n := range emails {
		require.Equal(s.T, 1, n, "accounts of %s", email)
		require.Equal(s.T, 1, creates[email], "creates of %s: %+v", email, s.CSU.Ledger())
	}
}

// requireNewest: each account says field by field what the newest event says, and is bound both ways.
func (s *story) requireNewest() {
	for _, c := range s.plan.newest() {
		s.RequireState(c)
	}
}

// requireOneEffectEach: no event changes an account twice, and none comes behind a newer one of its customer. Where a claim ran out
// without a word, an older state may come in between, and the newer one, which nobody had on record, is then applied once more
// (docs/decisions/017). What one source says may be applied again after another source has changed the same account.
func (s *story) requireOneEffectEach() {
	of := map[string]harness.Customer{}
	for _, m := range s.plan.messages {
		if m.what == state {
			of[orchestration.DeriveCorrelationID(source(m.is), m.is.Event)] = m.is
		}
	}
	newest, last := map[string]string{}, map[string]string{}
	for _, e := range s.CSU.Ledger() {
		if e.Operation == csu.OpUploadOrder { // requireOneSaleEach
			continue
		}
		is, known := of[e.AppSessionID]
		require.True(s.T, known, "an effect of no event: %+v", e)
		entity := source(is) + " " + is.ID
		require.NotEqual(s.T, last[e.Email], entity+is.Event, "an event twice: %+v", s.CSU.Ledger())
		if is.Event < newest[entity] {
			require.True(s.T, s.plan.unclean(), "an event behind a newer one: %+v", s.CSU.Ledger())
		}
		newest[entity], last[e.Email] = max(newest[entity], is.Event), entity+is.Event
	}
}

// requireEnded: every event's run is on record as done.
func (s *story) requireEnded() {
	for _, m := range s.plan.messages {
		if m.what != state {
			continue
		}
		run, _, err := redisstore.NewTracer(s.Redis, s.Keys()).ByEvent(s.T.Context(), source(m.is), m.is.Event)
		require.NoError(s.T, err)
		require.Equal(s.T, redisstore.RunDone, run.State, "the run of %s is not on record as done", m.is.Event)
		require.Contains(s.T, []string{"completed", "superseded"}, run.Outcome)
	}
}

// requireTold: the outcome of each newest event was told, under one id, and nothing behind something newer.
func (s *story) requireTold() {
	if s.Sink == nil {
		return
	}
	told := map[string][]string{}
	for _, e := range s.Sink.Events() {
		told[e.CorrelationID] = append(told[e.CorrelationID], e.Type)
		require.False(s.T, e.Changed, "the same id says something else: %+v", e)
		if e.Type == "signalbox.customer.relayed.v1" { // the only state: facts are told in no order
			require.False(s.T, e.Overtaken, "behind something newer: %+v", e)
		}
	}
	for _, m := range s.plan.messages {
		correlation := orchestration.DeriveCorrelationID(source(m.is), m.is.Event)
		switch {
		case m.what == refusal:
			require.Equal(s.T, []string{"signalbox.customer.refused.v1"}, told[correlation])
		case m.what == state && s.plan.newest()[source(m.is)+" "+m.is.ID].Event == m.is.Event:
			require.Equal(s.T, []string{"signalbox.customer.relayed.v1"}, told[correlation], "%s", m.is.Event)
		}
	}
}

// requireHealed: a wipe may leave an older state, but a whole one of the customer's own, and the next event puts it right.
func (s *story) requireHealed() {
	for _, is := range s.CSU.Customers() {
		whole := slices.ContainsFunc(s.plan.messages, func(m publication) bool {
			return m.is.Email == is.Email() && m.is.Phone == is["Phone"] && m.is.City == is.Addresses()[0]["City"]
		})
		require.True(s.T, whole, "%v", is)
	}
	again := s.plan.newest()
	for key, c := range again {
		c.Event, c.City, c.At = c.Event+"-again", "Canary Hill", time.Now()
		again[key] = c
		s.Publish(c)
	}
	healer := s.StartWith(nil, s.change())
	s.Settle(patience)
	healer.Stop()
	<-time.After(10 * time.Minute)
	for _, c := range again {
		s.RequireState(c)
	}
}

// requireNobodyHolds: no claim is left behind.
func (s *story) requireNobodyHolds() {
	for key, text := range s.memory() {
		if fields, isHash := text.(map[string]string); isHash && fields["claim"] != "" {
			lease, _ := strconv.ParseInt(fields["lease"], 10, 64)
			require.Less(s.T, lease, time.Now().UnixMilli(), "%s is held: %v", key, fields)
			require.Empty(s.T, fields["claim"], "%s has a claim that ran out: %v", key, fields)
		}
	}
}

// requireAnonymous: nothing of a person is in Redis, in logs or in what dead letters say.
func (s *story) requireAnonymous() {
	clean := func(where, text string) {
		for _, mark := range []string{"canar", "1425777"} {
			require.NotContains(s.T, strings.ToLower(text), mark, where)
		}
	}
	for key, value := range s.memory() {
		clean(key, key+fmt.Sprint(value))
	}
	for _, p := range s.all {
		clean("log", p.Log())
	}
	for _, m := range s.Letters() {
		clean("dead letter", m.DeadLetterDescription)
	}
}

// memory is everything that Redis holds.
func (s *story) memory() map[string]any {
	keys, err := s.Redis.Keys(ctx(), "*").Result()
	require.NoError(s.T, err)
	all := map[string]any{}
	for _, k := range keys {
		var value any
		switch s.Redis.Type(ctx(), k).Val() {
		case "hash":
			value, err = s.Redis.HGetAll(ctx(), k).Result()
		case "set":
			value, err = s.Redis.SMembers(ctx(), k).Result()
		case "zset":
			value, err = s.Redis.ZRange(ctx(), k, 0, -1).Result()
		case "list":
			value, err = s.Redis.LRange(ctx(), k, 0, -1).Result()
		default:
			value, err = s.Redis.Get(ctx(), k).Result()
		}
		require.NoError(s.T, err, k)
		all[k] = value
	}
	return all
}
