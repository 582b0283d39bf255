package redisstore_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/rediskey"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/redisstore"
)

// processes are members of the fleet, each with a heartbeat that the test keeps.
type processes struct {
	t    *testing.T
	k    *kit
	list *redisstore.Members
}

func fleet(t *testing.T, k *kit) processes {
	return processes{t, k, redisstore.NewMembers(k.client, rediskey.New("default", hasher))}
}

func (p processes) beats(names ...string) {
	p.t.Helper()
	for _, name := range names {
		require.NoError(p.t, p.list.Announce(p.t.Context(), redisstore.Member{Name: name, Slots: 4}, lease))
	}
}

// lives lets processes be heard of for as long as it takes to be believed of others.
func (p processes) lives(names ...string) {
	p.t.Helper()
	for range 3 {
		p.beats(names...)
		pass(lease/2 + time.Second)
	}
	p.beats(names...)
}

// claims lets a process claim the one event that these tests are about.
func (p processes) claims(name string, change ...func(*orchestration.Request)) (orchestration.Request, orchestration.Grant) {
	p.t.Helper()
	q := request(name+" claims", "e1", "42", "ana@example.com", noon)
	q.Owner = name
	for _, f := range change {
		f(&q)
	}
	return q, mustClaim(p.t, p.k, q)
}

func alone(q *orchestration.Request) { q.Alone = true }

// dies lets a process claim the event and never be heard of again.
func (p processes) dies(name string, change ...func(*orchestration.Request)) {
	p.t.Helper()
	p.lives(name)
	_, g := p.claims(name, change...)
	require.Contains(p.t, []orchestration.Answer{orchestration.Go, orchestration.LookOnly}, g.Answer, name)
	pass(lease + time.Second)
}

func TestAfterThreeDeathsAnEventRunsAloneAndADeathAloneEndsIt(t *testing.T) {
	t.Parallel()
	onMini(t, func(t *testing.T, k *kit) {
		p := fleet(t, k)
		for _, name := range []string{"w1", "w2", "w3"} {
			p.dies(name)
		}
		p.beats("w4")
		_, g := p.claims("w4")
		require.Equal(t, orchestration.Held, g.Answer, "it is too young to say so of others")
		p.lives("w4")
		_, g = p.claims("w4")
		require.Equal(t, orchestration.AnswerAlone, g.Answer)
		require.Equal(t, 3, g.Deaths)
		_, g = p.claims("w4")
		require.Equal(t, orchestration.AnswerAlone, g.Answer, "nothing was taken")
		p.dies("w4", alone)

		pass(10 * time.Minute)
		p.lives("w5")
		q, g := p.claims("w5")
		require.True(t, g.Crashed)
		require.Equal(t, 4, g.Deaths)
		require.NoError(t, k.Release(t.Context(), q, orchestration.Released{Reason: "CrashLoop"}))

		_, g = p.claims("w6", func(q *orchestration.Request) { q.Event.Generation, q.Event.Replay = 2, "job-1" })
		require.False(t, g.Crashed, "a person has looked")
		require.Zero(t, g.Deaths)
	})
}

func TestADeathCountsOnlyIfNothingWasSavedAndTheOwnerIsGone(t *testing.T) {
	t.Parallel()
	for name, between := range map[string]func(p processes, name string){
		"the owner was frozen and says that it lives": func(p processes, name string) {
			p.beats(name)
			p.claims(name)
			pass(2 * lease)
			p.claims("another")
			p.beats(name)
			pass(2 * lease)
			p.beats("w1", "w2", "w3", "w4") // nobody has died
		},
		"the owner has left": func(p processes, name string) {
			p.beats(name)
			p.claims(name)
			require.NoError(p.t, p.list.Leave(p.t.Context(), name))
			pass(2 * lease)
		},
		"nobody has ever heard of the owner": func(p processes, name string) {
			p.claims(name)
			pass(2 * lease)
		},
		"something was saved after the claim": func(p processes, name string) {
			p.beats(name)
			q, _ := p.claims(name)
			require.NoError(p.t, p.k.Save(p.t.Context(), q, orchestration.Progress{Learned: []byte(`{}`)}))
			pass(2 * lease)
		},
		"it was given back": func(p processes, name string) {
			p.beats(name)
			q, _ := p.claims(name)
			require.NoError(p.t, p.k.Release(p.t.Context(), q, orchestration.Released{Cause: orchestration.CauseGate}))
			pass(2 * lease)
		},
		"the store was wiped": func(p processes, name string) {
			p.dies(name)
			require.NoError(p.t, p.k.client.FlushAll(p.t.Context()).Err())
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onMini(t, func(t *testing.T, k *kit) {
				p := fleet(t, k)
				for _, name := range []string{"w1", "w2", "w3", "w4"} {
					between(p, name)
				}
				_, g := p.claims("w5")
				require.NotEqual(t, orchestration.AnswerAlone, g.Answer)
			})
		})
	}
}

func TestASaveTakesTheSuspicionAway(t *testing.T) {
	t.Parallel()
	onMini(t, func(t *testing.T, k *kit) {
		p := fleet(t, k)
		for _, name := range []string{"w1", "w2", "w3"} {
			p.dies(name)
		}
		q, g := p.claims("w4", alone)
		require.Equal(t, orchestration.LookOnly, g.Answer)
		require.NoError(t, k.Save(t.Context(), q, orchestration.Progress{Steps: []string{"one"}, Learned: []byte(`{}`)}))
		require.NoError(t, k.Release(t.Context(), q, orchestration.Released{Cause: orchestration.CauseGate}))
		_, g = p.claims("w5")
		require.Zero(t, g.Deaths)
		require.Equal(t, orchestration.LookOnly, g.Answer)
	})
}

// Redis is away for all at once, again and again: every lease and every heartbeat is over before anybody can say that it lives.
func TestAnOutageOfRedisIsNobodysDeath(t *testing.T) {
	t.Parallel()
	onMini(t, func(t *testing.T, k *kit) {
		p := fleet(t, k)
		names := []string{"w1", "w2", "w3", "w4", "w5"}
		for round := range 20 {
			p.beats(names...)
			_, g := p.claims(names[round%len(names)], func(q *orchestration.Request) { q.ClaimID = fmt.Sprint("c", round) })
			require.NotEqual(t, orchestration.AnswerAlone, g.Answer, "outage %d", round)
			pass(30 * time.Second)
			_, g = p.claims(names[(round+1)%len(names)], func(q *orchestration.Request) { q.ClaimID = fmt.Sprint("d", round) }) // before any heartbeat
			require.False(t, g.Crashed)
			pass(lease + time.Second)
			_, g = p.claims(names[(round+1)%len(names)], alone, func(q *orchestration.Request) { q.ClaimID = fmt.Sprint("e", round) })
			require.False(t, g.Crashed, "alone, before and behind an outage")
			pass(30 * time.Second)
		}
	})
}

func TestWhileProcessesDieOfOtherThingsOneDeathAloneProvesNothing(t *testing.T) {
	t.Parallel()
	onMini(t, func(t *testing.T, k *kit) {
		p := fleet(t, k)
		for _, name := range []string{"w1", "w2", "w3"} {
			p.dies(name)
		}
		for i := range 10 {
			p.beats(fmt.Sprint("other", i)) // dies of something else
			p.lives("w4")
			p.dies(fmt.Sprint("alone", i), alone)
			p.lives("w4")
			_, g := p.claims("w4")
			if i < 9 {
				require.Equal(t, orchestration.AnswerAlone, g.Answer, "death %d alone", i+1)
			} else {
				require.True(t, g.Crashed, "ten times is no chance")
			}
		}
	})
}

func TestATraceShowsWhoDiedOfARun(t *testing.T) {
	t.Parallel()
	onMini(t, func(t *testing.T, k *kit) {
		p := fleet(t, k)
		p.dies("w1")
		p.dies("w2")
		p.lives("w3")
		p.claims("w3", alone)
		look := func() redisstore.RunTrace {
			r, known, err := redisstore.NewTracer(k.client, rediskey.New("default", hasher)).ByEvent(t.Context(), "shop", "e1")
			require.NoError(t, err)
			require.True(t, known)
			return r
		}
		require.Equal(t, []redisstore.RunDeath{{Process: "w1"}, {Process: "w2"}}, look().Deaths)
		require.False(t, look().Suspect())
		pass(lease + time.Second)
		require.Equal(t, []redisstore.RunDeath{{Process: "w1"}, {Process: "w2"}, {Process: "w3", Alone: true}}, look().Deaths)
		require.True(t, look().Suspect())
		p.beats("w3")
		require.Len(t, look().Deaths, 2, "it was only away")
	})
}

func TestMembersAreListedWithWhatTheyHoldAndForgottenADayAfterTheyDied(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, k *kit) {
		p := fleet(t, k)
		began := time.Now().UTC().Truncate(time.Second)
		require.NoError(t, p.list.Announce(t.Context(), redisstore.Member{Name: "w|1", Version: "v1", Began: began, InFlight: 3, Slots: 8, Paused: []string{"gate"}}, time.Minute))
		require.NoError(t, p.list.Announce(t.Context(), redisstore.Member{Name: "w0"}, time.Nanosecond*1e6))
		require.NoError(t, p.list.Announce(t.Context(), redisstore.Member{Name: "w2"}, time.Minute))
		require.NoError(t, p.list.Leave(t.Context(), "w2"))
		require.Eventually(t, func() bool {
			all, err := p.list.List(t.Context())
			return err == nil && len(all) == 2 && all[1].Dead
		}, 10*time.Second, time.Millisecond)
		all, err := p.list.List(t.Context())
		require.NoError(t, err)
		first := all[0]
		require.True(t, first.Until.After(began))
		first.Until = time.Time{}
		require.Equal(t, redisstore.Member{Name: "w|1", Version: "v1", Began: began, InFlight: 3, Slots: 8, Paused: []string{"gate"}}, first)
		require.Equal(t, "w0", all[1].Name)
	})
	onMini(t, func(t *testing.T, k *kit) {
		p := fleet(t, k)
		p.beats("w1")
		pass(25 * time.Hour)
		for range 60 { // one in sixty tidies up
			p.beats("w2")
		}
		all, err := p.list.List(t.Context())
		require.NoError(t, err)
		require.Len(t, all, 1)
	})
}

// A replay's copies are its own: only the first of them makes attempts count anew and clears what was in doubt.
func TestACopyOfAReplayIsNoSecondReplay(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, k *kit) {
		q := request("c1", "e1", "42", "ana@example.com", noon)
		mustClaim(t, k, q)
		require.NoError(t, k.Release(t.Context(), q, orchestration.Released{Attempt: true, Reason: "AttemptsExhausted"}))
		q.ClaimID, q.Event.Generation, q.Event.Replay = "c2", 2, "job-1"
		require.Zero(t, mustClaim(t, k, q).Attempt)
		require.NoError(t, k.Release(t.Context(), q, orchestration.Released{Attempt: true, Cause: orchestration.CauseBackoff}))
		q.ClaimID, q.Event.Generation = "c3", 3
		require.Equal(t, 1, mustClaim(t, k, q).Attempt)
		require.NoError(t, k.Release(t.Context(), q, orchestration.Released{Attempt: true, Reason: "AttemptsExhausted"}))
		q.ClaimID, q.Event.Generation, q.Event.Replay = "c4", 4, "job-2"
		require.Zero(t, mustClaim(t, k, q).Attempt, "another job is another replay")
	})
}
