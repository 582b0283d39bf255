package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/mapping/fieldmap"
)

const goodMap = "type: signalbox.customer.changed.v1\nid: .no\ntime: .at\ndata: {id: '.no | tostring'}\n"

// folder writes files into a folder.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	return dir
}

func TestTheSourceTableReadsItsMaps(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string]string{"crm.yaml": goodMap, "c.yaml": `
servicebus: {queues: [in, crm-rows]}
sources:
  - {name: crm, source: https://crm.example, field_map: crm.yaml, queue: CRM-Rows, types: [com.contoso.customer.updated]}
  - {name: crm-orders, source: https://crm.example, field_map: crm.yaml, types: [com.contoso.order.placed]}
  - {source: https://shop.example, field_map: crm.yaml}
`})
	c, err := Load(Sources{File: filepath.Join(dir, "c.yaml"), Env: enough()})
	require.NoError(t, err)
	path := filepath.Join(dir, "crm.yaml")
	require.Equal(t, SourceRow{Name: "crm", Source: "https://crm.example", FieldMap: path, Queue: "CRM-Rows", Types: []string{"com.contoso.customer.updated"}, Format: FormatRows}, c.Sources[0])
	require.Equal(t, "https://shop.example", c.Sources[2].Called())
	for _, s := range c.Sources {
		require.Equal(t, "signalbox.customer.changed.v1", c.Map(s).Type)
	}
	require.Nil(t, c.Map(SourceRow{}))
	require.NoError(t, c.Check())
	require.True(t, c.Map(c.Sources[0]).Makes(fieldmap.ID))
}

func TestEveryProblemOfASourceIsReportedAtOnce(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string]string{"good.yaml": goodMap, "bad.yaml": "type: t\nid: now\ndata:\n  a: .a |\n", "other.yaml": "source: https://other.example\n" + goodMap,
		"nobody.yaml": "type: t\ndata: {a: .a}\n"})
	at := func(name string) string { return filepath.Join(dir, name) }
	row := func(name, more string) string {
		return fmt.Sprintf(`{"source":"s-%s","field_map":%q%s}`, name, at(name+".yaml"), more)
	}
	_, err := Load(Sources{Env: enough(`SIGNALBOX_SERVICEBUS_QUEUES=in,rows`, "SIGNALBOX_SOURCES=["+strings.Join([]string{
		row("good", `,"queue":"rows","types":["a",""]`), row("good", `,"queue":"Rows","types":["b","a"]`), row("bad", ""), row("other", `,"queue":"nowhere"`),
		row("nobody", `,"queue":"in","name":"s-bad"`), row("missing", `,"name":"m"`), `{"field_map":"x"}`, row("good", `,"name":"third"`)}, ",")+"]")})
	const from = " (SIGNALBOX_SOURCES): "
	require.Equal(t, []string{
		"sources[6].source" + from + "is missing; set it: the CloudEvents source of its events",
		"sources[0].types" + from + "holds an empty text; name CloudEvents types",
		"sources[1].name" + from + "is what another row is called too; give each row a name of its own",
		"sources[1].queue" + from + `"Rows" is another row's queue too; give each row a queue of its own`,
		"sources[1].types" + from + `"a" is in row "s-good" too; leave it in one`,
		"sources[2].field_map" + from + at("bad.yaml") + ": line 2, id: calls now, which depends on when it is asked; a row must give the same event every time; take it out; then try: signalbox fieldmap test",
		"sources[2].field_map" + from + at("bad.yaml") + ": line 4, data.a: is no jq expression: unexpected EOF at character 5; correct it, or put text that is meant as such into quotes of its own: '\"home\"'; then try: signalbox fieldmap test",
		"sources[3].queue" + from + `"nowhere" is none of servicebus.queues; add it there, or name one that is`,
		"sources[3].field_map" + from + at("other.yaml") + ` is written for the source "https://other.example"; name the map of this source, or take source out of the map`,
		"sources[4].name" + from + "is what another row is called too; give each row a name of its own",
		"sources[4].field_map" + from + at("nobody.yaml") + " makes no id or no time, which rows of a queue need; add id and time to the map",
		"sources[5].field_map" + from + at("missing.yaml") + " cannot be read: no such file or directory; name a field map that this process can read",
		"sources[6].field_map" + from + "x cannot be read: no such file or directory; name a field map that this process can read",
		"sources[7].types" + from + `does not say which of its types are this row's, and which row "s-good"'s; list the types in each row of this source`,
	}, strings.Split(err.Error(), "\n"))
}

func TestABusinessEventNeedsAQueueAndStatusesThatThereAre(t *testing.T) {
	t.Parallel()
	rows := func(table string) (*Config, error) {
		return Load(Sources{Env: enough(`SIGNALBOX_SERVICEBUS_QUEUES=in,hq`, "SIGNALBOX_SOURCES="+table)})
	}
	c, err := rows(`[{"name":"hq","source":"urn:hq","queue":"hq","format":"business-events","statuses":["XShippedBusinessEvent=shipped","Y=ignored"]}]`)
	require.NoError(t, err)
	require.Equal(t, map[string]string{"XShippedBusinessEvent": "shipped", "Y": "ignored"}, c.Sources[0].StatusOf())
	require.Nil(t, c.Map(c.Sources[0]))

	_, err = rows(`[{"source":"urn:a","format":"business-events","field_map":"x.yaml","statuses":["A=lost","B","A=lost"],"sales_id":[""]},` +
		`{"source":"urn:b","format":"xml"},{"source":"urn:c","sales_id":["SalesId"]}]`)
	const from = " (SIGNALBOX_SOURCES): "
	require.Equal(t, []string{
		"sources[0].field_map" + from + "is for rows, and format is business-events; take it out, or set format to rows",
		"sources[0].queue" + from + "is missing; name the queue, or the subscription, that business events of Finance & Operations come to",
		"sources[0].statuses" + from + "cannot be; set it to pairs such as ContosoSalesOrderShippedBusinessEvent=shipped, each left side once",
		"sources[0].sales_id" + from + "holds an empty text; name members of the business events",
		`sources[1].format` + from + `"xml" is no format; use rows or business-events`,
		"sources[2].field_map" + from + "is missing; name the field map, a YAML file; or set format to business-events, if that is what comes",
		"sources[2].format" + from + "is rows, and statuses, exports, channel or sales_id are set, too; take them out, or set format to business-events",
	}, strings.Split(err.Error(), "\n"))

	c, err = Load(Sources{Env: enough(`SIGNALBOX_SERVICEBUS_QUEUES=in,hq/Subscriptions/signalbox`,
		`SIGNALBOX_SOURCES=[{"name":"hq","source":"urn:hq","queue":"HQ/subscriptions/signalbox","format":"business-events"}]`)})
	require.NoError(t, err, "on a topic, as business events usually are")
	require.Equal(t, "HQ/subscriptions/signalbox", c.Sources[0].Queue)

	_, err = rows(`[{"source":"urn:a","queue":"hq","format":"business-events","statuses":["A=lost"]}]`)
	require.ErrorContains(t, err, `"lost" is no status; use one of confirmed, shipped, invoiced, cancelled, ignored`)
}

func TestABusinessEventAsksForExportsThatThereAre(t *testing.T) {
	t.Parallel()
	rows := func(row string) (*Config, error) {
		return Load(Sources{Env: enough(`SIGNALBOX_SERVICEBUS_QUEUES=in,hq`, `SIGNALBOX_SOURCES=[{"source":"urn:hq","queue":"hq","format":"business-events",`+row+`}]`)})
	}
	c, err := rows(`"exports":["PricesPublished=prices","Counted=inventory"]`)
	require.NoError(t, err)
	require.Equal(t, map[string]string{"PricesPublished": "signalbox.prices.export.v1", "Counted": "signalbox.inventory.export.v1"}, c.Sources[0].ExportOf())
	for row, says := range map[string]string{
		`"exports":["A=customers"]`:                       `"customers", of "A", is no export; use one of inventory, locations, prices, products`,
		`"exports":["A"]`:                                 "exports (SIGNALBOX_SOURCES): cannot be",
		`"exports":["A=prices"],"statuses":["A=shipped"]`: `"A" is among statuses, too`,
		`"exports":["A=prices"],"channel":"nowhere"`:      `"nowhere" is no row of the channel table`,
	} {
		_, err := rows(row)
		require.ErrorContains(t, err, says)
	}
}
