package fieldmap

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/orchestration/fault"
)

// modes is a value map that refuses what it does not know.
type modes map[string]string

func (m modes) Value(_, from string) (string, bool) {
	to, ok := m[from]
	return to, ok
}

func (m modes) Names() []string { return []string{"delivery-mode"} }

func mapping(expression string, of ValuesOf) (*Map, error) {
	return Parse("map.yaml", []byte("source: crm\ntype: t\nid: '\"1\"'\ntime: $enqueued\ndata:\n  mode: "+expression+"\n"), Limits{}, of)
}

func TestAValueIsTranslatedAndOneThatIsNotKnownIsRefusedWithoutBeingTold(t *testing.T) {
	t.Parallel()
	var asked string
	of := func(source string) Values {
		asked = source
		return modes{"standard": "99", "7": "11"}
	}
	m, err := mapping(`.mode | mapped("delivery-mode")`, of)
	require.NoError(t, err)
	require.Equal(t, "crm", asked, "the map says whose values they are")
	for row, want := range map[string]string{`{"mode":" standard "}`: `{"mode":"99"}`, `{"mode":7}`: `{"mode":"11"}`, `{"mode":null}`: `{}`, `{"mode":" "}`: `{}`} {
		ev, err := m.Make(Row{JSON: json.RawMessage(row)})
		require.NoError(t, err, row)
		require.JSONEq(t, want, string(ev.Data))
	}
	_, err = m.Make(Row{JSON: json.RawMessage(`{"mode":"Ana Lima, ana@contoso.example"}`)})
	var f *Failed
	require.ErrorAs(t, err, &f)
	require.Equal(t, []Failure{{"/data/mode", "mapped", "the value map delivery-mode has no row for text of 29 characters"}}, f.Failures)
	require.Equal(t, fault.SchemaInvalid, fault.As(err).Reason)
	require.NotContains(t, errors.Unwrap(err).Error(), "Ana")
	_, err = m.Make(Row{JSON: json.RawMessage(`{"mode":["standard"]}`)})
	require.ErrorContains(t, err, "a list of 1")

	m, err = mapping(`.mode | mapped("delivery-mode")? // "99"`, of)
	require.NoError(t, err)
	ev, err := m.Make(Row{JSON: json.RawMessage(`{"mode":"by balloon"}`)})
	require.NoError(t, err)
	require.JSONEq(t, `{"mode":"99"}`, string(ev.Data))
}

func TestAValueMapThatIsNotThereFailsWhenTheFieldMapIsRead(t *testing.T) {
	t.Parallel()
	of := func(string) Values { return modes{} }
	_, err := mapping(`.mode | mapped("unit")`, of)
	require.EqualError(t, err, `line 6, data.mode: calls mapped("unit"), which is no value map of this source; name one of delivery-mode`)
	_, err = mapping(`.mode | mapped(.map)`, of)
	require.EqualError(t, err, `line 6, data.mode: calls mapped with a name that is computed; write it out: mapped("delivery-mode")`)
	for _, none := range []ValuesOf{nil, func(string) Values { return nil }} {
		_, err = mapping(`.mode | mapped("unit")`, none)
		require.ErrorContains(t, err, "this source has no value maps")
	}
	_, err = Compile("when", `.mode | mapped("unit")`, Limits{})
	require.ErrorContains(t, err, "this source has no value maps")
}
