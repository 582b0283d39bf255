package isoduration

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestDurationsAreReadAndWrittenAsAzureWritesThem(t *testing.T) {
	t.Parallel()
	for text, d := range map[string]time.Duration{
		"PT0S": 0, "PT1M": time.Minute, "PT30S": 30 * time.Second, "PT10M": 10 * time.Minute, "P14D": 14 * 24 * time.Hour,
		"P1DT2H3M4.5S": 26*time.Hour + 3*time.Minute + 4500*time.Millisecond, "PT0.000000001S": 1, "PT5M0.25S": 5*time.Minute + 250*time.Millisecond,
		"P10675199DT2H48M5.4775807S": Endless,
	} {
		got, err := Parse(text)
		require.NoError(t, err, text)
		require.Equal(t, d, got, text)
		require.Equal(t, text, Format(d))
	}
	for text, d := range map[string]time.Duration{
		"PT60S": time.Minute, "PT90M": 90 * time.Minute, "P0D": 0, "P999999999D": Endless, "P106751DT23H47M16.854775807S": Endless, "P106751DT23H47M16.9S": Endless,
	} {
		got, err := Parse(text)
		require.NoError(t, err, text)
		require.Equal(t, d, got, text)
	}
}

func TestWhatIsNoDurationIsRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "P", "PT", "P1DT", "1M", "P1M", "P1Y", "-PT1M", "PT1.5M", "PT1", "1m", "00:01:00", "PT.5S", " PT1M"} {
		_, err := Parse(text)
		require.ErrorContains(t, err, "is not a duration", text)
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{"PT1M", "P10675199DT2H48M5.4775807S", "P1DT2H3M4.5S"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := Parse(text)
		if err != nil {
			return
		}
		require.GreaterOrEqual(t, d, time.Duration(0))
		again, err := Parse(Format(d))
		require.NoError(t, err)
		require.Equal(t, d, again)
	})
}
