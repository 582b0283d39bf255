package csu

import (
	"net/http"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// probe sends n cheap requests and counts those that were served.
func (c *client) probe(n int) (served int) {
	for range n {
		if c.do("GET", "GetEnvironmentConfiguration()", "").status == 200 {
			served++
		}
	}
	return served
}

func TestThrottleRefillsAtItsRate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := overPipe(t, Options{})
		require.NoError(t, c.sim.SetThrottle(2, 5, ""))
		require.Equal(t, 5, c.probe(8), "the burst")
		time.Sleep(time.Second)
		require.Equal(t, 2, c.probe(8))
		time.Sleep(time.Hour / 2)
		require.Equal(t, 5, c.probe(8), "never more than the burst")
		stats := c.sim.Stats()
		require.Equal(t, int64(12), stats.Throttled)
		require.Equal(t, int64(12), stats.ByStatus[OpEnvironment][429])
		require.Equal(t, 200, c.form("/contoso/oauth2/token", "resource", "x").status, "tokens come from elsewhere")
		require.True(t, c.sim.Clear(throttleID))
		require.Equal(t, 8, c.probe(8))
	})
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		fault Fault
		want  func(now time.Time) string
	}{
		"seconds, rounded up":     {Fault{Rate: 0.4}, func(time.Time) string { return "3" }},
		"a date":                  {Fault{Rate: 0.4, RetryAfter: RetryAfterDate}, func(now time.Time) string { return now.Add(3 * time.Second).UTC().Format(http.TimeFormat) }},
		"none":                    {Fault{Rate: 0.4, RetryAfter: RetryAfterNone}, func(time.Time) string { return "" }},
		"what was asked for":      {Fault{Rate: 0.4, Wait: time.Minute}, func(time.Time) string { return "60" }},
		"a rate of zero says 1 s": {Fault{Rate: 0, Burst: 1}, func(time.Time) string { return "1" }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := overPipe(t, Options{})
				tc.fault.Kind = Throttle
				c.inject(tc.fault)
				require.Equal(t, 1, c.probe(1))
				got := c.do("GET", "GetEnvironmentConfiguration()", "")
				require.Equal(t, 429, got.status)
				require.Equal(t, tc.want(time.Now()), got.header.Get("Retry-After"))
			})
		})
	}
}

func TestObeyingRetryAfterIsEnough(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := overPipe(t, Options{})
		require.NoError(t, c.sim.SetThrottle(0.7, 1, RetryAfterSeconds))
		for range 50 {
			require.Equal(t, 1, c.probe(1))
			refused := c.do("GET", "GetEnvironmentConfiguration()", "")
			require.Equal(t, 429, refused.status)
			seconds, err := strconv.Atoi(refused.header.Get("Retry-After"))
			require.NoError(t, err)
			time.Sleep(time.Duration(seconds) * time.Second)
		}
	})
}

func TestAChangedCapacityKeepsItsBucket(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := overPipe(t, Options{})
		require.NoError(t, c.sim.SetThrottle(50, 50, ""))
		require.Equal(t, 50, c.probe(60))
		require.NoError(t, c.sim.SetThrottle(20, 20, ""))
		require.Zero(t, c.probe(5), "no burst for changing the rate")
		time.Sleep(time.Second)
		require.Equal(t, 20, c.probe(60))
		require.NoError(t, c.sim.SetThrottle(50, 50, ""))
		time.Sleep(time.Second)
		require.Equal(t, 50, c.probe(60))
	})
}

func TestARequestTakesFromAllBucketsOrNone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := overPipe(t, Options{})
		c.inject(Fault{ID: "all", Kind: Throttle, Rate: 1, Burst: 3})
		c.inject(Fault{ID: "creates", Kind: Throttle, Rate: 1, Burst: 1, Operation: OpCreateCustomer})
		require.Equal(t, 201, c.create(ana).status)
		for range 5 {
			require.Equal(t, 429, c.create(ana).status)
		}
		require.Equal(t, 2, c.probe(5), "refused creates took nothing from the common bucket")
	})
}
