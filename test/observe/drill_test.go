//go:build drill

package observe

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/test/harness"
	"github.com/signalbox/signalbox/test/sim/csu"
	"github.com/signalbox/signalbox/worker"
)

// The drill: a real fleet, a real Prometheus and a real Alertmanager meet trouble. Times are divided by a factor: those of the
// rules, of Alertmanager, of the fleet's settings and of the trouble itself. DRILL_FACTOR=1 is full length, and takes hours;
// 60, 30, 10, 5 and 1 have a bucket for the freshness level. It is run by make drill, and not with every other test.
func factor(t *testing.T) int {
	t.Helper()
	n := 30
	if text := os.Getenv("DRILL_FACTOR"); text != "" {
		var err error
		n, err = strconv.Atoi(text)
		require.NoError(t, err, "DRILL_FACTOR")
	}
	require.Contains(t, []int{1, 5, 10, 30, 60}, n, "DRILL_FACTOR")
	return n
}

// drill is one fleet under watch.
type drill struct {
	*fleet
	t      *testing.T
	factor int
	p      prometheus
	a      *alertmanager
	began  time.Time
	fired  map[string]time.Time // when an alert was first seen firing
}

// story is what happens, and who is told.
type story struct {
	trouble func(d *drill) // begins and ends it; returns when it is over
	after   time.Duration  // for how long it is watched then
	fires   []string       // must fire
	pages   []string       // exactly these wake somebody up
	tickets []string       // exactly these make a ticket
}

var stories = map[string]story{
	"the CSU is down for 25 minutes": {
		trouble: func(d *drill) {
			d.inject(csu.Fault{ID: "down", Kind: csu.Drop})
			d.spend(25 * time.Minute)
			d.CSU.Clear("down")
		},
		after: 20 * time.Minute,
		fires: []string{"SignalboxCircuitOpen"},
		pages: []string{"SignalboxCircuitOpen"},
	},
	"the CSU refuses everything with 429 for five minutes": {
		trouble: func(d *drill) {
			d.inject(csu.Fault{ID: "busy", Kind: csu.Error, Status: http.StatusTooManyRequests, RetryAfter: csu.RetryAfterSeconds, Wait: d.real(30 * time.Second)})
			d.spend(5 * time.Minute)
			d.CSU.Clear("busy")
		},
		after: 20 * time.Minute, // nobody has to do anything
	},
	"the CSU asks for pauses of three minutes, for 25": {
		trouble: func(d *drill) {
			d.inject(csu.Fault{ID: "closed", Kind: csu.Error, Status: http.StatusServiceUnavailable, RetryAfter: csu.RetryAfterSeconds, Wait: d.real(3 * time.Minute)})
			d.spend(25 * time.Minute)
			d.CSU.Clear("closed")
		},
		after:   15 * time.Minute,
		fires:   []string{"SignalboxCsuBlocked"},
		tickets: []string{"SignalboxCsuBlocked"},
	},
	"Redis is down for ten minutes": {
		trouble: func(d *drill) {
			require.NoError(d.t, d.Server.Kill())
			d.spend(10 * time.Minute)
			require.NoError(d.t, d.Server.Restart(context.Background()))
		},
		after: 15 * time.Minute,
		fires: []string{"SignalboxIdempotencyStoreFailing"},
		pages: []string{"SignalboxIdempotencyStoreFailing"},
	},
	"Redis fails over within ten seconds": {
		trouble: func(d *drill) {
			require.NoError(d.t, d.Server.Kill())
			d.spend(10 * time.Second)
			require.NoError(d.t, d.Server.Restart(context.Background()))
		},
		after: 10 * time.Minute,
	},
	"every process is killed": {
		trouble: func(d *drill) {
			for _, p := range d.processes {
				require.NoError(d.t, p.Process.Kill())
			}
			d.spend(10 * time.Minute)
		},
		fires: []string{"SignalboxDown"},
		pages: []string{"SignalboxDown"},
	},
	"a producer floods the queue with what nobody can read": {
		trouble: func(d *drill) {
			for end := time.Now().Add(d.real(15 * time.Minute)); time.Now().Before(end); d.tick() {
				d.Send(worker.Message{ID: uuid.NewString(), ContentType: "application/json", Body: []byte("not an event")})
			}
		},
		after:   5 * time.Minute,
		fires:   []string{"SignalboxDeadLetterSpike", "SignalboxDeadLetterArrivals"},
		pages:   []string{"SignalboxDeadLetterSpike"},
		tickets: []string{"SignalboxDeadLetterArrivals"}, // with the first of them
	},
}

func TestDrill(t *testing.T) {
	for name, s := range stories {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDrill(t)
			d.spend(6 * time.Minute)
			require.Empty(t, d.fired, "on a quiet day")
			begun := time.Now()
			s.trouble(d)
			d.log("the trouble is over after %s", time.Since(begun).Round(time.Second))
			d.spend(s.after)
			d.report()
			for _, alert := range s.fires {
				require.Contains(t, d.fired, alert)
			}
			require.ElementsMatch(t, s.pages, slices.Collect(maps.Keys(d.a.heard("pager"))), "who is woken up")
			require.ElementsMatch(t, s.tickets, slices.Collect(maps.Keys(d.a.heard("tickets"))), "tickets")
		})
	}
}

// TestTheDrillIsDocumentedAsItIsHeld compares the table of the how-to with the stories.
func TestTheDrillIsDocumentedAsItIsHeld(t *testing.T) {
	page, err := os.ReadFile("../../docs/how-to/watch-it.md")
	require.NoError(t, err)
	for name, s := range stories {
		row := regexp.MustCompile(`(?m)^\| ` + regexp.QuoteMeta(name) + ` \| (.*) \| (.*) \|$`).FindStringSubmatch(string(page))
		require.NotNil(t, row, "no row for %q", name)
		alerts := regexp.MustCompile(`Signalbox\w+`)
		require.ElementsMatch(t, s.pages, alerts.FindAllString(row[1], -1), name)
		require.ElementsMatch(t, s.tickets, alerts.FindAllString(row[2], -1), name)
	}
}

func newDrill(t *testing.T) *drill {
	t.Helper()
	d := &drill{t: t, factor: factor(t), fired: map[string]time.Time{}}
	d.fleet = startFleet(t, 2, harness.Options{Lock: 5 * time.Second, Slots: 16, Lease: d.atLeast(15*time.Second, time.Second), MaxExecution: d.real(2 * time.Minute), SearchLag: d.real(30 * time.Second),
		CSU: csu.Options{Latency: 10 * time.Millisecond}, Env: d.settings()})
	d.a = startAlertmanager(t, d.factor)
	d.p = startPrometheus(t, d.targets, d.real(30*time.Second), d.a.address, scaled(t, d.factor)...)
	// Prometheus takes five real seconds before it scrapes at all: the fleet is down for it meanwhile.
	d.p.has(t, 30*time.Second, `count(up == 1) == 2`)
	await(t, 30*time.Second, "nothing fires", func() bool { return len(d.firing()) == 0 })
	d.a.forget()
	d.began = time.Now()
	return d
}

// settings are an operator's defaults, divided.
func (d *drill) settings() map[string]string {
	waits := []string{}
	for _, w := range []time.Duration{5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, time.Hour, 4 * time.Hour} {
		waits = append(waits, d.atLeast(w, time.Second).String())
	}
	return map[string]string{
		"SIGNALBOX_SAMPLER_INTERVAL":    d.atLeast(30*time.Second, time.Second).String(),
		"SIGNALBOX_HEARTBEAT_INTERVAL":  d.atLeast(time.Minute, 2*time.Second).String(),
		"SIGNALBOX_RUN_RESCHEDULE":      strings.Join(waits, ","),
		"SIGNALBOX_CSU_PROBE_EVERY":     d.atLeast(30*time.Second, time.Second).String(),
		"SIGNALBOX_RUN_RETRY_FOR":       d.real(20 * time.Second).String(),
		"SIGNALBOX_WORKER_RECEIVE_WAIT": d.atLeast(30*time.Second, time.Second).String(),
	}
}

// real is how long a time of the story takes.
func (d *drill) real(story time.Duration) time.Duration { return story / time.Duration(d.factor) }

func (d *drill) atLeast(story, least time.Duration) time.Duration { return max(d.real(story), least) }

func (d *drill) inject(f csu.Fault) {
	d.t.Helper()
	_, err := d.CSU.Inject(f)
	require.NoError(d.t, err)
}

// spend lets a time of the story pass: events come in, and what fires is written down.
func (d *drill) spend(story time.Duration) {
	for end := time.Now().Add(d.real(story)); time.Now().Before(end); d.tick() {
	}
}

// tick is a quarter of a second: two new customers, and a look at what fires.
func (d *drill) tick() {
	for range 2 {
		d.sent++
		d.Publish(harness.Customer{Event: fmt.Sprintf("e-%d", d.sent), ID: fmt.Sprintf("C-%d", d.sent), Email: fmt.Sprintf("drill.%d@example.com", d.sent),
			First: "Jane", Last: "Contoso", Phone: "+14255550100", City: "Redmond", At: time.Now()})
	}
	for _, labels := range d.firing() {
		name := labels["alertname"]
		if _, known := d.fired[name]; !known {
			d.fired[name] = time.Now()
			d.log("%s fires (%s)", name, labels["queue"])
		}
	}
	<-time.After(250 * time.Millisecond)
}

// firing are the labels of the alerts that fire now.
func (d *drill) firing() (labels []map[string]string) {
	var data struct {
		Alerts []struct {
			Labels map[string]string
			State  string
		}
	}
	require.NoError(d.t, d.p.get(d.t, "/api/v1/alerts", url.Values{}, &data))
	for _, a := range data.Alerts {
		if a.State == "firing" {
			labels = append(labels, a.Labels)
		}
	}
	return labels
}

func (d *drill) log(format string, args ...any) {
	d.t.Logf("%6s  "+format, append([]any{(time.Since(d.began) * time.Duration(d.factor)).Round(time.Second)}, args...)...)
}

func (d *drill) report() {
	for _, who := range []string{"pager", "tickets"} {
		for alert, at := range d.a.heard(who) {
			d.t.Logf("%6s  %s hears of %s", (at.Sub(d.began) * time.Duration(d.factor)).Round(time.Second), who, alert)
		}
	}
}
