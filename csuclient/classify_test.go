package csuclient_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/internal/pii"
	"github.com/signalbox/signalbox/orchestration/fault"
)

// shape1 and shape2 are the two envelopes.
func shape1(typ, id string) string {
	return fmt.Sprintf(`{"TypeName":%q,"Exception":%q,"CorrelationId":"5f0c1d2e-0000-4000-8000-000000000001"}`, typ,
		fmt.Sprintf(`{"ErrorResourceId":%q,"LocalizedMessage":"canary-message"}`, id))
}

func shape2(typ, id string) string {
	return fmt.Sprintf(`{"error":{"code":%q,"message":%q}}`, "Microsoft.Dynamics.Commerce.Runtime."+typ,
		fmt.Sprintf(`{"ErrorResourceId":%q,"LocalizedMessage":"canary-message"}`, id))
}

const runtimeID = "Microsoft_Dynamics_Commerce_Runtime_"

func TestWhatEachAnswerMeans(t *testing.T) {
	t.Parallel()
	html := "<html>canary-page</html>"
	for name, tc := range map[string]struct {
		status      int
		body        string
		header      []string
		read, write fault.Kind
		code        string
		result      string
	}{
		"400 says nothing":                 {400, html, nil, fault.Permanent, fault.Permanent, "", "client_error"},
		"412":                              {412, "", nil, fault.Permanent, fault.Permanent, "", "client_error"},
		"413":                              {413, "", nil, fault.Permanent, fault.Permanent, "", "client_error"},
		"422":                              {422, "", nil, fault.Permanent, fault.Permanent, "", "client_error"},
		"403 of a gateway":                 {403, html, nil, fault.Blocked, fault.Blocked, "", "unauthorized"},
		"306 elsewhere":                    {306, "", []string{"Location", "https://canary.test"}, fault.Blocked, fault.Blocked, "", "network"},
		"404 page":                         {404, html, nil, fault.Transient, fault.Ambiguous, "", "server_error"},
		"404 of an API gateway":            {404, `{"statusCode":404,"message":"Resource not found"}`, nil, fault.Transient, fault.Ambiguous, "", "server_error"},
		"404 of the CSU":                   {404, shape1("DataValidationException", "canary-id"), nil, fault.Permanent, fault.Permanent, "", "not_found"},
		"404 of the CSU, type unknown":     {404, shape1("OtherException", "canary-id"), nil, fault.Permanent, fault.Permanent, "", "not_found"},
		"408":                              {408, "", nil, fault.Transient, fault.Ambiguous, "", "timeout"},
		"409":                              {409, "", nil, fault.Conflict, fault.Conflict, "", "conflict"},
		"429":                              {429, "", nil, fault.Throttled, fault.Throttled, "", "throttled"},
		"429 with a body":                  {429, shape1("DataValidationException", runtimeID+"InvalidRequest"), nil, fault.Throttled, fault.Throttled, "InvalidRequest", "throttled"},
		"500 says nothing":                 {500, "", nil, fault.Transient, fault.Ambiguous, "", "server_error"},
		"501":                              {501, "", nil, fault.Transient, fault.Ambiguous, "", "server_error"},
		"502":                              {502, html, nil, fault.Transient, fault.Ambiguous, "", "server_error"},
		"503 without advice":               {503, html, nil, fault.Transient, fault.Ambiguous, "", "server_error"},
		"503 with nonsense":                {503, html, []string{"Retry-After", "soon"}, fault.Transient, fault.Ambiguous, "", "server_error"},
		"503 with Retry-After":             {503, html, []string{"Retry-After", "3"}, fault.Throttled, fault.Ambiguous, "", "throttled"},
		"504":                              {504, html, nil, fault.Transient, fault.Ambiguous, "", "server_error"},
		"hidden fault":                     {500, `{"TypeName":"Microsoft_Dynamics_Internal_Server_Error","Exception":null}`, nil, fault.Transient, fault.Ambiguous, "Microsoft_Dynamics_Internal_Server_Error", "server_error"},
		"hidden fault with 400":            {400, shape1("CommerceException", "Microsoft_Dynamics_Internal_Server_Error"), nil, fault.Transient, fault.Ambiguous, "Microsoft_Dynamics_Internal_Server_Error", "server_error"},
		"a rule with 400":                  {400, shape1("DataValidationException", runtimeID+"InvalidEmailAddress"), nil, fault.Permanent, fault.Permanent, "InvalidEmailAddress", "client_error"},
		"a rule with 500":                  {500, shape1("DataValidationException", runtimeID+"InvalidEmailAddress"), nil, fault.Permanent, fault.Permanent, "InvalidEmailAddress", "client_error"},
		"an extension's rule":              {400, shape2("DataValidationException", "Contoso_canary"), nil, fault.Permanent, fault.Permanent, "", "client_error"},
		"an extension's rule with 500":     {500, shape2("DataValidationException", "Contoso_canary"), nil, fault.Transient, fault.Ambiguous, "", "server_error"},
		"headquarters away":                {500, shape2("CommunicationException", runtimeID+"HeadquarterCommunicationFailure"), nil, fault.Transient, fault.Ambiguous, "HeadquarterCommunicationFailure", "server_error"},
		"headquarters away with 400":       {400, shape1("CommunicationException", runtimeID+"TransactionServiceTimeOut"), nil, fault.Transient, fault.Ambiguous, "TransactionServiceTimeOut", "server_error"},
		"headquarters said no":             {500, shape1("HeadquarterTransactionServiceException", runtimeID+"HeadquarterTransactionServiceMethodCallFailure"), nil, fault.Permanent, fault.Permanent, "HeadquarterTransactionServiceMethodCallFailure", "client_error"},
		"storage, unknown id, 400":         {400, shape1("StorageException", "x"), nil, fault.Transient, fault.Ambiguous, "", "server_error"},
		"stale cart":                       {400, shape2("CartValidationException", runtimeID+"InvalidCartVersion"), nil, fault.Conflict, fault.Conflict, "InvalidCartVersion", "conflict"},
		"storage race":                     {500, shape1("StorageException", runtimeID+"ObjectVersionMismatchError"), nil, fault.Conflict, fault.Conflict, "ObjectVersionMismatchError", "conflict"},
		"there already":                    {400, shape1("DataValidationException", runtimeID+"DuplicateObject"), nil, fault.Conflict, fault.Conflict, "DuplicateObject", "conflict"},
		"not there, with 400":              {400, shape1("DataValidationException", runtimeID+"CustomerNotFound"), nil, fault.Permanent, fault.Permanent, "CustomerNotFound", "not_found"},
		"not permitted":                    {403, shape1("UserAuthorizationException", runtimeID+"AuthorizationFailed"), nil, fault.Blocked, fault.Blocked, "AuthorizationFailed", "unauthorized"},
		"not permitted, with 400, by type": {400, shape2("USERAUTHORIZATIONEXCEPTION", ""), nil, fault.Blocked, fault.Blocked, "", "unauthorized"},
		"unknown channel":                  {400, shape1("ConfigurationException", runtimeID+"InvalidChannel"), nil, fault.Blocked, fault.Blocked, "InvalidChannel", "client_error"},
		"not converted yet":                {400, shape1("DataValidationException", runtimeID+"UpdateAsyncCustomerNotSupported"), nil, fault.Dependency, fault.Dependency, "UpdateAsyncCustomerNotSupported", "conflict"},
		"wrong audience":                   {401, shape1("UserAuthenticationException", runtimeID+"InvalidAudience"), nil, fault.Blocked, fault.Blocked, "InvalidAudience", "unauthorized"},
		"token refused, with 400":          {400, shape1("UserAuthenticationException", runtimeID+"InvalidUserToken"), nil, fault.Blocked, fault.Blocked, "InvalidUserToken", "unauthorized"},
		"inner JSON is none":               {400, `{"TypeName":"DataValidationException","Exception":"canary"}`, nil, fault.Permanent, fault.Permanent, "", "client_error"},
		"inner JSON is not a string":       {400, `{"TypeName":"X","Exception":{"ErrorResourceId":"` + runtimeID + `InvalidCity"}}`, nil, fault.Permanent, fault.Permanent, "InvalidCity", "client_error"},
		"success without sense":            {200, html, nil, fault.Transient, fault.Ambiguous, "", "server_error"},
		"success without an account":       {201, `{}`, nil, fault.Transient, fault.Ambiguous, "", "server_error"},
		"success without a body":           {201, ``, nil, fault.Transient, fault.Ambiguous, "", "server_error"},
		"success of a wrong shape":         {200, `{"AccountNumber":12345}`, nil, fault.Transient, fault.Ambiguous, "", "server_error"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStub(t, false, saysJSON(tc.status, tc.body, append([]string{"x-ms-request-id", "req-1"}, tc.header...)...), nil)
			_, err := s.channel.ReadCustomer(t.Context(), "1")
			f := faultOf(t, tc.read, err)
			require.Equal(t, "Customers.Read", f.Operation)
			require.Equal(t, tc.status, f.Status)
			require.Equal(t, tc.code, f.Code)
			require.Equal(t, "req-1", f.RequestID)
			require.Equal(t, tc.result == csuclient.ResultNotFound, isNotFound(err))
			require.NotContains(t, err.Error(), "canary")
			results := s.seen.results()
			require.Equal(t, "Customers.Read "+tc.result, results[len(results)-1])

			s = newStub(t, false, saysJSON(tc.status, tc.body, tc.header...), nil) // a fresh gate
			_, err = s.channel.CreateCustomer(t.Context(), jane)
			f = faultOf(t, tc.write, err)
			require.Equal(t, tc.code, f.Code)
			if f.Kind == fault.Permanent {
				require.Equal(t, fault.CsuRejected, f.Reason)
			}
			if tc.result == csuclient.ResultThrottled && tc.header != nil {
				require.Equal(t, 3*time.Second, f.Wait)
			}
		})
	}
}

func isNotFound(err error) bool { return fault.As(err).Class == "not_found" }

func TestNoContentOnAReadMeansNotFound(t *testing.T) {
	s := newStub(t, false, saysJSON(204, ""), nil)
	_, err := s.channel.ReadCustomer(t.Context(), "1")
	require.ErrorIs(t, err, csuclient.ErrNotFound)
}

func TestAnUpdateTakesAnySuccess(t *testing.T) {
	for name, tc := range map[string]struct {
		answer http.HandlerFunc
		good   bool
	}{
		"204":             {saysJSON(204, ""), true},
		"200, empty":      {saysJSON(200, ""), true},
		"200, the entity": {saysJSON(200, accountOne), true},
		"200, a page":     {says(200, "text/html", "<html>maintenance</html>"), false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStub(t, false, tc.answer, nil)
			err := s.channel.UpdateCustomer(t.Context(), "1", csuclient.CustomerChanges{FirstName: &jane.FirstName})
			if tc.good {
				require.NoError(t, err)
				return
			}
			requireKind(t, fault.Ambiguous, err)
		})
	}
}

func TestA503ThatANamesAWaitMovesTheGateForAWriteToo(t *testing.T) {
	s := newStub(t, false, saysJSON(503, "", "Retry-After", "120"), nil)
	_, err := s.channel.CreateCustomer(t.Context(), jane)
	requireKind(t, fault.Ambiguous, err)
	_, err = s.channel.ReadCustomer(t.Context(), "1")
	f := faultOf(t, fault.Throttled, err)
	require.InDelta(t, 120, f.Wait.Seconds(), 3)
	require.Len(t, s.received(), 1)
}

func TestAValidationFailureNamesKnownCodesAndMembersOnly(t *testing.T) {
	inner := `{"ErrorResourceId":"` + runtimeID + `AggregateValidationError","ValidationResults":[` +
		`{"ErrorResourceId":"` + runtimeID + `InvalidZipPostalCode","MemberNames":["ZipCode","canary@example.test"],"ErrorContext":"canary"},` +
		`{"ErrorResourceId":"canary","MemberNames":["City"]},` +
		`{"ErrorResourceId":"` + runtimeID + `InvalidCity","MemberNames":null}]}`
	s := newStub(t, false, saysJSON(400, fmt.Sprintf(`{"TypeName":"DataValidationException","Exception":%q}`, inner)), nil)
	_, err := s.channel.CreateCustomer(t.Context(), jane)
	require.EqualError(t, err, "Customers.Create: permanent (CsuRejected): status 400: AggregateValidationError: InvalidZipPostalCode at ZipCode, InvalidCity")
}

func TestASearchAnswerWithoutAListIsNotNoHits(t *testing.T) {
	for _, body := range []string{`{}`, `{"value":null}`, `[]`, `{"status":"ok"}`} {
		s := newStub(t, false, saysJSON(200, body), nil)
		_, err := s.channel.FindCustomersByEmail(t.Context(), jane.Email)
		requireKind(t, fault.Transient, err)
	}
	s := newStub(t, false, saysJSON(200, `{"value":[]}`), nil)
	found, err := s.channel.FindCustomersByEmail(t.Context(), jane.Email)
	require.NoError(t, err)
	require.Empty(t, found)
}

func TestOnlyExactHitsWithAnAccountAreFoundOnceAndInOrder(t *testing.T) {
	s := newStub(t, false, saysJSON(200, `{"value":[
		{"AccountNumber":"3","Email":"Jane@Example.test"}, {"AccountNumber":"1","Email":" jane@example.test "},
		{"AccountNumber":"","Email":"jane@example.test"}, {"AccountNumber":"2","Email":"mary.jane@example.test"},
		{"AccountNumber":"3","Email":"jane@example.test"}, {"AccountNumber":"4","Email":null}]}`), nil)
	found, err := s.channel.FindCustomersByEmail(t.Context(), jane.Email)
	require.NoError(t, err)
	require.Len(t, found, 2)
	require.Equal(t, "1", found[0].AccountNumber)
	require.Equal(t, "3", found[1].AccountNumber)
}

func TestAnAnswerWithoutEndIsNotRead(t *testing.T) {
	endless := func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"AccountNumber":"`))
		for range 1 << 12 {
			if _, err := w.Write(make([]byte, 64<<10)); err != nil {
				return
			}
		}
		t.Error("256 MiB were taken")
	}
	s := newStub(t, false, endless, nil)
	_, err := s.channel.ReadCustomer(t.Context(), "1")
	f := faultOf(t, fault.Transient, err)
	require.Equal(t, "the answer is too large", f.Detail)
	_, err = s.channel.CreateCustomer(t.Context(), jane)
	requireKind(t, fault.Ambiguous, err)
}

func TestABodyThatBreaksOffIsNoSuccess(t *testing.T) {
	torn := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		_, _ = w.Write([]byte(accountOne))
	}
	s := newStub(t, false, torn, nil)
	_, err := s.channel.ReadCustomer(t.Context(), "1")
	requireKind(t, fault.Transient, err)
	_, err = s.channel.CreateCustomer(t.Context(), jane)
	requireKind(t, fault.Ambiguous, err)
	require.Equal(t, []string{"Customers.Read network", "Customers.Create network"}, s.seen.results())
}

func TestCallsThatMakeNoSenseAreNotMade(t *testing.T) {
	s := newStub(t, false, saysJSON(200, accountOne), nil)
	_, read := s.channel.ReadCustomer(t.Context(), "")
	_, find := s.channel.FindCustomersByEmail(t.Context(), pii.NewEmail(" "))
	update := s.channel.UpdateCustomer(t.Context(), "", csuclient.CustomerChanges{FirstName: &jane.FirstName})
	for _, err := range []error{read, find, update} {
		require.Equal(t, fault.Bug, faultOf(t, fault.Permanent, err).Reason)
	}
	require.NoError(t, s.channel.UpdateCustomer(t.Context(), "1", csuclient.CustomerChanges{}))
	require.Empty(t, s.received())
}
