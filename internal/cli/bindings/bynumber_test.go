package bindings_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/internal/cli/bindings"
	"github.com/signalbox/signalbox/internal/secret"
	"github.com/signalbox/signalbox/mapping"
	"github.com/signalbox/signalbox/orchestration"
)

// shelf is a CSU on a socket that sells some items, A and B unless told otherwise, and refuses a look-up in which one is not there.
type shelf struct {
	client *csuclient.Client
	number string // of each product, after its item; empty: it says none
	calls  atomic.Int64
}

func newShelf(t *testing.T) *shelf {
	t.Helper()
	s := &shelf{}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	var err error
	s.client, err = csuclient.New(csuclient.Options{BaseURL: server.URL, TokenURL: server.URL + "/token", Resource: server.URL, AllowPlainHTTP: true, ClientID: "c", ClientSecret: secret.New("s")})
	require.NoError(t, err)
	t.Cleanup(s.client.Close)
	return s
}

// ServeHTTP implements http.Handler.
func (s *shelf) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	row := func(item string) string {
		number := ""
		if s.number != "" {
			number = fmt.Sprintf(`,"ProductNumber":%q`, s.number+item)
		}
		return fmt.Sprintf(`{"RecordId":%d,"ItemId":%q,"ProductTypeValue":4%s}`, item[0], item, number)
	}
	w.Header().Set("Content-Type", "application/json")
	switch {
	case r.URL.Path == "/token":
		_, _ = io.WriteString(w, `{"token_type":"Bearer","expires_in":"3599","access_token":"t"}`)
		return
	case strings.HasSuffix(r.URL.Path, "/GetOrgUnitConfiguration"):
		_, _ = io.WriteString(w, `{"RecordId":1,"ChannelNaturalId":"us"}`)
	case strings.HasSuffix(r.URL.Path, "/GetByLookupClauses"):
		var asked struct {
			Clauses []struct {
				ItemID string `json:"ItemId"`
			} `json:"productLookupClauses"`
		}
		_ = json.Unmarshal(body, &asked)
		var rows []string
		for _, c := range asked.Clauses {
			if c.ItemID != "A" && c.ItemID != "B" {
				w.WriteHeader(http.StatusNotFound)
				_, _ = io.WriteString(w, `{"ErrorResourceId":"Microsoft_Dynamics_Commerce_Runtime_ProductNotFound","TypeName":"DataValidationException"}`)
				s.calls.Add(1)
				return
			}
			rows = append(rows, row(c.ItemID))
		}
		_, _ = io.WriteString(w, `{"value":[`+strings.Join(rows, ",")+`]}`)
	case strings.HasSuffix(r.URL.Path, "/Search"):
		_, _ = io.WriteString(w, `{"value":[`+row("A")+`]}`)
	default:
		_, _ = io.WriteString(w, `{"value":[]}`)
	}
	s.calls.Add(1)
}

// Ask implements bindings.Unit.
func (s *shelf) Ask(ctx context.Context, ch orchestration.Channel, _ int, ask func(context.Context, *csuclient.Channel) error) error {
	return ask(ctx, s.client.Channel(ch.Name))
}

// rebuild answers products of those numbers.
func (s *shelf) rebuild(t *testing.T, asked ...string) (said []string) {
	t.Helper()
	var rows strings.Builder
	for _, number := range asked {
		fmt.Fprintf(&rows, `{"kind":"product","scope":"default/usrt","source":"pim","id":"1%s","product_number":%q}`+"\n", number, number)
	}
	_, err := bindings.Rebuild{In: strings.NewReader(rows.String()), To: newTable(), CSU: s, Places: bindings.Places(mapping.KindNames(), channels), Channels: channels,
		Answer: func(a bindings.Answered) { said = append(said, a.String()) }}.Run(t.Context())
	require.NoError(t, err)
	return said
}

func TestAnItemIsNoNumberWhereTheCSUSaysNone(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{
		"line 1: product 1A of pim: cannot: the CSU does not say what numbers its products have; the item of that name is product 65: give that as record_id if it is meant",
	}, newShelf(t).rebuild(t, "A"))
}

func TestALookUpThatIsRefusedForOneItemIsMadeByHalves(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	s.number = "N"
	require.Equal(t, []string{
		"line 1: product 1A of pim: not found: channel us has no product of that number in its assortment",
		"line 2: product 1X of pim: not found: channel us has no product of that number in its assortment",
		"line 3: product 1NA of pim: bound 65",
	}, s.rebuild(t, "A", "X", "NA"), "the item A has the number NA")
	require.EqualValues(t, 1+1+1+1+1+1+2, s.calls.Load(), "the channel, all three, A, both others, X, NA, and a search for each that is not found")
}
