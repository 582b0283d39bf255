package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"syscall"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/test/harness"
	"github.com/signalbox/signalbox/test/sim/proxy"
)

// trouble is one fault of a row. What is not set does not happen.
type trouble struct {
	set    setup
	begin  func(f *fleet)
	every  time.Duration // for as long as the fault lasts
	repeat func(f *fleet, r *rand.Rand)
	end    func(f *fleet)
	wipes  bool // Redis loses what it knows
}

// link is one of the three ways of a worker to the world.
type link struct {
	name string
	of   func(f *fleet) *proxy.Proxy
}

var links = []link{
	{"broker", func(f *fleet) *proxy.Proxy { return f.toBroker }},
	{"Redis", func(f *fleet) *proxy.Proxy { return f.toRedis }},
	{"CSU", func(f *fleet) *proxy.Proxy { return f.toCSU }},
}

// network makes the ways bad for as long as the fault lasts.
func network(n proxy.Network, ways ...link) trouble {
	set := func(n proxy.Network) func(f *fleet) {
		return func(f *fleet) {
			for _, w := range ways {
				w.of(f).Set(n)
			}
		}
	}
	return trouble{begin: set(n), end: set(proxy.Network{})}
}

// shooting kills a worker with -9 every while.
func shooting(every time.Duration) trouble {
	return trouble{every: every, repeat: func(f *fleet, r *rand.Rand) { f.shoot(r.IntN(len(f.running))) }}
}

func restarted(f *fleet) {
	require.NoError(f.t, f.server.Kill())
	require.NoError(f.t, f.server.Restart(f.t.Context()))
}

// wiped makes Redis forget everything, and notes what was waiting before that, and still is when settlements under way have ended. The
// fleet only looks for longer than that.
func wiped(f *fleet) {
	f.before = f.waitingEvents()
	require.NotEmpty(f.t, f.before, "it happens in the middle")
	require.NoError(f.t, f.redis.FlushAll(context.Background()).Err())
	f.bindProducts() // as whoever wiped it would import them again
	pass(2 * time.Second)
	f.after = f.waitingEvents()
}

// waitingEvents are the ids of events that are not done.
func (f *fleet) waitingEvents() map[string]bool {
	ids := map[string]bool{}
	for _, q := range queues {
		b := f.bus.Queue(q).Browse()
		for m := range f.peek(b) {
			id, _ := m.Properties["cloudEvents_id"].(string)
			ids[id] = true
		}
	}
	return ids
}

// mayOvertake says whether a wipe excuses an older state in the place of the last one: it was waiting, and the last one was done.
func (f *fleet) mayOvertake(older, last harness.Customer) bool {
	return f.before[older.Event] && !f.after[last.Event]
}

func signalled(s syscall.Signal) func(f *fleet) {
	return func(f *fleet) { require.NoError(f.t, syscall.Kill(f.server.Pid(), s)) }
}

// broken is a fault of the broker, of the two queues that events come through.
func broken(format string) func(f *fleet) {
	return func(f *fleet) {
		for _, q := range queues[:2] {
			f.brokerFault(fmt.Sprintf(format, q))
		}
	}
}

// once is what happens once, to a fleet that is slow enough for it to be in the middle.
func once(begin func(f *fleet), redis ...string) trouble {
	return trouble{begin: begin, set: setup{redis: redis, csu: []string{"--latency", "50ms"}, env: map[string]string{"WORKER_SLOTS": "2"}}}
}

func wipe() trouble {
	w := once(wiped)
	w.wipes = true
	return w
}

func cut(f *fleet) { f.brokerFault(`{"kind":"drop-connections"}`) }

func brokerHealed(f *fleet) { f.heal(f.busAdmin) }

// scale is a fault of the CSU for as long as it lasts.
func scale(documents ...string) trouble {
	return trouble{
		begin: func(f *fleet) {
			for _, d := range documents {
				f.csuFault(d)
			}
		},
		end: func(f *fleet) { f.heal(f.csuAdmin) },
	}
}

func (f *fleet) settings(document string) { f.tell(f.csuAdmin+"/settings", document) }
