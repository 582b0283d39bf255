package orders

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/mapping"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
)

// nobody is bound to anything.
type nobody struct{}

func (nobody) Sources(context.Context, mapping.Target) ([]mapping.Ref, error) {
	return nil, mapping.ErrNotBound
}

func TestTheSinksOfAnOrderAreThoseOfItsSourcesChannel(t *testing.T) {
	t.Parallel()
	web := orchestration.Channel{Name: "web", Sources: []string{"https://web"}, CSU: "c", LegalEntity: "usrt", Sinks: []string{"a", "b"}}
	outlet := orchestration.Channel{Name: "outlet", Sources: []string{"https://outlet"}, CSU: "c", LegalEntity: "usrt", Sinks: []string{"b", "c"}}
	abroad := orchestration.Channel{Name: "abroad", Sources: []string{"https://abroad"}, CSU: "c", LegalEntity: "demf", Sinks: []string{"d"}}
	o := orders{Parts: Parts{Channels: orchestration.Channels{web, outlet, abroad}}}
	sinks := func(source string) (all []string) {
		for _, ch := range o.channelsOf(mapping.Ref{Kind: kindOrder, Scope: "c/usrt", Source: source, ID: "1"}) {
			for _, s := range ch.Sinks {
				all = append(all, ch.Name+" "+s)
			}
		}
		return all
	}
	require.Equal(t, []string{"outlet b", "outlet c"}, sinks("https://outlet"))
	require.Equal(t, []string{"web a", "web b", "outlet c"}, sinks("https://named-its-channel"), "each sink of the legal entity, once")
	require.Equal(t, []string{"web a", "web b", "outlet c"}, sinks("https://abroad"), "an order that named a channel of another legal entity")
}

func TestAReportOfAnUnknownOrderWaitsLongerAndLongerUntilItIsSurelyNotOurs(t *testing.T) {
	t.Parallel()
	quiet := false
	o := orders{Parts: Parts{Bindings: nobody{}, StatusPatience: 4 * time.Hour, Quiet: func(context.Context) bool { return quiet }}}
	after := func(age time.Duration) time.Duration {
		r := &statusRun{Event: orchestration.Event{Origin: orchestration.Origin{Enqueued: time.Now().Add(-age)}}, In: Reported{SalesID: "SO-1", Status: "invoiced"}}
		_, err := o.placedAs(t.Context(), r)
		if err == nil {
			return 0
		}
		require.Equal(t, fault.Dependency, fault.KindOf(err))
		require.False(t, ours(r))
		return fault.As(err).Wait.Round(time.Minute / 2)
	}
	for age, want := range map[time.Duration]time.Duration{0: statusFirst, 10 * time.Minute: 5 * time.Minute, 2 * time.Hour: statusMost, 239 * time.Minute: time.Minute, 4 * time.Hour: 0} {
		require.Equal(t, want, after(age), age)
	}
	quiet = true
	require.Equal(t, 7*time.Minute, after(14*time.Minute), "an order may be on its way still")
	require.Zero(t, after(15*time.Minute))
}
