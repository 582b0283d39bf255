package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"syscall"
	"time"

	"github.com/stretchr/testify/require"

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

func wiped(f *fleet) { require.NoError(f.t, f.redis.FlushAll(context.Background()).Err()) }

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
