package scenarios

import (
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
