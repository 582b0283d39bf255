package config

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/secret"
)

const (
	webhookSecret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
	nextSecret    = "whsec_ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA="
)

func TestTheSinkTableIsReadFromAFileWithItsSecretsByReference(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string]string{"next": nextSecret + "\n", "c.yaml": `
channels: [{name: web, oun: "1", legal_entity: u, sinks: [crm, audit]}]
sinks:
  - {name: crm, url: "https://crm.example/hooks", secrets: ["env:NOW", "file:next"], types: [signalbox.customer.*], timeout: 3s}
  - {name: flow, secret_url: "env:FLOW", secrets: ["env:NOW"], mode: binary}
  - {name: erp, type: servicebus, entity: outcomes, sessions: true}
  - {name: far, type: servicebus, entity: signalbox-live, connection_string: "env:FAR"}
  - {name: audit, type: file, path: outcomes.jsonl, max_bytes: 1048576}
`})
	c, err := Load(Sources{File: filepath.Join(dir, "c.yaml"), Env: without("channels", enough("NOW="+webhookSecret, "FLOW=https://flow.example/x?sig=4711", "FAR=Endpoint=sb://far.example/;SharedAccessKeyName=k;SharedAccessKey=4711"))})
	require.NoError(t, err)
	require.Equal(t, []SinkRow{
		{Name: "crm", Type: SinkWebhook, URL: "https://crm.example/hooks", Secrets: []secret.String{secret.New(webhookSecret), secret.New(nextSecret)},
			Mode: "structured", Timeout: 3 * time.Second, Concurrency: 4, Types: []string{"signalbox.customer.*"}},
		{Name: "flow", Type: SinkWebhook, SecretURL: secret.New("https://flow.example/x?sig=4711"), Secrets: []secret.String{secret.New(webhookSecret)},
			Mode: "binary", Timeout: 10 * time.Second, Concurrency: 4},
		{Name: "erp", Type: SinkServiceBus, Entity: "outcomes", Sessions: true, Mode: "structured", Timeout: 10 * time.Second, Concurrency: 4},
		{Name: "far", Type: SinkServiceBus, Entity: "signalbox-live", Connection: secret.New("Endpoint=sb://far.example/;SharedAccessKeyName=k;SharedAccessKey=4711"),
			Mode: "structured", Timeout: 10 * time.Second, Concurrency: 4},
		{Name: "audit", Type: SinkFile, Mode: "structured", Timeout: 10 * time.Second, Concurrency: 4, Path: filepath.Join(dir, "outcomes.jsonl"), MaxBytes: 1 << 20},
	}, c.Sinks)
	require.Equal(t, "https://flow.example/x?sig=4711", c.Sinks[1].Address())
	require.Equal(t, c.ServiceBus.ConnectionString, c.Sinks[2].Namespace(c), "the fleet's own, unless it has another")
	require.Equal(t, c.Sinks[3].Connection, c.Sinks[3].Namespace(c))
	require.True(t, c.Sinks[0].Wants("signalbox.customer.relayed.v1"))
	require.False(t, c.Sinks[0].Wants("signalbox.order.relayed.v1"))
	require.True(t, c.Sinks[1].Wants("signalbox.order.relayed.v1"))

	for _, row := range c.Show(true) {
		require.NotContains(t, row.Value, "whsec_", row.Key)
		require.NotContains(t, row.Value, "4711", row.Key)
		if row.Key == "sinks" {
			require.Contains(t, row.Value, `"secrets":["***","***"]`)
			require.Contains(t, row.Value, `"secret_url":"***"`)
		}
	}
}

func TestEveryProblemOfASinkIsReportedAtOnce(t *testing.T) {
	t.Parallel()
	rows := strings.Join([]string{
		`{"name":"a b","url":"https://crm.example/4711","secrets":["` + webhookSecret + `"]}`,
		`{"name":"none"}`,
		`{"name":"both","url":"https://crm.example/4711","secret_url":"https://crm.example/4711","secrets":["` + webhookSecret + `"]}`,
		`{"name":"plain","url":"http://crm.example/4711","secrets":["4711"]}`,
		`{"name":"query","url":"https://crm.example/x?sig=4711","secrets":["` + webhookSecret + `"],"mode":"batch","types":["[a"]}`,
		`{"name":"cloud","secret_url":"https://169.254.169.254/4711","secrets":["` + webhookSecret + `"],"path":"x"}`,
		`{"name":"file","type":"file"}`,
		`{"name":"mixed","type":"file","path":"out/./x.jsonl","url":"https://crm.example/4711"}`,
		`{"name":"again","type":"file","path":"out/x.jsonl"}`,
		`{"name":"fax","type":"fax","entity":"x"}`,
		`{"name":"bus","type":"servicebus","url":"https://crm.example/4711"}`,
		`{"name":"loop","type":"servicebus","entity":"Signalbox-Live"}`,
		`{"name":"back","type":"servicebus","entity":"IN"}`,
		`{"name":"round","type":"servicebus","entity":"events"}`,
		`{"name":"same","type":"servicebus","entity":"signalbox-replay","connection_string":"Endpoint=sb://LOCALHOST/;SharedAccessKeyName=other;SharedAccessKey=4711"}`,
		`{"name":"sub","type":"servicebus","entity":"x/Subscriptions/y"}`,
		`{"name":"odd","type":"servicebus","entity":"a b","connection_string":"4711"}`,
		`{"name":"stray","type":"file","path":"y","entity":"x"}`,
	}, ",")
	_, err := Load(Sources{Env: append(enough("SIGNALBOX_SINKS=["+rows+"]", "SIGNALBOX_SERVICEBUS_QUEUES=in,events/Subscriptions/signalbox"),
		`SIGNALBOX_CHANNELS=[{"name":"web","oun":"1","legal_entity":"u","sinks":["file","erp","file"]}]`)})
	require.Error(t, err)
	require.NotContains(t, err.Error(), "4711")
	const from = " (SIGNALBOX_SINKS): "
	const address = "; write https://host/path; allow_plaintext permits http on a network that is encrypted below"
	const loop = " is one of our own queues, one of servicebus.queues, or the topic of one; name another: what is sent there would come back to us"
	const copied = "; copy the connection string of a shared access policy of the namespace"
	require.Equal(t, []string{
		`channels (SIGNALBOX_CHANNELS): names the sink "erp" in row "web", which sinks has no row for; add the row, or take the name out`,
		`channels (SIGNALBOX_CHANNELS): names the sink "file" twice in row "web"; name it once`,
		"sinks[0].name" + from + "is no plain name; use letters, digits, dots and dashes, at most 63",
		"sinks[1].url" + from + "and secret_url are both set or both missing; set one; secret_url if the URL holds a credential",
		"sinks[2].url" + from + "and secret_url are both set or both missing; set one; secret_url if the URL holds a credential",
		"sinks[3].url" + from + "is plain http to another machine" + address,
		"sinks[3].secrets" + from + "holds one that is not whsec_ and the base64 of 24 to 64 random bytes; make one with: echo whsec_$(openssl rand -base64 32); put such a one in its place",
		"sinks[4].types" + from + `"[a" is no pattern; write a type, with * for any part of it`,
		"sinks[4].url" + from + "holds a query, which may be a credential; put it into secret_url",
		"sinks[4].mode" + from + `"batch" is no content mode; use structured or binary`,
		"sinks[5].secret_url" + from + "leads to no address of one machine in a routed network" + address,
		"sinks[5].path" + from + "is for a sink of type file; take it out, or set type to file",
		"sinks[6].path" + from + "is missing; name the file that events are appended to",
		"sinks[7].url" + from + "is for a sink of type webhook; take it out, or set type to webhook",
		"sinks[8].path" + from + "is another row's file, too; give each sink a file of its own",
		"sinks[9].type" + from + `"fax" is no type of sink; use webhook, servicebus or file`,
		"sinks[10].entity" + from + "is missing; name the queue or topic that events are sent to",
		"sinks[10].url" + from + "is for a sink of type webhook; take it out, or set type to webhook",
		`sinks[11].entity` + from + `"Signalbox-Live"` + loop,
		`sinks[12].entity` + from + `"IN"` + loop,
		`sinks[13].entity` + from + `"events"` + loop,
		`sinks[14].entity` + from + `"signalbox-replay"` + loop,
		`sinks[15].entity` + from + `"x/Subscriptions/y" is a subscription, which takes no messages; name its topic, or a queue`,
		"sinks[16].connection_string" + from + "has no Endpoint=sb://…" + copied,
		"sinks[16].connection_string" + from + "has no SharedAccessKeyName and SharedAccessKey" + copied,
		`sinks[16].entity` + from + `"a b" is no name of a queue or topic; use letters, digits, dots, dashes, slashes and underscores`,
		"sinks[17].entity" + from + "is for a sink of type servicebus; take it out, or set type to servicebus",
	}, strings.Split(err.Error(), "\n"))
}

func TestASettingThatASinkOfItsTypeDoesNotHaveIsAProblem(t *testing.T) {
	t.Parallel()
	columns := map[string]string{"url": `"https://crm.example/4711"`, "secret_url": `"https://crm.example/4711"`, "secrets": `["` + webhookSecret + `"]`, "mode": `"binary"`, "timeout": `"3s"`,
		"concurrency": "7", "allow_plaintext": "true", "entity": `"x"`, "connection_string": `"Endpoint=sb://far.example/;SharedAccessKeyName=k;SharedAccessKey=4711"`,
		"sessions": "true", "digests_url": `"https://crm.example/digests"`, "path": `"x.jsonl"`, "max_bytes": "4096"}
	usual := map[string]string{"mode": `"structured"`, "timeout": `"10s"`, "concurrency": "4", "allow_plaintext": "false", "sessions": "false", "max_bytes": "0"}
	said := func(row, column, value string) string {
		_, err := Load(Sources{Env: enough("SIGNALBOX_SINKS=[{" + row + `,"` + column + `":` + value + "}]")})
		if err == nil {
			return ""
		}
		return err.Error()
	}
	has := map[string][]string{
		SinkWebhook:    {"url", "secret_url", "secrets", "mode", "timeout", "concurrency", "allow_plaintext", "digests_url"},
		SinkServiceBus: {"timeout", "concurrency", "entity", "connection_string", "sessions"},
		SinkFile:       {"path", "max_bytes"},
	}
	for typ, row := range map[string]string{
		SinkWebhook:    `"name":"a","type":"webhook","url":"https://crm.example/4711","secrets":["` + webhookSecret + `"]`,
		SinkServiceBus: `"name":"a","type":"servicebus","entity":"x"`,
		SinkFile:       `"name":"a","type":"file","path":"x.jsonl"`,
	} {
		for column, value := range columns {
			if slices.Contains(has[typ], column) {
				continue
			}
			got := said(row, column, value)
			require.Regexp(t, `^sinks\[0\]\.`+column+` \(SIGNALBOX_SINKS\): is for a sink of type (webhook|servicebus|file|webhook or servicebus); take it out, or set type to `, got, "%s of %s", column, typ)
			require.NotContains(t, got, "\n")
			require.NotContains(t, got, "4711")
		}
		for column, value := range usual {
			require.Empty(t, said(row, column, value), "%s of %s as by default, as config show prints it", column, typ)
		}
	}
}

func TestTheTypesThatHaveAColumnAreThoseThatItsHelpNames(t *testing.T) {
	t.Parallel()
	for _, col := range sinkTable.columns() {
		if of, some := col.tag.Lookup("of"); some {
			require.True(t, strings.HasPrefix(col.tag.Get("help"), of+": "), col.name)
			continue
		}
		require.Contains(t, []string{"name", "type", "types"}, col.name)
	}
}
