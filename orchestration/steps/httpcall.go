package steps

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/signalbox/signalbox/internal/httpout"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
)

// How a call that may have arrived is treated.
const (
	ByKey = "by_key" // the system knows a repeat by the key and takes it as the same: it is asked again
	Never = "never"  // it does not: what is in doubt goes to a person
)

// maxAnswer is how much of an answer is read, in bytes.
const maxAnswer = 64 << 10

var (
	methods    = []string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodGet}
	headerName = regexp.MustCompile(`^[A-Za-z0-9-]{1,64}$`)
	ours       = []string{"host", "content-length", "content-type", "transfer-encoding", "connection", "user-agent", "accept", "te", "trailer", "upgrade"}
	keepable   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$`)
)

// caller is an http-call.
type caller struct {
	o      Options
	client *httpout.Client
	host   string

	query, body, refuseIf, keep *program
}

// call asks another system. It goes out under a key that is the same on every attempt at the event, and on a replay of it.
func (m *making) call(web Web) {
	o := m.o
	o.Method = strings.ToUpper(orElse(o.Method, http.MethodPost))
	o.KeyHeader, o.SecretHeader = orElse(o.KeyHeader, "Idempotency-Key"), orElse(o.SecretHeader, "Authorization")
	c := &caller{o: o}
	m.address(o)
	m.once(o)
	m.headers(o)
	m.shape(c)
	if len(m.problems) > 0 {
		return
	}
	u, _ := url.Parse(o.URL) // checked
	c.host = u.Hostname()
	c.client = httpout.New(httpout.Options{Who: "the system that " + o.Name + " asks", Operation: o.Name, Refused: fault.BusinessRule, URL: o.URL, Timeout: o.Timeout,
		Concurrency: max(o.Concurrency, 1), Changed: web.Changed, DialContext: web.DialContext})
	m.made.Close, m.made.Act, m.made.Sure = c.client.Close, c.act, orchestration.Repeatable
	if o.Repeat == Never {
		m.made.Sure = orchestration.AtMostOnce
	}
	m.made.Plannable = c.keep == nil // what is kept is there only once it was asked
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

func (m *making) address(o Options) {
	switch err := httpout.CheckURL(o.URL, o.AllowPlaintext); {
	case o.URL == "":
		m.wrong("url", "is missing", "write https://host/path")
	case err != nil:
		m.wrong("url", err.Error(), "write https://host/path; allow_plaintext permits http on a network that is encrypted below")
	case httpout.HasQuery(o.URL):
		m.wrong("url", "holds a query, which may be a credential", "put what depends on the event into query, and a credential into secret")
	}
}

func (m *making) once(o Options) {
	if !slices.Contains(methods, o.Method) {
		m.wrong("method", "is none that a step may use", "use POST, PUT, PATCH or GET")
	}
	switch {
	case o.Method == http.MethodGet && o.Repeat == Never:
		m.wrong("repeat", "is never, and a GET may be repeated", "take it out")
	case o.Method != http.MethodGet && o.Repeat == "":
		m.wrong("repeat", "is missing", "by_key if the system knows a repeat by the key in key_header, never if it does not: then what is in doubt goes to a person")
	case o.Repeat != "" && o.Repeat != ByKey && o.Repeat != Never:
		m.wrong("repeat", "is neither by_key nor never", "use by_key if the system knows a repeat by the key in key_header, else never")
	}
}

func (m *making) headers(o Options) {
	for _, h := range [][2]string{{"key_header", o.KeyHeader}, {"secret_header", o.SecretHeader}} {
		if !headerName.MatchString(h[1]) || slices.Contains(ours, strings.ToLower(h[1])) {
			m.wrong(h[0], "is no name of a header that may be set", "use another, or leave it out")
		}
	}
	if strings.EqualFold(o.KeyHeader, o.SecretHeader) {
		m.wrong("key_header", "is secret_header, too", "use two")
	}
	if strings.ContainsAny(o.Secret.Reveal(), "\r\n\x00") {
		m.wrong("secret", "holds a line end, which no header can", "put the header's whole value there, in one line")
	}
	if m.o.SecretHeader != "" && o.Secret.IsZero() {
		m.wrong("secret", "is missing", "name the header's value, env:NAME or file:PATH")
	}
}

// shape compiles what is sent and what is read of the answer.
func (m *making) shape(c *caller) {
	o := c.o
	if o.Method == http.MethodGet && o.Body != "" {
		m.wrong("body", "is set, and a GET has none", "use query, or POST")
	}
	if o.Body != "" {
		c.body = m.program("body", o.Body, true, maxText)
	}
	if o.Query != "" {
		c.query = m.program("query", o.Query, true, 4<<10)
	}
	if o.Keep != "" {
		c.keep = m.program("keep", o.Keep, true, 1<<10)
	}
	if o.RefuseIf != "" {
		c.refuseIf = m.program("refuse_if", o.RefuseIf, true, 1<<10)
		m.sentence()
	} else if o.Refuse != "" || o.Pointer != "" {
		m.wrong("refuse", "is set without refuse_if", "say in refuse_if, in jq over the answer, when the event is refused")
	}
}
