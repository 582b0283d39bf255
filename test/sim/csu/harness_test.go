package csu

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// pipes is a listener without a network, so that server and client fit inside a testing/synctest bubble.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { close(p.done); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p *pipes) dial(ctx context.Context) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case p.conns <- there:
		return here, nil
	case <-p.done:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// client calls a simulator as Signalbox would: with a token and a channel.
type client struct {
	t      *testing.T
	sim    *Simulator
	base   string
	http   *http.Client
	header http.Header
}

// answerOf is an answer read to its end; status 0 says that there was none.
type answerOf struct {
	status int
	header http.Header
	body   map[string]any
	raw    string
	err    error
}

// overPipe serves the simulator over net.Pipe until the test ends.
func overPipe(t *testing.T, opts Options) *client {
	t.Helper()
	p := &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return p.dial(ctx) }}
	return connect(t, opts, p, transport, "http://csu.test")
}

// overSocket serves it over TCP.
func overSocket(t *testing.T, opts Options) *client {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	return connect(t, opts, l, &http.Transport{}, "http://"+l.Addr().String())
}

func connect(t *testing.T, opts Options, l net.Listener, transport *http.Transport, base string) *client {
	t.Helper()
	sim := New(opts)
	server := &http.Server{Handler: sim.Handler()}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	t.Cleanup(func() {
		sim.Close()
		transport.CloseIdleConnections()
		_ = server.Close()
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("serve: %v", err)
		}
	})
	c := &client{t: t, sim: sim, base: base, http: &http.Client{Transport: transport}}
	c.header = http.Header{"Oun": {DefaultOUN}, "Content-Type": {"application/json"}, "Authorization": {"id_token " + c.token()}}
	return c
}

func (c *client) token() string {
	c.t.Helper()
	a := c.form("/contoso/oauth2/token", "resource", c.base)
	require.Equal(c.t, 200, a.status, a.raw)
	return a.body["access_token"].(string)
}

// form asks the token endpoint with the default client; more fields follow in pairs and win.
func (c *client) form(path string, pairs ...string) answerOf {
	form := url.Values{
		"grant_type": {"client_credentials"}, "client_id": {DefaultClientID}, "client_secret": {DefaultClientSecret},
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return c.send(context.Background(), "POST", path, form.Encode(), http.Header{"Content-Type": {"application/x-www-form-urlencoded"}})
}

// do calls an operation under /Commerce; header overrides follow in pairs, an empty value removes one.
func (c *client) do(method, path, body string, pairs ...string) answerOf {
	return c.doContext(context.Background(), method, path, body, pairs...)
}

func (c *client) doContext(ctx context.Context, method, path, body string, pairs ...string) answerOf {
	header := c.header.Clone()
	for i := 0; i+1 < len(pairs); i += 2 {
		header.Set(pairs[i], pairs[i+1])
		if pairs[i+1] == "" {
			header.Del(pairs[i])
		}
	}
	return c.send(ctx, method, "/Commerce/"+path, body, header)
}

func (c *client) send(ctx context.Context, method, path, body string, header http.Header) answerOf {
	c.t.Helper()
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, strings.NewReader(body))
	require.NoError(c.t, err)
	req.Header = header
	resp, err := c.http.Do(req)
	if err != nil {
		return answerOf{err: err}
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	a := answerOf{status: resp.StatusCode, header: resp.Header, raw: string(raw), err: err}
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json") {
		d := json.NewDecoder(bytes.NewReader(raw))
		d.UseNumber()
		require.NoError(c.t, d.Decode(&a.body), a.raw)
	}
	return a
}

func (c *client) create(body string, pairs ...string) answerOf {
	return c.do("POST", "Customers", body, pairs...)
}

func (c *client) patch(account, body string, pairs ...string) answerOf {
	return c.do("PATCH", "Customers('"+account+"')", body, pairs...)
}

func (c *client) read(account string) Customer {
	c.t.Helper()
	a := c.do("GET", "Customers('"+account+"')", "")
	require.Equal(c.t, 200, a.status, a.raw)
	return a.body
}

func (c *client) search(field, term string) answerOf {
	return c.do("POST", "Customers/SearchByFields?$top=5",
		`{"CustomerSearchByFieldCriteria":{"Criteria":[{"SearchTerm":"`+term+`","SearchField":{"Name":"`+field+`"}}],"DataLevelValue":1}}`)
}

// found lists the accounts of a search.
func (c *client) found(field, term string) []string {
	c.t.Helper()
	a := c.search(field, term)
	require.Equal(c.t, 200, a.status, a.raw)
	accounts := []string{}
	for _, row := range entries(a.body, "value") {
		accounts = append(accounts, str(row, "AccountNumber"))
	}
	return accounts
}

func (c *client) inject(f Fault) string {
	c.t.Helper()
	id, err := c.sim.Inject(f)
	require.NoError(c.t, err)
	return id
}

// errorID is the short resource id inside either envelope.
func (a answerOf) errorID() string {
	text := str(a.body, "Exception")
	if inner, ok := a.body["error"].(map[string]any); ok {
		text = str(inner, "message")
	}
	var exception struct{ ErrorResourceId string }
	_ = json.Unmarshal([]byte(text), &exception)
	return strings.TrimPrefix(exception.ErrorResourceId, runtimeID)
}

// validationIDs are the short ids of an aggregate's results.
func (a answerOf) validationIDs() []string {
	var exception struct {
		ValidationResults []struct{ ErrorResourceId string }
	}
	_ = json.Unmarshal([]byte(str(a.body, "Exception")), &exception)
	ids := []string{}
	for _, r := range exception.ValidationResults {
		ids = append(ids, strings.TrimPrefix(r.ErrorResourceId, runtimeID))
	}
	return ids
}

const ana = `{"FirstName":"Ana","LastName":"Example","Email":"Ana@Example.test"}`
