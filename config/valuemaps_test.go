package config

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const mappedMap = "type: signalbox.customer.changed.v1\nid: .no\ntime: .at\ndata: {id: '.no | tostring', unit: '.unit | mapped(\"unit\")'}\n"

func TestTheTableOfValueMapsIsReadForTheFieldMapsOfEachSource(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string]string{"crm.yaml": mappedMap, "units.csv": "from,to\npcs,ea\n", "crm-units.yaml": "pcs: pcs\npieces: pcs\n", "c.yaml": `
value_maps:
  - {kind: unit, file: units.csv, unknown: pass}
  - {kind: unit, source: https://crm.example, file: crm-units.yaml, one_way: true, unknown: =ea}
sources:
  - {source: https://crm.example, field_map: crm.yaml}
  - {source: https://shop.example, field_map: crm.yaml}
`})
	c, err := Load(Sources{File: filepath.Join(dir, "c.yaml"), Env: enough()})
	require.NoError(t, err)
	require.NoError(t, c.Check())
	require.NotSame(t, c.Map(c.Sources[0]), c.Map(c.Sources[1]), "one file, and each source's own value maps")
	for source, want := range map[string]map[string]string{
		"https://crm.example":  {"pcs": "pcs", "pieces": "pcs", "box": "ea"},
		"https://shop.example": {"pcs": "ea", "box": "box"},
	} {
		for from, to := range want {
			got, ok := c.Values().Of(source).Value("unit", from)
			require.True(t, ok)
			require.Equal(t, to, got)
		}
	}
}

func TestEveryProblemOfAValueMapIsReportedAtOnce(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string]string{"good.csv": "from,to\na,1\n", "bad.csv": "from,to\na,1\na,2\nb,1\nc,\n", "map.yaml": mappedMap})
	at := func(name string) string { return filepath.Join(dir, name) }
	_, err := Load(Sources{Env: enough(fmt.Sprintf(`SIGNALBOX_VALUE_MAPS=[{"kind":"unit","file":%q},{"kind":"tulip","file":%q,"unknown":"="},{"name":"unit","kind":"reason","file":%q},{"kind":"store"},{"name":"a b","kind":"store","file":%q}]`,
		at("bad.csv"), at("good.csv"), at("good.csv"), at("none.csv")),
		fmt.Sprintf(`SIGNALBOX_SOURCES=[{"source":"crm","field_map":%q}]`, at("map.yaml")))})
	const from = " (SIGNALBOX_VALUE_MAPS): "
	try := "; then try: signalbox valuemap check"
	require.Equal(t, []string{
		"value_maps[3].file" + from + `is missing; set it: its rows: CSV with the columns from and to (and note, for people), or YAML with a line for each, standard: "99"`,
		"value_maps[0].file" + from + at("bad.csv") + `: line 3: "a" is "2" here and "1" in line 2; keep one of the two` + try,
		"value_maps[0].file" + from + at("bad.csv") + `: line 4: "b" is "1", and so is "a" in line 2: nobody could tell it back; keep one of the two, or set one_way if several values of the source mean the same` + try,
		"value_maps[0].file" + from + at("bad.csv") + `: line 5: says nothing for "c"; write what D365 calls it into to, or take the row out` + try,
		"value_maps[1].kind" + from + `"tulip" is no kind of what is mapped; use one of customer, order, return, product, category, store, warehouse, delivery-mode, payment-method, currency, unit, reason, country`,
		"value_maps[1].unknown" + from + `"=" cannot be; set it to refuse, pass, or = and a value, such as =99`,
		"value_maps[2].name" + from + `is what another row of all sources is called too: "unit"; give each a name of its own`,
		"value_maps[4].name" + from + "is no plain name; use letters, digits, dots and dashes, at most 63",
		"value_maps[4].file" + from + at("none.csv") + " cannot be read: no such file or directory; name a value map that this process can read",
	}, strings.Split(err.Error(), "\n"), "and the field map is not told that its value map is not there")
}
