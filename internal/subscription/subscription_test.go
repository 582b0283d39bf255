package subscription

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAnAddressIsThatOfASubscriptionOrNot(t *testing.T) {
	t.Parallel()
	for address, want := range map[string][2]string{
		"events/Subscriptions/signalbox": {"events", "signalbox"}, "a/b/subscriptions/s": {"a/b", "s"}, "Events/SUBSCRIPTIONS/S": {"Events", "S"},
		"/Subscriptions/s": {"", "s"}, "events/Subscriptions/": {"events", ""},
	} {
		topic, name, ok := Split(address)
		require.True(t, ok, address)
		require.Equal(t, want, [2]string{topic, name}, address)
		require.Equal(t, want[0], SendTo(address))
	}
	for _, address := range []string{"events", "events/Subscriptions", "Subscriptions/s", ""} {
		require.False(t, Is(address), address)
		require.Equal(t, address, SendTo(address))
	}
	require.True(t, Is(Join("events", "signalbox")))

	topic, name, ok := Split("İİ/Subscriptions/s") // whose small letters are longer
	require.True(t, ok)
	require.Equal(t, []string{"İİ", "s"}, []string{topic, name})
}
