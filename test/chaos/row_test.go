package chaos

import (
	"math/rand/v2"
	"syscall"
	"time"

	"github.com/signalbox/signalbox/test/sim/proxy"
)

// row is a fault, how long it lasts, and how much is published meanwhile.
type row struct {
	name   string
	lasts  time.Duration // zero: it happens once
	events int           // zero: as many as the size says
	trouble
}

// inShort are the rows of every test run.
func inShort() []row {
	const brief = 3 * time.Second
	killed := shooting(800 * time.Millisecond)
	killed.begin = func(f *fleet) { f.csuFault(`{"kind":"commit-then-drop","probability":0.02}`) }
	killed.end = func(f *fleet) { f.heal(f.csuAdmin) }
	mixed := scale(`{"kind":"commit-then-drop","probability":0.05}`, `{"kind":"throttle","rate":60,"burst":60,"retryAfter":"date"}`, `{"kind":"error","status":500,"probability":0.05}`)
	mixed.set.csu = []string{"--async-customers", "--conversion", "1s", "--token-lifetime", "2s"}
	broker := trouble{begin: broken(`{"kind":"deliver-twice","queue":%q,"next":1000000}`), every: 700 * time.Millisecond, repeat: func(f *fleet, r *rand.Rand) {
		[]func(*fleet){broken(`{"kind":"detach-links","queue":%q}`), broken(`{"kind":"lose-locks","queue":%q}`), cut}[r.IntN(3)](f)
	}, end: brokerHealed}
	return []row{
		{name: "workers killed with -9", lasts: 4 * time.Second, trouble: killed},
		{name: "every link 100 ms late, 1 % of chunks resets", lasts: brief, trouble: network(proxy.Network{Latency: 100 * time.Millisecond, Reset: 0.01}, links...)},
		{name: "worker → CSU: lost", lasts: brief, trouble: network(proxy.Network{LoseUp: true}, links[2])},
		{name: "worker → broker: lost", lasts: brief, trouble: network(proxy.Network{LoseUp: true}, links[0])},
		{name: "Redis: FLUSHALL", trouble: wipe()},
		{name: "Redis: restarted (AOF)", trouble: once(restarted, "--appendonly", "yes")},
		{name: "broker: delivers twice, links detached, locks lost, connections dropped", lasts: brief, trouble: broker},
		{name: "CSU: drops after 5 % of commits, 429, 5 % errors, short tokens, async customers", lasts: brief, trouble: mixed},
	}
}

// inFull are the rows of make chaos.
func inFull() (rows []row) {
	killed := shooting(2 * time.Second)
	killed.set.csu = []string{"--commit-then-drop", "0.02", "--search-lag", "1s"}
	rows = append(rows, row{name: "workers killed with -9 every 2 s", lasts: 2 * time.Minute, events: 10_000, trouble: killed})
	rows = append(rows, ofTheNetwork()...)
	rows = append(rows, ofRedis()...)
	rows = append(rows, ofTheBroker()...)
	return append(rows, ofTheCSU()...)
}

const long = 20 * time.Second

func ofTheNetwork() (rows []row) {
	for _, w := range links {
		late := network(proxy.Network{HoldUp: true, HoldDown: true}, w)
		late.set.env = map[string]string{"CSU_MAX_EXECUTION": (long + 5*time.Second).String()} // a write may take effect so late
		for _, n := range []row{
			{name: ": 500 ms late", lasts: long, trouble: network(proxy.Network{Latency: 500 * time.Millisecond}, w)},
			{name: ": 5 % of chunks reset", lasts: long, trouble: network(proxy.Network{Reset: 0.05}, w)},
			{name: ": black-holed 20 s", lasts: long, trouble: network(proxy.Network{LoseUp: true, LoseDown: true}, w)},
			{name: ": lost 20 s on the way there", lasts: long, trouble: network(proxy.Network{LoseUp: true}, w)},
			{name: ": lost 20 s on the way back", lasts: long, trouble: network(proxy.Network{LoseDown: true}, w)},
			{name: ": connections of 3 s dumb for good", lasts: 3 * time.Second, trouble: network(proxy.Network{LoseUp: true, LoseDown: true, Forever: true}, w)},
			{name: ": held 20 s, then delivered", lasts: long, trouble: late},
		} {
			n.name = "worker–" + w.name + n.name
			rows = append(rows, n)
		}
	}
	return rows
}

func ofRedis() []row {
	return []row{
		{name: "Redis: restarted (AOF)", trouble: once(restarted, "--appendonly", "yes")},
		{name: "Redis: FLUSHALL", trouble: wipe()},
		{name: "Redis: primary killed, Sentinels promote a replica", trouble: promoted()},
		{name: "Redis: node of a Cluster killed, its replica takes its place", trouble: replaced()},
		{name: "Redis: the slot moves to another node of the Cluster, on both for 4 s", trouble: moved()},
		{name: "Redis: frozen 10 s", lasts: 10 * time.Second, trouble: trouble{begin: signalled(syscall.SIGSTOP), end: signalled(syscall.SIGCONT)}},
	}
}

func ofTheBroker() []row {
	each := func(every time.Duration, do func(f *fleet)) trouble {
		return trouble{every: every, repeat: func(f *fleet, _ *rand.Rand) { do(f) }}
	}
	busy := trouble{begin: broken(`{"kind":"reject-sends","queue":%q,"for":"10m"}`), end: brokerHealed}
	busy.set.csu = []string{"--commit-then-drop", "0.05"}
	return []row{
		{name: "broker: links detached every 0.5 s", lasts: long, trouble: each(500*time.Millisecond, broken(`{"kind":"detach-links","queue":%q}`))},
		{name: "broker: connections closed every 2 s", lasts: long, trouble: each(2*time.Second, func(f *fleet) { f.brokerFault(`{"kind":"close-connections"}`) })},
		{name: "broker: locks lost early every 1 s", lasts: long, trouble: each(time.Second, broken(`{"kind":"lose-locks","queue":%q}`))},
		{name: "broker: server-busy 20 s, while copies are to be sent", lasts: long, trouble: busy},
		{name: "broker: every message delivered twice", lasts: long, trouble: trouble{begin: broken(`{"kind":"deliver-twice","queue":%q,"next":1000000}`), end: brokerHealed}},
		{name: "broker: all connections dropped at once", trouble: once(cut)},
	}
}

func ofTheCSU() []row {
	lag := scale(`{"kind":"commit-then-drop","probability":0.05}`)
	lag.set = setup{csu: []string{"--search-lag", "3s"}, env: map[string]string{"CSU_SEARCH_LAG": "3s"}}
	async := shooting(2 * time.Second)
	async.set.csu = []string{"--async-customers", "--conversion", "3s"}
	storm := func(form string) trouble {
		return scale(`{"kind":"throttle","rate":20,"burst":20,"retryAfter":"` + form + `"}`)
	}
	expiring := trouble{
		begin: func(f *fleet) { f.settings(`{"tokenLifetime":"1s"}`) },
		every: 2 * time.Second, repeat: func(f *fleet, _ *rand.Rand) { f.tell(f.csuAdmin+"/tokens/revoke", "") },
		end: func(f *fleet) { f.settings(`{"tokenLifetime":"59m59s"}`) },
	}
	return []row{
		{name: "CSU: commits, then drops 5 % of writes", lasts: long, trouble: scale(`{"kind":"commit-then-drop","probability":0.05}`)},
		{name: "CSU: search lags 3 s, drops 5 % of writes", lasts: long, trouble: lag},
		{name: "CSU: 500 for 30 s", lasts: 30 * time.Second, trouble: scale(`{"kind":"error","status":500}`)},
		{name: "CSU: 503 for 30 s", lasts: 30 * time.Second, trouble: scale(`{"kind":"error","status":503}`)},
		{name: "CSU: 429, Retry-After in seconds", lasts: long, trouble: storm("seconds")},
		{name: "CSU: 429, Retry-After as a date", lasts: long, trouble: storm("date")},
		{name: "CSU: 429 without Retry-After", lasts: long, trouble: storm("none")},
		{name: "CSU: tokens expire after 1 s and are revoked every 2 s", lasts: long, trouble: expiring},
		{name: "CSU: 403 for a minute", lasts: time.Minute, trouble: scale(`{"kind":"forbid"}`)},
		{name: "CSU: async customers, workers killed every 2 s", lasts: long, trouble: async},
	}
}
