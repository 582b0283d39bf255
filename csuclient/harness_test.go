package csuclient_test

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/internal/secret"
)

// stub is a CSU of one handler, with a token endpoint beside it, on a socket.
type stub struct {
	server  *httptest.Server
	client  *csuclient.Client
	channel *csuclient.Channel
	seen    *watcher

	mu    sync.Mutex
	calls []received
}

// received is a request to the CSU as it came.
type received struct {
	method, uri string
	header      http.Header
	body        string
}

const stubSecret, stubToken = "canary-secret-7", "canary-token-7"

// newStub serves answer under /Commerce. Options may be changed once the addresses are known.
func newStub(t *testing.T, withTLS bool, answer http.HandlerFunc, change func(*csuclient.Options)) *stub {
	t.Helper()
	s := &stub{seen: &watcher{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /tenant/oauth2/token", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"token_type":"Bearer","expires_in":"3599","access_token":%q}`, stubToken)
	})
	mux.HandleFunc("/Commerce/", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		s.mu.Lock()
		s.calls = append(s.calls, received{r.Method, r.RequestURI, r.Header.Clone(), string(body)})
		s.mu.Unlock()
		answer(w, r)
	})
	s.server = httptest.NewUnstartedServer(mux)
	s.server.Config.ErrorLog = log.New(io.Discard, "", 0) // refused handshakes are what some tests want
	if withTLS {
		s.server.EnableHTTP2 = true // offered, not taken
		s.server.StartTLS()
	} else {
		s.server.Start()
	}
	t.Cleanup(s.server.Close)
	o := csuclient.Options{
		BaseURL: s.server.URL, TokenURL: s.server.URL + "/tenant/oauth2/token", ClientID: "client", ClientSecret: secret.New(stubSecret),
		Resource: "https://csu.test", Observer: s.seen,
	}
	if withTLS {
		o.RootCAs = s.server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	}
	if change != nil {
		change(&o)
	}
	var err error
	s.client, err = csuclient.New(o)
	require.NoError(t, err)
	t.Cleanup(s.client.Close)
	s.channel = s.client.Channel("HOUSTON")
	return s
}

func (s *stub) received() []received {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]received(nil), s.calls...)
}

// says answers always the same.
func says(status int, contentType, body string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func saysJSON(status int, body string, header ...string) http.HandlerFunc {
	return says(status, "application/json", body, header...)
}

const accountOne = `{"@odata.context":"x","AccountNumber":"000001","Email":"jane@example.test"}`
