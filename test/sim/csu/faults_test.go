package csu

import (
	"context"
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestCommitThenDropOverASocket(t *testing.T) {
	t.Parallel()
	c := overSocket(t, Options{})
	c.inject(Fault{Kind: CommitThenDrop, Next: 2})

	require.Error(t, c.create(ana).err, "no answer")
	require.Equal(t, "Ana@Example.test", c.read("000001").Email(), "but an effect; a read is no write and is let through")
	require.Error(t, c.patch("000001", `{"Phone":"1"}`).err)
	require.Equal(t, "1", c.read("000001")["Phone"])
	require.Equal(t, 204, c.patch("000001", `{"Phone":"2"}`).status, "two were asked for")

	ledger := c.sim.Ledger()
	require.Len(t, ledger, 3)
	require.Equal(t, []bool{false, false, true}, []bool{ledger[0].Delivered, ledger[1].Delivered, ledger[2].Delivered})
	require.Equal(t, int64(1), c.sim.Stats().ByStatus[OpCreateCustomer][0])
}

func TestARefusedWriteUsesUpNoCommitThenDrop(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{})
	c.inject(Fault{Kind: CommitThenDrop, Next: 1})
	require.Equal(t, 400, c.create(`{}`).status)
	require.Error(t, c.create(ana).err)
}

func TestDropHasNoEffect(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{})
	c.inject(Fault{Kind: Drop, Operation: OpCreateCustomer, Next: 1})
	require.Error(t, c.create(ana).err)
	require.Empty(t, c.sim.Ledger())
	require.Equal(t, 201, c.create(ana).status)
}

func TestCommitThenErrorIsAGatewayPage(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{})
	c.inject(Fault{Kind: CommitThenError, Next: 1})
	got := c.create(ana)
	require.Equal(t, 502, got.status)
	require.Contains(t, got.header.Get("Content-Type"), "text/html")
	require.Equal(t, []Effect{{Sequence: 1, Operation: OpCreateCustomer, Account: "000001", Email: "ana@example.test", Status: 502}}, withoutTime(c.sim.Ledger()))
}

func withoutTime(effects []Effect) []Effect {
	for i := range effects {
		effects[i].Time = time.Time{}
	}
	return effects
}

func TestErrors(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := overPipe(t, Options{})
		read := func() answerOf { return c.do("GET", "GetEnvironmentConfiguration()", "") }

		c.inject(Fault{Kind: Error, Next: 1})
		got := read()
		require.Equal(t, 500, got.status)
		require.Equal(t, idInternal, got.errorID())
		require.Empty(t, got.header.Get("Retry-After"))
		require.Equal(t, 200, read().status)

		c.inject(Fault{Kind: Error, Status: 503, For: time.Minute, RetryAfter: RetryAfterSeconds, Wait: 30 * time.Second})
		got = read()
		require.Equal(t, 503, got.status)
		require.Equal(t, "30", got.header.Get("Retry-After"))
		require.Contains(t, got.header.Get("Content-Type"), "text/html")
		time.Sleep(time.Minute)
		require.Equal(t, 200, read().status)

		c.inject(Fault{Kind: Error, Operation: OpToken, Status: 500, Next: 1})
		require.Equal(t, 200, read().status)
		require.Equal(t, 500, c.form("/contoso/oauth2/token", "resource", "x").status)
	})
}

func TestForbidAndUnauthorized(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{})
	c.inject(Fault{ID: "no-create", Kind: Forbid, Operation: OpCreateCustomer})
	require.Equal(t, 403, c.create(ana).status)
	require.Equal(t, 200, c.do("GET", "GetEnvironmentConfiguration()", "").status, "what the probe asks is allowed")
	require.True(t, c.sim.Clear("no-create"))
	require.False(t, c.sim.Clear("no-create"))
	c.inject(Fault{Kind: Unauthorized, Next: 1})
	require.Equal(t, 401, c.create(ana).status)
	require.Equal(t, 201, c.create(ana).status)
}

func TestAFaultMayBeOfOneChannel(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{Channels: []Channel{{OUN: DefaultOUN}, {OUN: "052"}}})
	c.inject(Fault{Kind: Error, OUN: "052"})
	require.Equal(t, 201, c.create(ana).status)
	require.Equal(t, 500, c.create(ana, "OUN", "052").status)
}

func TestAFaultMayHitEverySoManyRequests(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{})
	c.inject(Fault{Kind: Error, Every: 3, Operation: OpCreateCustomer})
	var statuses []int
	for range 6 {
		require.Equal(t, 200, c.do("GET", "GetEnvironmentConfiguration()", "").status)
		statuses = append(statuses, c.create(ana).status)
	}
	require.Equal(t, []int{201, 201, 500, 201, 201, 500}, statuses)
}

func TestProbabilityFollowsTheSeed(t *testing.T) {
	t.Parallel()
	run := func(seed uint64, alsoOther bool) []int {
		c := overPipe(t, Options{Seed: seed})
		c.inject(Fault{Kind: Error, Probability: 0.5})
		if alsoOther {
			c.inject(Fault{Kind: Forbid, Probability: 0.5, Operation: OpCreateCustomer})
		}
		var statuses []int
		for range 40 {
			statuses = append(statuses, c.do("GET", "GetEnvironmentConfiguration()", "").status)
		}
		return statuses
	}
	first := run(1, false)
	require.Contains(t, first, 200)
	require.Contains(t, first, 500)
	require.Equal(t, first, run(1, true), "another fault draws from its own stream")
	require.NotEqual(t, first, run(2, false))
}

func TestAWriteCommitsAfterItsClientHasGone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := overPipe(t, Options{CommitDelay: 10 * time.Second})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		received := time.Now()
		require.Error(t, c.doContext(ctx, "POST", "Customers", ana).err)
		require.Empty(t, c.sim.Ledger())
		time.Sleep(10 * time.Second)
		synctest.Wait()
		ledger := c.sim.Ledger()
		require.Len(t, ledger, 1)
		require.Equal(t, 10*time.Second, ledger[0].Time.Sub(received))
		require.False(t, ledger[0].Delivered)
	})
}

func TestLatencyFollowsTheEffect(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := overPipe(t, Options{Latency: time.Second})
		c.inject(Fault{Kind: Latency, Operation: OpCreateCustomer, Delay: 2 * time.Second})
		c.inject(Fault{Kind: Latency, Operation: OpCreateCustomer, Point: PointReceived, Delay: 4 * time.Second})
		begin := time.Now()
		require.Equal(t, 201, c.create(ana).status)
		require.Equal(t, 7*time.Second, time.Since(begin))
		require.Equal(t, 4*time.Second, c.sim.Ledger()[0].Time.Sub(begin))
		begin = time.Now()
		c.read("000001")
		require.Equal(t, time.Second, time.Since(begin))
	})
}

func TestTheCommitDelayCountsFromReceipt(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ delay, want time.Duration }{
		"what has passed is part of it": {10 * time.Second, 10 * time.Second},
		"nothing is left of it":         {time.Second, 4 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := overPipe(t, Options{CommitDelay: tc.delay})
				c.inject(Fault{Kind: Latency, Point: PointReceived, Delay: 4 * time.Second})
				begin := time.Now()
				require.Equal(t, 201, c.create(ana).status)
				require.Equal(t, tc.want, c.sim.Ledger()[0].Time.Sub(begin))
			})
		})
	}
}

func TestJitterStaysWithinItsBounds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := overPipe(t, Options{})
		c.inject(Fault{Kind: Latency, Delay: time.Second, Jitter: time.Second})
		seen := map[time.Duration]bool{}
		for range 20 {
			begin := time.Now()
			c.do("GET", "GetEnvironmentConfiguration()", "")
			took := time.Since(begin)
			require.GreaterOrEqual(t, took, time.Second)
			require.Less(t, took, 2*time.Second)
			seen[took] = true
		}
		require.Greater(t, len(seen), 10)
	})
}

func TestAHeldWriteGoesOnWhenReleased(t *testing.T) {
	t.Parallel()
	for _, at := range []Point{PointReceived, PointCommit, PointAnswer} {
		t.Run(string(at), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := overPipe(t, Options{})
				id := c.inject(Fault{Kind: Hold, Operation: OpCreateCustomer, Point: at, Next: 1})
				ctx, cancel := context.WithCancel(t.Context())
				answer := make(chan answerOf)
				go func() { answer <- c.doContext(ctx, "POST", "Customers", ana) }()
				synctest.Wait()
				require.Equal(t, 1, c.sim.Held())
				require.Equal(t, at == PointAnswer, len(c.sim.Ledger()) == 1)
				require.Equal(t, 201, c.create(`{"Name":"other"}`).status, "one was to be held")

				cancel()
				require.Error(t, (<-answer).err)
				time.Sleep(30 * time.Minute) // the client is long gone; the request is only frozen
				require.Equal(t, 1, c.sim.Held())
				require.True(t, c.sim.Clear(id))
				synctest.Wait()
				require.Zero(t, c.sim.Held())
				require.Len(t, c.sim.Ledger(), 2)
			})
		})
	}
}

func TestAHeldReadLeavesWithItsClient(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := overPipe(t, Options{})
		c.inject(Fault{Kind: Hold, Operation: OpEnvironment})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.Error(t, c.doContext(ctx, "GET", "GetEnvironmentConfiguration()", "").err)
		synctest.Wait()
		require.Zero(t, c.sim.Held())
	})
}

func TestFaultsAreChecked(t *testing.T) {
	t.Parallel()
	sim := New(Options{})
	defer sim.Close()
	for name, f := range map[string]Fault{
		"no kind":              {},
		"an unknown operation": {Kind: Error, Operation: "Create"},
		"an unknown point":     {Kind: Hold, Point: "later"},
		"an unknown form":      {Kind: Throttle, RetryAfter: "minutes"},
		"a probability over 1": {Kind: Drop, Probability: 2},
		"a negative every":     {Kind: Drop, Every: -1},
		"a success as error":   {Kind: Error, Status: 200},
		"a negative number":    {Kind: Error, Next: -1},
		"a latency of nothing": {Kind: Latency},
	} {
		_, err := sim.Inject(f)
		require.Error(t, err, name)
	}
	require.Empty(t, sim.Faults())
}

func TestFaultsSurviveJSON(t *testing.T) {
	t.Parallel()
	want := Fault{ID: "x", Kind: Latency, Operation: OpToken, Next: 3, For: time.Minute, Delay: 1500 * time.Millisecond, Jitter: time.Second, Wait: time.Hour}
	b, err := json.Marshal(want)
	require.NoError(t, err)
	require.Contains(t, string(b), `"delay":"1.5s"`)
	var got Fault
	require.NoError(t, json.Unmarshal(b, &got))
	require.Equal(t, want, got)
	require.Error(t, json.Unmarshal([]byte(`{"kind":"drop","nxet":1}`), &got), "a slip of the pen is not ignored")
	require.Error(t, json.Unmarshal([]byte(`{"kind":"latency","delay":"soon"}`), &got))
}
