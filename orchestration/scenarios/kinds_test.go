package scenarios

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/mapping"
	"github.com/signalbox/signalbox/orchestration"
)

func TestWhatScenariosBindIsOfAKindThatIsMapped(t *testing.T) {
	t.Parallel()
	require.Subset(t, mapping.KindNames(), Kinds())
}

func TestWhatEventsAreAboutIsOfAKindThatCanBeAskedFor(t *testing.T) {
	t.Parallel()
	list, about := All(Parts{}), map[string]bool{}
	checker, err := orchestration.NewChecker(list, orchestration.Channels{{Name: "web", OUN: "052", LegalEntity: "usrt"}})
	require.NoError(t, err)
	for _, s := range list {
		var schema struct{ Examples []json.RawMessage }
		require.NoError(t, json.Unmarshal(s.Outline().Schema, &schema))
		seen := false
		for _, data := range append(schema.Examples, json.RawMessage(`{}`)) {
			if is, err := checker.Identify(orchestration.Event{Source: "shop", ID: "e1", Sink: "crm", Type: s.Outline().Handles, Channel: "web", Data: data}); err == nil {
				about[is.Entity.Kind], seen = true, true
			}
		}
		require.True(t, seen || s.Outline().Internal, "no example of %s says what it is about", s.Outline().Handles)
	}
	require.Subset(t, slices.Concat(mapping.KindNames(), UnboundKinds()), slices.Collect(maps.Keys(about)))
	require.Subset(t, slices.Collect(maps.Keys(about)), UnboundKinds())
}

func TestWhatSinksAreToldIsDeclaredByWhoeverTellsIt(t *testing.T) {
	t.Parallel()
	said := map[string]orchestration.Telling{}
	for _, s := range relays(Parts{}) {
		o := s.Outline()
		require.True(t, o.Refused == "" || slices.ContainsFunc(o.Tells, func(w orchestration.Telling) bool { return w.Name == o.Refused }), "%s tells of refusals", o.Name)
		for _, w := range o.Tells {
			require.NotEmpty(t, w.Kind, w.Name)
			require.Contains(t, string(w.Schema), `"title": "`+w.Name+`"`)
			if other, twice := said[w.Name]; twice {
				require.Equal(t, other, w)
			}
			said[w.Name] = w
		}
	}
	require.Len(t, Told(), len(said))
}
