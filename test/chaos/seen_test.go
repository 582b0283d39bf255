package chaos

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/orchestration/fault"
	"github.com/signalbox/signalbox/test/harness"
	"github.com/signalbox/signalbox/test/sim/csu"
)

// TestTheTableSeesWhatIsWrong: a table of zeros is worth something only if each column can be another number.
func TestTheTableSeesWhatIsWrong(t *testing.T) {
	t.Parallel()
	f := start(t, setup{workers: 1})
	l := newLoad(t, 1, 40, false)
	f.publish(l.messages)
	f.exports()
	require.True(t, until(patience, func() bool { return f.waiting() == 0 }))
	require.Equal(t, verdict{poison: 5, explained: 5}, f.judge(l, false))

	emails := slices.Sorted(maps.Keys(l.states))
	otherwise := func(change func(l *load)) verdict {
		changed := load{states: maps.Clone(l.states), sales: slices.Clone(l.sales), products: slices.Clone(l.products), poison: maps.Clone(l.poison)}
		change(&changed)
		v := f.judge(changed, false)
		require.NotEmpty(t, v.details)
		v.details = nil
		return v
	}
	require.Equal(t, verdict{lost: 1, poison: 5, explained: 5}, otherwise(func(l *load) { l.states["nobody@example.com"] = []harness.Customer{customer(7777, 0)} }), "no account")
	require.Equal(t, verdict{lost: 1, poison: 5, explained: 5}, otherwise(func(l *load) {
		l.states[emails[0]] = append(slices.Clone(l.states[emails[0]]), customer(0, 9))
	}), "an older state")
	require.Equal(t, verdict{doubled: 1, poison: 5, explained: 5}, otherwise(func(l *load) { delete(l.states, emails[0]) }), "an account that nobody asked for")
	require.Equal(t, verdict{lost: 1, poison: 5, explained: 5}, otherwise(func(l *load) { l.sales = append(l.sales, sale{number: 7777}) }), "no sales order")
	require.Equal(t, verdict{doubled: 1, poison: 5, explained: 5}, otherwise(func(l *load) { l.sales = l.sales[1:] }), "a sales order that nobody asked for")
	require.Equal(t, verdict{lost: 1, poison: 5, explained: 5}, otherwise(func(l *load) { l.sales[0].customer = customer(7777, 0) }), "a sales order of somebody else")
	require.Equal(t, verdict{lost: 1, poison: 5, explained: 5}, otherwise(func(l *load) { l.products = append(l.products, "7777") }), "a product that the shop has not")
	require.Equal(t, verdict{doubled: 1, poison: 5, explained: 5}, otherwise(func(l *load) { l.products = l.products[1:] }), "a product that nobody sells")
	require.Equal(t, verdict{poison: 4, explained: 4, unexplained: 1}, otherwise(func(l *load) { delete(l.poison, "poison-0001") }), "a healthy event's dead letter")
	require.Equal(t, verdict{poison: 5, explained: 4, unexplained: 2}, otherwise(func(l *load) { l.poison["poison-0001"] = ailment{reason: fault.Expired} }), "the wrong reason")

	f.create(emails[0])
	require.Equal(t, verdict{doubled: 1, poison: 5, explained: 5}, otherwise(func(*load) {}), "two accounts")
	for _, p := range f.running {
		p.kill(t)
	}
	f.publish(newLoad(t, 3, 20, true).messages[:1])
	require.Positive(t, otherwise(func(*load) {}).lost, "a message that waits")
}

// create makes an account behind the fleet's back.
func (f *fleet) create(email string) {
	web := "http://" + f.toCSU.Addr()
	resp, err := f.http.PostForm(web+"/contoso/oauth2/token", url.Values{"grant_type": {"client_credentials"}, "client_id": {csu.DefaultClientID},
		"client_secret": {csu.DefaultClientSecret}, "resource": {web}})
	require.NoError(f.t, err)
	var token struct {
		AccessToken string `json:"access_token"`
	}
	require.NoError(f.t, json.NewDecoder(resp.Body).Decode(&token))
	require.NoError(f.t, resp.Body.Close())
	r, err := http.NewRequestWithContext(f.t.Context(), http.MethodPost, web+"/Commerce/Customers", strings.NewReader(`{"FirstName":"Jane","LastName":"Contoso","Email":"`+email+`"}`))
	require.NoError(f.t, err)
	r.Header = http.Header{"Authorization": {"id_token " + token.AccessToken}, "Oun": {csu.DefaultOUN}, "Content-Type": {"application/json"}}
	resp, err = f.http.Do(r)
	require.NoError(f.t, err)
	require.NoError(f.t, resp.Body.Close())
	require.Equal(f.t, http.StatusCreated, resp.StatusCode)
}
