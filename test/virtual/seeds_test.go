// Package virtual runs the fleet in virtual time: broker, the unmodified SDK, several processes, a Commerce Scale Unit, a receiver
// and Redis in one bubble, with what is published and what goes wrong decided by a seed. When everything has come to rest, what
// Signalbox promises must hold.
//
//	go test ./test/virtual                          some seeds
//	SEEDS=3000 SECONDS=150 go test ./test/virtual   so many, but no longer than that
//	SEED=17 go test -v ./test/virtual               one of them; REPEAT=20 times
package virtual

import (
	"fmt"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// setting is a number from the environment.
func setting(t *testing.T, name string, otherwise uint64) uint64 {
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	require.NoError(t, err, name)
	return n
}

func TestWhateverGoesWrongByAnySeedThePromiseHolds(t *testing.T) {
	first, seeds := setting(t, "FIRST", 1), setting(t, "SEEDS", 60)
	limit := time.Duration(setting(t, "SECONDS", 12)) * time.Second
	one := setting(t, "SEED", 0)
	if one != 0 {
		first, seeds, limit = one, setting(t, "REPEAT", 1), time.Hour
	}
	began := time.Now()
	var told atomic.Int64
	var running sync.Map // seeds
	hangs := time.AfterFunc(limit+time.Minute, func() {
		running.Range(func(seed, _ any) bool {
			fmt.Fprintf(os.Stderr, "seed %v hangs\n", seed)
			return true
		})
	})
	defer hangs.Stop()
	t.Run("seeds", func(t *testing.T) {
		for i := range seeds {
			seed := first + i
			if one != 0 {
				seed = one
			}
			t.Run(fmt.Sprint(seed), func(t *testing.T) {
				t.Parallel()
				if time.Since(began) > limit {
					return
				}
				running.Store(seed, true)
				defer running.Delete(seed)
				trial(t, newPlan(seed))
				told.Add(1)
			})
		}
	})
	t.Logf("%d seeds from %d on in %s", told.Load(), first, time.Since(began).Round(time.Second))
	require.Positive(t, told.Load())
}

// trial tells the story of one plan, and, if it goes wrong, what the plan was.
func trial(t *testing.T, p plan) {
	if wrong := tell(t, p, nil, requirePromise); wrong != "" {
		t.Errorf("%s\n%s\nagain: SEED=%d REPEAT=20 go test -count=1 -run AnySeed ./test/virtual", wrong, p, p.seed)
	}
}
