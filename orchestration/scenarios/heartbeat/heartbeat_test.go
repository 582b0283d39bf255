package heartbeat

import (
	"context"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/signalbox/signalbox/internal/keyhash"
	"github.com/signalbox/signalbox/internal/rediskey"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/redisstore"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var hasher = keyhash.New("k1", []byte("0123456789abcdef0123456789abcdef"))

// path is an engine that has the scenario, on a Redis in memory and in virtual time.
type path struct {
	*orchestration.Engine
	redis *miniredis.Miniredis
	sent  int64
}

func inBubble(t *testing.T, story func(p *path)) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &path{redis: miniredis.NewMiniRedis()}
		p.redis.ClockTTL(true)
		defer p.redis.Close()
		client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1, DisableIdentity: true,
			MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
			Dialer:                   func(context.Context, string, string) (net.Conn, error) { return p.redis.Dial() }})
		defer client.Close()
		store := redisstore.New(redisstore.Options{Client: client, Hasher: hasher, Epoch: redisstore.NewEpoch(rediskey.New("default", hasher), time.Minute, nil),
			Lease: 15 * time.Second, Window: time.Minute})
		var err error
		p.Engine, err = orchestration.New(orchestration.Options{Scenarios: []orchestration.Scenario{Scenario()}, Store: store, Hasher: hasher, Owner: "a",
			Channels: orchestration.Channels{{Name: "web", Sources: []string{"https://shop.example.com"}, CSU: "default", LegalEntity: "usrt"}, {Name: "outlet", CSU: "default"}}})
		require.NoError(t, err)
		story(p)
	})
}

// beat handles the next beat of a queue, as the broker would deliver it.
func (p *path) beat(queue string) orchestration.Verdict {
	p.sent++
	ev := Event(queue, "web")
	ev.Generation, ev.Origin = 1, orchestration.Origin{Queue: queue, Enqueued: time.Now(), Sequence: p.sent}
	return p.Handle(context.Background(), ev).Verdict
}

func TestEveryBeatComesThroughAndRedisKeepsNoMore(t *testing.T) {
	inBubble(t, func(p *path) {
		kept := 0
		for i := range 200 {
			for _, queue := range []string{"orders", "signalbox-live"} {
				require.Equal(t, orchestration.Completed, p.beat(queue), "beat %d of %s", i, queue)
			}
			if i == 1 {
				kept = len(p.redis.Keys())
			}
			<-time.After(Apart)
		}
		require.LessOrEqual(t, len(p.redis.Keys()), kept)
	})
}

func TestABeatComesThroughWhileClaimsAreForLookingOnly(t *testing.T) {
	inBubble(t, func(p *path) {
		require.Equal(t, orchestration.Completed, p.beat("orders"), "on a store that was born this moment")
		p.redis.FlushAll()
		require.Equal(t, orchestration.Completed, p.beat("orders"))
	})
}

func TestBeatsThatPiledUpEndAsDuplicatesOfTheFirst(t *testing.T) {
	inBubble(t, func(p *path) {
		require.Equal(t, orchestration.Completed, p.beat("orders"))
		for range 100 {
			require.Equal(t, orchestration.Duplicate, p.beat("orders"))
		}
		<-time.After(Apart)
		require.Equal(t, orchestration.Completed, p.beat("orders"))
	})
}

func TestAClockThatIsAheadMakesNoDeadLetters(t *testing.T) {
	inBubble(t, func(p *path) {
		ev := Event("orders", "web")
		ev.Generation, ev.Origin = 1, orchestration.Origin{Queue: "orders", Enqueued: time.Now().Add(-time.Hour), Sequence: 1}
		require.Equal(t, orchestration.Completed, p.Handle(context.Background(), ev).Verdict)
	})
}
