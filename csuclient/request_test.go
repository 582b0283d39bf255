package csuclient_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/internal/pii"
)

func contextWithTimeout(t *testing.T, d time.Duration) (context.Context, context.CancelFunc) {
	t.Helper()
	return context.WithTimeout(t.Context(), d)
}

func TestWhatGoesOverTheWire(t *testing.T) {
	s := newStub(t, false, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/Commerce/Customers/SearchByFields" {
			saysJSON(200, `{"value":[]}`)(w, r)
			return
		}
		saysJSON(200, accountOne)(w, r)
	}, nil)
	correlation := uuid.NewString()
	ctx := csuclient.WithCall(t.Context(), csuclient.Call{CorrelationID: correlation, Lane: csuclient.LaneBulk})
	_, err := s.channel.FindCustomersByEmail(ctx, jane.Email)
	require.NoError(t, err)
	_, err = s.channel.CreateCustomer(ctx, csuclient.Customer{AccountNumber: "ignored", Type: csuclient.Person, LastName: jane.LastName, Email: jane.Email})
	require.NoError(t, err)
	_, err = s.channel.ReadCustomer(ctx, "0'1/2")
	require.NoError(t, err)
	empty := pii.New("")
	require.NoError(t, s.channel.UpdateCustomer(ctx, "1", csuclient.CustomerChanges{
		LastName: &jane.LastName, MiddleName: &empty,
		Addresses: []csuclient.Address{{RecordID: 7, Deactivate: true}}, Contacts: []csuclient.Contact{{RecordID: 8, Type: csuclient.EmailContact}},
	}))
	require.NoError(t, s.client.Probe(csuclient.WithCall(t.Context(), csuclient.Call{CorrelationID: "jane@example.test"})))

	got := s.received()
	require.Len(t, got, 5)
	ids := map[string]bool{}
	for i, r := range got {
		require.Equal(t, "id_token "+stubToken, r.header.Get("Authorization"))
		require.NoError(t, uuid.Validate(r.header.Get("RequestId")))
		ids[r.header.Get("RequestId")] = true
		require.Equal(t, i != 4, r.header.Get("OUN") == "HOUSTON")
		require.Equal(t, i != 4, r.header.Get("AppSessionId") == correlation)
		require.Equal(t, i == 1 || i == 3, r.header.Get("Prefer") == "return=representation")
		require.Equal(t, r.body != "", r.header.Get("Content-Type") == "application/json")
	}
	require.Empty(t, got[4].header.Get("AppSessionId"), "only a GUID is sent")
	require.Len(t, ids, 5, "a fresh id for each attempt")

	require.Equal(t, "POST /Commerce/Customers/SearchByFields?api-version=7.3&$top=20", got[0].method+" "+got[0].uri)
	require.JSONEq(t, `{"CustomerSearchByFieldCriteria":{"Criteria":[{"SearchTerm":"jane@example.test","SearchField":{"Name":"Email","Value":3}}],"DataLevelValue":1}}`, got[0].body)
	require.Equal(t, "POST /Commerce/Customers?api-version=7.3", got[1].method+" "+got[1].uri)
	require.JSONEq(t, `{"AccountNumber":"","CustomerTypeValue":1,"LastName":"O'Hara","Email":"jane@example.test","Addresses":[],"Contacts":[]}`, got[1].body)
	require.Equal(t, "GET /Commerce/Customers('0%27%271%2F2')?api-version=7.3", got[2].method+" "+got[2].uri)
	require.Equal(t, "PATCH /Commerce/Customers('1')?api-version=7.3", got[3].method+" "+got[3].uri)
	require.JSONEq(t, `{"AccountNumber":"1","MiddleName":"","LastName":"O'Hara",
		"Addresses":[{"RecordId":7,"Name":"","Street":"","StreetNumber":"","City":"","DistrictName":"","County":"","State":"","ZipCode":"",
			"ThreeLetterISORegionName":"","Phone":"","AddressTypeValue":0,"IsPrimary":false,"Deactivate":true}],
		"Contacts":[{"RecordId":8,"AddressTypeValue":2,"Value":"","IsPrimary":false,"IsMobilePhone":false,"IsOptedInMarketing":false}]}`, got[3].body)
	require.Equal(t, "GET /Commerce/GetEnvironmentConfiguration()?api-version=7.3", got[4].method+" "+got[4].uri)
	require.Equal(t, csuclient.LaneBulk, s.seen.requests[0].Lane)
	require.Equal(t, correlation, s.seen.requests[0].CorrelationID)
}

func TestTheBaseURLMayBeAHostOrTheServiceRoot(t *testing.T) {
	for _, end := range []string{"", "/", "/Commerce", "/Commerce/"} {
		s := newStub(t, false, saysJSON(200, `{"EnvironmentId":"e1","BaseVersion":"9.56"}`), func(o *csuclient.Options) { o.BaseURL += end })
		env, err := s.channel.ReadEnvironment(t.Context())
		require.NoError(t, err)
		require.Equal(t, csuclient.Environment{ID: "e1", Version: "9.56"}, env)
		require.Equal(t, "/Commerce/GetEnvironmentConfiguration()?api-version=7.3", s.received()[0].uri)
	}
}

func TestOptionsReportEveryProblemAndNoValue(t *testing.T) {
	_, err := csuclient.New(csuclient.Options{
		BaseURL: "http://canary.test", TokenURL: "https://canary:secret@login.test/token", Resource: "a", Scope: "b",
		Scheme: "two words", ReadTimeout: -1, WriteTimeout: -1, MaxWait: -1, MaxConns: -1,
	})
	require.Error(t, err)
	for _, field := range []string{"BaseURL: must be https", "TokenURL: must not contain credentials", "ClientID", "ClientSecret", "Resource, Scope", "Scheme",
		"ReadTimeout", "WriteTimeout", "MaxWait", "MaxConns"} {
		require.ErrorContains(t, err, field)
	}
	require.NotContains(t, err.Error(), "canary")
	for _, url := range []string{"", "csu.test", "ftp://csu.test", "https://csu.test?x=1", "https://csu.test#x", ":"} {
		require.ErrorContains(t, csuclient.Options{BaseURL: url}.Validate(), "BaseURL")
	}
}
