package config

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestEveryKeyHasOneNameInEachSpelling(t *testing.T) {
	seen := map[string]bool{fileVariable: true}
	for _, k := range keys {
		require.Equal(t, "SIGNALBOX_"+strings.ToUpper(strings.ReplaceAll(k.name, ".", "_")), k.env())
		require.False(t, seen[k.env()], "%s is the variable of two keys", k.env())
		seen[k.env()] = true
		require.NotEmpty(t, k.tag.Get("help"), k.name)
	}
	for _, k := range keys {
		require.False(t, k.secret() && seen[k.env()+"_FILE"], "%s_FILE would be another key's variable", k.env())
	}
}

func TestDefaultsAreReadable(t *testing.T) {
	all := slices.Clone(keys)
	for _, t := range tables {
		all = append(all, t.columns()...)
	}
	for _, k := range all {
		if d, ok := k.tag.Lookup("default"); ok {
			_, w := k.parse(k.fromText(d))
			require.Nil(t, w, k.name)
		}
		if k.typ == durationType || k.typ == durationsType {
			require.NotEmpty(t, k.tag.Get("min"), k.name)
			require.NotEmpty(t, k.tag.Get("max"), k.name)
		}
	}
}

func TestNearestFindsWhatWasMeant(t *testing.T) {
	for typed, want := range map[string]string{
		"run.leese":                    "run.lease",
		"lease":                        "run.lease",
		"servicebus.connectionstring":  "servicebus.connection_string",
		"log.lvl":                      "log.level",
		"servicebus.max_deliverycount": "servicebus.max_delivery_count",
	} {
		require.Equal(t, want, nearest(typed, names(key.plain), "."), typed)
	}
	require.Equal(t, 3, edits("kitten", "sitting"))
}

func TestDurationsAreShownAsTheyAreWritten(t *testing.T) {
	for _, s := range []string{"0s", "100ms", "5s", "1m30s", "5m", "1h", "1h30m", "336h", "1h0m5s"} {
		d, err := time.ParseDuration(s)
		require.NoError(t, err)
		require.Equal(t, s, short(d))
	}
}
