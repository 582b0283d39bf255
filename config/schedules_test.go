package config

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/orchestration/schedule"
)

func TestTheScheduleTableIsReadFromAFile(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string]string{"c.yaml": `
schedules:
  - name: nightly
    type: signalbox.customer.changed.v1
    channel: web
    cron: 30 2 * * mon-fri
    zone: Europe/Berlin
    jitter: 5m
    missed: skip
    data: {id: "1001", email: ana@example.com, firstName: Ana, lastName: Contoso, addresses: [{country: USA, street: 1 Harbour Street, city: Redmond}]}
  - {name: often, type: signalbox.customer.changed.v1, channel: web, every: 15m, data: {id: "1001", email: ana@example.com, firstName: Ana, lastName: Contoso}, off: true}
`})
	c, err := Load(Sources{File: filepath.Join(dir, "c.yaml"), Env: enough()})
	require.NoError(t, err)
	require.Len(t, c.Schedules, 2)
	row := c.Schedules[0]
	require.JSONEq(t, `{"id":"1001","email":"ana@example.com","firstName":"Ana","lastName":"Contoso","addresses":[{"country":"USA","street":"1 Harbour Street","city":"Redmond"}]}`, string(row.Data))
	s, err := row.Schedule()
	require.NoError(t, err)
	require.Equal(t, schedule.Skip, s.Missed)
	require.Equal(t, "2026-01-30T01:30:00Z", s.Ticks.Next(time.Date(2026, 1, 29, 12, 0, 0, 0, time.UTC)).Format(time.RFC3339))
	require.True(t, c.Schedules[1].Off)
	require.Equal(t, "latest", c.Schedules[1].Missed)

	shown := ""
	for _, k := range c.Show(false) {
		if k.Key == "schedules" {
			shown = k.Value
		}
	}
	again, err := Load(Sources{Env: enough("SIGNALBOX_SCHEDULES=" + shown)})
	require.NoError(t, err, "what is shown can be set: %s", shown)
	require.Equal(t, c.Schedules, again.Schedules)
}

// sound is a row with nothing wrong; change says what is.
func sound(change map[string]any) string {
	row := map[string]any{"name": "nightly", "type": "signalbox.customer.changed.v1", "channel": "web", "every": "15m",
		"data": map[string]any{"id": "1001", "email": "ana@example.com", "firstName": "Ana", "lastName": "Contoso"}}
	for name, v := range change {
		if row[name] = v; v == nil {
			delete(row, name)
		}
	}
	text, _ := json.Marshal(row)
	return string(text)
}

func TestEveryProblemOfAScheduleIsReportedAtOnce(t *testing.T) {
	t.Parallel()
	_, err := Load(Sources{Env: enough("SIGNALBOX_SCHEDULES=[" + sound(nil) + "]")})
	require.NoError(t, err)
	for _, tc := range []struct {
		change map[string]any
		says   []string
	}{
		{map[string]any{"name": nil, "type": nil, "channel": nil}, []string{"[0].name", "is missing", "[0].type", "[0].channel"}},
		{map[string]any{"name": "a b"}, []string{"[0].name", "is no plain name"}},
		{map[string]any{"name": strings.Repeat("a", 64)}, []string{"[0].name", "is no plain name"}},
		{map[string]any{"type": "signalbox.customer.sold.v1"}, []string{"[0].type", `"signalbox.customer.sold.v1" is no type of event that may be published; the nearest is signalbox.customer.changed.v1; signalbox schema`}},
		{map[string]any{"type": "signalbox.customer.relayed.v1"}, []string{"[0].type", "is no type of event that may be published"}},
		{map[string]any{"type": "signalbox.heartbeat.v1", "data": map[string]any{"queue": "q"}}, []string{"[0].type", "is no type of event that may be published"}},
		{map[string]any{"channel": "outlet"}, []string{`[0].channel (SIGNALBOX_SCHEDULES): names the channel "outlet", which channels has no row for`}},
		{map[string]any{"data": nil}, []string{"[0].data (SIGNALBOX_SCHEDULES): is refused: the data lacks id"}},
		{map[string]any{"data": map[string]any{"id": 7, "email": "ana@example.com"}}, []string{"[0].data (SIGNALBOX_SCHEDULES): is refused at /id"}},
		{map[string]any{"data": "{}"}, []string{"[0].data (SIGNALBOX_SCHEDULES): is a text where an object is expected"}},
		{map[string]any{"every": nil}, []string{"[0].every (SIGNALBOX_SCHEDULES): and cron are both set or both missing"}},
		{map[string]any{"cron": "0 3 * * *"}, []string{"[0].every (SIGNALBOX_SCHEDULES): and cron are both set or both missing"}},
		{map[string]any{"every": "1500ms"}, []string{"[0].every (SIGNALBOX_SCHEDULES): is no whole number of seconds"}},
		{map[string]any{"every": "500ms"}, []string{`[0].every (SIGNALBOX_SCHEDULES): "500ms" is out of range`}},
		{map[string]any{"zone": "Europe/Berlin"}, []string{"[0].zone (SIGNALBOX_SCHEDULES): is for cron"}},
		{map[string]any{"every": nil, "cron": "61 * * * *"}, []string{"[0].cron (SIGNALBOX_SCHEDULES): has a value in the minute"}},
		{map[string]any{"every": nil, "cron": "* * * *", "zone": "Mars"}, []string{`[0].cron`, `[0].zone (SIGNALBOX_SCHEDULES): "Mars" is no time zone`}},
		{map[string]any{"every": nil, "cron": "0 3 * * *", "zone": "Local"}, []string{`[0].zone (SIGNALBOX_SCHEDULES): "Local" is no time zone`}},
		{map[string]any{"jitter": "15m"}, []string{"[0].jitter (SIGNALBOX_SCHEDULES): of 15m is not below the shortest time between two ticks, 15m"}},
		{map[string]any{"every": nil, "cron": "0,5 3 * * 1", "jitter": "6m"}, []string{"[0].jitter (SIGNALBOX_SCHEDULES): of 6m is not below the shortest time between two ticks, 5m"}},
		{map[string]any{"missed": "none"}, []string{`[0].missed (SIGNALBOX_SCHEDULES): "none" is nothing that can become of missed ticks; choose from latest, skip, all`}},
		{map[string]any{"cron": "x", "missed": "none", "type": "x", "name": "-"}, []string{"[0].every", "[0].missed", "[0].type", "[0].name"}},
		{map[string]any{"at": "noon"}, []string{"[0].at", "is not a known key"}},
	} {
		_, err := Load(Sources{Env: enough("SIGNALBOX_SCHEDULES=[" + sound(tc.change) + "]")})
		require.Error(t, err, "%v", tc.change)
		for _, says := range tc.says {
			require.ErrorContains(t, err, says, "%v", tc.change)
		}
	}
	_, err = Load(Sources{Env: enough("SIGNALBOX_SCHEDULES=[" + sound(nil) + "," + sound(nil) + "]")})
	require.ErrorContains(t, err, `schedules[1].name (SIGNALBOX_SCHEDULES): "nightly" is another row's name too`)
}

func TestTheSchedulesAreCounted(t *testing.T) {
	t.Parallel()
	var list []string
	for i := range maxSchedules + 1 {
		list = append(list, sound(map[string]any{"name": "s" + string(rune('a'+i))}))
	}
	_, err := Load(Sources{Env: enough("SIGNALBOX_SCHEDULES=[" + strings.Join(list, ",") + "]")})
	require.ErrorContains(t, err, "schedules[20].name (SIGNALBOX_SCHEDULES): is one of 21 schedules")
}

func TestAScheduleThatNamesASinkWhichCannotBeToldOrAskedIsAProblem(t *testing.T) {
	t.Parallel()
	table := func(typ, data string) []string {
		return enough(`SIGNALBOX_SINKS=[{"name":"shop","url":"https://shop.example/hooks","secrets":["whsec_bG9jYWwgc2lnbmFsYm94IHdlYmhvb2sgc2VjcmV0ISE="]},{"name":"other","type":"file","path":"`+t.TempDir()+`/o"}]`,
			`SIGNALBOX_CHANNELS=[{"name":"web","oun":"052","legal_entity":"usrt","sinks":["shop"]}]`,
			`SIGNALBOX_SCHEDULES=[{"name":"s","type":"`+typ+`","channel":"web","every":"5m","data":`+data+`}]`)
	}
	for data, says := range map[string]string{
		`{"sinks":["shop"]}`:         "",
		`{"sinks":["shop","other"]}`: `schedules[0].data (SIGNALBOX_SCHEDULES): names the sink "other", which is none of the channel "web"; name one of shop`,
	} {
		_, err := Load(Sources{Env: table("signalbox.prices.export.v1", data)})
		requireSays(t, err, says)
	}
	for sink, says := range map[string]string{
		"shp":  `schedules[0].data (SIGNALBOX_SCHEDULES): names the sink "shp", which is none of the channel "web"; name one of shop`,
		"shop": `schedules[0].data (SIGNALBOX_SCHEDULES): asks the sink "shop" what it has, and its row has no digests_url; set it, or take the row out`,
	} {
		_, err := Load(Sources{Env: table("signalbox.feed.reconcile.v1", `{"of":"prices","sink":"`+sink+`"}`)})
		requireSays(t, err, says)
	}
}

func TestAScheduleWhoseEventsCouldOnlyBeDeadLettersIsAProblem(t *testing.T) {
	t.Parallel()
	visible := []string{"SIGNALBOX_INVENTORY_SOURCE=visibility", "SIGNALBOX_INVENTORY_VISIBILITY_URL=https://iv.example.com", "SIGNALBOX_INVENTORY_VISIBILITY_TOKEN_URL=https://login.example.com/token",
		"SIGNALBOX_INVENTORY_VISIBILITY_SECURITY_URL=https://security.example.com", "SIGNALBOX_INVENTORY_VISIBILITY_CLIENT_ID=id", "SIGNALBOX_INVENTORY_VISIBILITY_CLIENT_SECRET=secret",
		"SIGNALBOX_INVENTORY_VISIBILITY_ENVIRONMENT=env-1", "SIGNALBOX_INVENTORY_VISIBILITY_WAREHOUSES=USRT/1/HOUSTON"}
	const sweep, publish, stock = "signalbox.feed.reconcile.v1", "signalbox.products.publish.v1", "signalbox.inventory.export.v1"
	for name, tc := range map[string]struct {
		typ, channel, data string
		more               []string
		says               string
	}{
		"a sweep of what the sink is told":            {typ: sweep, data: `{"of":"prices","sink":"shop"}`},
		"a sweep of what the sink is not told":        {typ: sweep, data: `{"of":"products","sink":"shop"}`, says: `schedules[0].data (SIGNALBOX_SCHEDULES): asks the sink "shop" for its products, and types of its row leave out signalbox.product.v1; add that to types, or take the row out`},
		"a sweep of prices against the CSU":           {typ: sweep, data: `{"of":"prices","sink":"shop","source":200}`, says: `schedules[0].data (SIGNALBOX_SCHEDULES): compares prices with the CSU (source), which is done with products alone; take source out`},
		"products of a channel with sinks":            {typ: publish, data: `{}`},
		"products of a channel without sinks":         {typ: publish, channel: "quiet", data: `{}`, says: `schedules[0].channel (SIGNALBOX_SCHEDULES): publishes the products of the channel "quiet", which has no sinks to tell of them; name sinks in its row of channels`},
		"locations that the CSU knows":                {typ: stock, data: `{"locations":"pickup"}`},
		"all that Inventory Visibility knows":         {typ: stock, data: `{"locations":"all","unit":"inventory","warehouses":["houston"]}`, more: visible},
		"locations that Inventory Visibility has not": {typ: stock, data: `{"locations":"pickup"}`, more: visible, says: `schedules[0].data (SIGNALBOX_SCHEDULES): asks at /locations for what Inventory Visibility (inventory.source) does not know; leave it out, and name warehouses`},
		"units that Inventory Visibility has not":     {typ: stock, data: `{"unit":"sales"}`, more: visible, says: "asks at /unit for what Inventory Visibility"},
		"warehouses that are not in its list":         {typ: stock, data: `{"warehouses":["STORE1"]}`, more: visible, says: `asks for stock at warehouses of which inventory.visibility.warehouses has none for the legal entity "usrt"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tc.channel == "" {
				tc.channel = "web"
			}
			_, err := Load(Sources{Env: enough(append(tc.more,
				`SIGNALBOX_SINKS=[{"name":"shop","url":"https://shop.example/hooks","digests_url":"https://shop.example/digests","secrets":["whsec_bG9jYWwgc2lnbmFsYm94IHdlYmhvb2sgc2VjcmV0ISE="],"types":["signalbox.price.*"]}]`,
				`SIGNALBOX_CHANNELS=[{"name":"web","oun":"052","legal_entity":"usrt","sinks":["shop"]},{"name":"quiet","oun":"053","legal_entity":"usrt"}]`,
				`SIGNALBOX_SCHEDULES=[{"name":"s","type":"`+tc.typ+`","channel":"`+tc.channel+`","every":"5m","data":`+tc.data+`}]`)...)})
			requireSays(t, err, tc.says)
		})
	}
}

func requireSays(t *testing.T, err error, says string) {
	t.Helper()
	if says == "" {
		require.NoError(t, err)
		return
	}
	require.ErrorContains(t, err, says)
}
