package servicebus

import (
	"bytes"
	"encoding/xml"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzAdministration puts whatever it likes. It is answered with a document and a status that clients know, and a queue or topic
// that was made of it can be shown and put again.
func FuzzAdministration(f *testing.F) {
	for _, description := range []string{
		"", "<LockDuration>PT30S</LockDuration><MaxDeliveryCount>3</MaxDeliveryCount>", "<Status>Disabled</Status><UserMetadata>&lt;x&gt;</UserMetadata>",
		"<DefaultMessageTimeToLive>P1D</DefaultMessageTimeToLive><RequiresDuplicateDetection>true</RequiresDuplicateDetection>",
		`<AuthorizationRules><AuthorizationRule xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:type="SharedAccessAuthorizationRule"><Rights><AccessRights>Send</AccessRights></Rights></AuthorizationRule></AuthorizationRules>`,
		"<MaxMessageSizeInKilobytes>102400</MaxMessageSizeInKilobytes><CountDetails/><CreatedAt>x</CreatedAt>",
	} {
		f.Add("q", "", "<entry><content><QueueDescription>"+description+"</QueueDescription></content></entry>")
	}
	f.Add("t", "*", "<entry><content><TopicDescription/></content></entry>")
	f.Add("t", "", "<entry><content><TopicDescription><DefaultMessageTimeToLive>P1D</DefaultMessageTimeToLive></TopicDescription></content></entry>")
	f.Add("t/Subscriptions/s", "", "<entry><content><SubscriptionDescription/></content></entry>")
	f.Add("t/Subscriptions/s/Rules/r", "", `<entry><content><RuleDescription><Filter xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:type="CorrelationFilter"><Label>x</Label></Filter></RuleDescription></content></entry>`)
	f.Fuzz(func(t *testing.T, name, ifMatch, body string) {
		b, err := New(Options{})
		require.NoError(t, err)
		defer b.Close()
		ask := func(method, ifMatch string, body []byte) *httptest.ResponseRecorder {
			r := httptest.NewRequest(method, "http://host/", bytes.NewReader(body))
			r.URL.Path = "/" + name
			r.Header.Set("Authorization", "x")
			if ifMatch != "" {
				r.Header.Set("If-Match", ifMatch)
			}
			w := httptest.NewRecorder()
			b.AdministrationHandler().ServeHTTP(w, r)
			return w
		}
		w := ask(http.MethodPut, ifMatch, []byte(body))
		var document struct{ XMLName xml.Name }
		require.Contains(t, []int{200, 201, 400, 404, 501, 503}, w.Code)
		if w.Header().Get("Content-Type") != "application/json" { // the health, which has nothing to do with queues
			require.NoError(t, xml.Unmarshal(w.Body.Bytes(), &document), w.Body.String())
		}
		if w.Code != http.StatusCreated {
			require.Empty(t, append(b.Queues(), b.Topics()...))
			return
		}
		shown := ask(http.MethodGet, "", nil)
		require.Equal(t, http.StatusOK, shown.Code)
		again := ask(http.MethodPut, "*", shown.Body.Bytes())
		require.Equal(t, http.StatusOK, again.Code, again.Body.String())
		require.Equal(t, http.StatusConflict, ask(http.MethodPut, "", shown.Body.Bytes()).Code)
	})
}
