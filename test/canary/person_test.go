package canary

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/app"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/test/harness"
	"github.com/signalbox/signalbox/worker"
)

// mark is in every personal value, in one case or another; digits are in every phone number.
const (
	mark    = "kanari"
	digits  = "4255558642097"
	changed = "signalbox.customer.changed.v1"
)

func email(of string) string { return "Kanari." + of + "@example.com" }

func person(id string) map[string]any {
	return map[string]any{"id": id, "email": email(id), "firstName": "Zoë Kanari", "middleName": "Åsa kanari",
		"lastName": "Kanariø", "phone": "+1" + digits, "addresses": []any{address("SWE")}}
}

func address(country string) map[string]any {
	return map[string]any{"name": "Kanari Höfe", "street": "Kanarigatan Ö", "streetNumber": "7-kanari", "city": "Kanariköping", "district": "Kanari Süd",
		"county": "kanariå", "state": "KANARI", "zip": "KANARI 9", "phone": "+1" + digits, "country": country, "primary": true}
}

func with(data map[string]any, member string, value any) map[string]any {
	data[member] = value
	return data
}

func without(data map[string]any, member string) map[string]any {
	delete(data, member)
	return data
}

func encoded(t testing.TB, data map[string]any) []byte {
	body, err := json.Marshal(data)
	require.NoError(t, err)
	return body
}

// publish sends an event that changes makes worse before it goes.
func (r *run) publish(kind string, body []byte, changes ...func(*worker.Message)) {
	m := app.Message(orchestration.Event{Source: harness.Source, ID: uuid.NewString(), Type: kind, Time: time.Now(), Data: body})
	for _, change := range changes {
		change(&m)
	}
	r.w.Send(m)
}

// nosy marks what a producer is free to choose and should not have chosen so.
func nosy(m *worker.Message) {
	m.ID, m.Subject = "message of "+email("nosy"), email("nosy")
	m.Properties["cloudEvents_id"] = "order of " + email("nosy")
	m.Properties["cloudEvents_subject"] = email("nosy")
	m.Properties["x-customer"] = "Zoë Kanari"
	m.Properties["Kanari"] = "x"
}

// echo is a CSU, or something in front of it, that repeats what it was sent in every place of a refusal.
type echo struct{ next http.RoundTripper }

func (e echo) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := e.next.RoundTrip(r)
	if err != nil || answer.StatusCode < 400 || r.GetBody == nil || r.URL.Path[len(r.URL.Path)-5:] == "token" {
		return answer, err
	}
	_ = answer.Body.Close()
	body, err := r.GetBody()
	if err != nil {
		return nil, err
	}
	sent, err := io.ReadAll(body)
	if err != nil {
		return nil, err
	}
	said, err := json.Marshal(map[string]any{"ErrorResourceId": "Kanari", "LocalizedMessage": string(sent), "ValidationResults": []any{map[string]any{
		"ErrorContext": string(sent), "ErrorResourceId": "Microsoft_Dynamics_Commerce_Runtime_InvalidCountryRegion", "MemberNames": []string{"Kanari", "City"},
		"LocalizedMessage": string(sent)}}})
	if err != nil {
		return nil, err
	}
	refusal, err := json.Marshal(map[string]string{"TypeName": email("type"), "Exception": string(said), "CorrelationId": email("correlation")})
	if err != nil {
		return nil, err
	}
	answer.Body, answer.ContentLength = io.NopCloser(bytes.NewReader(refusal)), int64(len(refusal))
	answer.Header.Set("x-ms-request-id", email("request"))
	return answer, nil
}
