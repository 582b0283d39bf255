package servicebus

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/signalbox/signalbox/test/sim/servicebus/internal/atom"
	"github.com/signalbox/signalbox/test/sim/servicebus/internal/store"
)

// namespaceName is the name that the administration API shows.
const namespaceName = "signalbox"

const (
	maxDocument = 1 << 20 // bytes of a request
	defaultPage = 100     // entities on a page when nobody says how many
)

// AdministrationHandler serves the administration API, which creates, shows, changes, lists and deletes queues, and
// GET /health. It wants an Authorization header and does not look at it.
//
// The SDKs speak https to it unless they are given a transport that does not; see the page on the local Service Bus.
func (b *Broker) AdministrationHandler() http.Handler { return http.HandlerFunc(b.administer) }

// administer does not use a ServeMux: names of queues may have slashes, which a mux would clean or redirect.
func (b *Broker) administer(w http.ResponseWriter, r *http.Request) {
	path := strings.Trim(r.URL.Path, "/")
	a := administration{b, w, r}
	switch lower := strings.ToLower(path); {
	case lower == "health":
		a.health()
	case r.Header.Get("Authorization") == "":
		a.refuse(http.StatusUnauthorized, "The request has no Authorization header.")
	case lower == "$namespaceinfo":
		a.only(http.MethodGet, func() {
			a.document(http.StatusOK, "entry", atom.NamespaceEntry(namespaceName, a.url(nil), b.created))
		})
	case lower == "$resources/queues":
		a.only(http.MethodGet, a.list)
	case lower == "$resources/topics":
		a.only(http.MethodGet, func() { a.page("Topics", nil, "") })
	case path == "" || strings.Contains(path, "$"):
		a.refuse(http.StatusNotFound, "There is no such resource.")
	default:
		a.entity(path)
	}
}

// administration is one request.
type administration struct {
	broker *Broker
	w      http.ResponseWriter
	r      *http.Request
}

func (a administration) only(method string, do func()) {
	if a.r.Method != method {
		a.refuse(http.StatusMethodNotAllowed, "The method is not allowed on this resource.")
		return
	}
	do()
}

// health is for whoever starts a broker and waits until it can be used.
func (a administration) health() {
	status, body := http.StatusOK, `{"status":"healthy","message":"Service is healthy."}`
	if !a.broker.serving() {
		status, body = http.StatusServiceUnavailable, `{"status":"unhealthy","message":"Service is not listening."}`
	}
	a.w.Header().Set("Content-Type", "application/json")
	a.w.WriteHeader(status)
	_, _ = a.w.Write([]byte(body))
}

func (a administration) entity(path string) {
	if topic, ok := below(path); ok {
		a.refuse(http.StatusNotFound, notFoundText(topic)+" There are no topics here.")
		return
	}
	switch a.r.Method {
	case http.MethodGet:
		a.show(path, http.StatusOK)
	case http.MethodPut:
		a.put(path)
	case http.MethodDelete:
		if err := a.broker.DeleteQueue(path); err != nil {
			a.fail(path, err)
			return
		}
		a.w.WriteHeader(http.StatusOK)
	default:
		a.refuse(http.StatusMethodNotAllowed, "The method is not allowed on this resource.")
	}
}

// below tells what lies below a topic: its subscriptions, and their rules.
func below(path string) (topic string, ok bool) {
	segments := strings.Split(path, "/")
	for i := len(segments) - 1; i > 0; i-- {
		if strings.EqualFold(segments[i], "Subscriptions") {
			return strings.Join(segments[:i], "/"), true
		}
	}
	return "", false
}

func (a administration) show(name string, status int) {
	q, err := a.broker.namespace.Queue(name)
	if err != nil {
		a.fail(name, err)
		return
	}
	a.document(status, "entry", a.entry(q.Describe()))
}

func (a administration) entry(d store.Description) atom.Entry {
	u := url.URL{Scheme: "http", Host: a.r.Host, Path: "/" + d.Path, RawQuery: a.r.URL.Query().Get("api-version")}
	if u.RawQuery != "" {
		u.RawQuery = "api-version=" + url.QueryEscape(u.RawQuery)
	}
	return atom.QueueEntry(namespaceName, d.Path, u.String(), describe(d))
}

// put creates a queue, or changes it when the request says that it must be there.
func (a administration) put(name string) {
	kind, document, err := atom.Read(http.MaxBytesReader(a.w, a.r.Body, maxDocument))
	switch {
	case err != nil:
		a.refuse(http.StatusBadRequest, "SubCode=40000. The body is not an entry that describes an entity: "+err.Error())
		return
	case kind != atom.KindQueue:
		a.refuse(http.StatusNotImplemented, fmt.Sprintf("This broker has queues only; it cannot make what a %s describes.", kind))
		return
	}
	status := http.StatusCreated
	if a.r.Header.Get("If-Match") == "" {
		err = a.create(name, document)
	} else {
		status, err = http.StatusOK, a.update(name, document)
	}
	if err != nil {
		a.fail(name, err)
		return
	}
	a.show(name, status)
}

func (a administration) create(name string, document atom.Queue) error {
	if err := unsupported(document); err != nil {
		return err
	}
	p, err := properties(document)
	if err != nil {
		return err
	}
	return a.broker.createQueue(name, p)
}

// update replaces every setting; only what is fixed at creation may be left out.
func (a administration) update(name string, document atom.Queue) error {
	q, err := a.broker.namespace.Queue(name)
	if err != nil {
		return err
	}
	if is(document.RequiresSession) {
		return store.PropertyError{"RequiresSession is chosen at creation"}
	}
	if is(document.EnablePartitioning) {
		return store.PropertyError{"EnablePartitioning is chosen at creation"}
	}
	if err := unsupported(document); err != nil {
		return err
	}
	p, err := properties(document)
	if err != nil {
		return err
	}
	if document.RequiresDuplicateDetection == nil {
		p.DuplicateDetection = q.Properties().DuplicateDetection
	}
	return a.broker.updateQueue(name, p)
}

// list pages through the queues by $skip and $top.
func (a administration) list() {
	query := a.r.URL.Query()
	skip, top := 0, defaultPage
	for name, into := range map[string]*int{"$skip": &skip, "$top": &top} {
		if text := query.Get(name); text != "" {
			n, err := strconv.Atoi(text)
			if err != nil || n < 0 {
				a.refuse(http.StatusBadRequest, "SubCode=40000. "+name+" is not a number.")
				return
			}
			*into = n
		}
	}
	names := a.broker.Queues()
	rest := names[min(skip, len(names)):]
	page := rest[:min(top, len(rest))]
	entries := make([]atom.Entry, 0, len(page))
	for _, name := range page {
		if q, err := a.broker.namespace.Queue(name); err == nil { // it may have gone meanwhile
			entries = append(entries, a.entry(q.Describe()))
		}
	}
	next := ""
	if len(page) < len(rest) {
		next = a.url(map[string]string{"$skip": strconv.Itoa(skip + len(page)), "$top": strconv.Itoa(top)})
	}
	a.page("Queues", entries, next)
}

func (a administration) page(title string, entries []atom.Entry, next string) {
	a.document(http.StatusOK, "feed", atom.NewFeed(title, a.url(nil), next, time.Now(), entries))
}

// url is the address of this request, with some of its query changed.
func (a administration) url(change map[string]string) string {
	query := a.r.URL.Query()
	for name, value := range change {
		query.Set(name, value)
	}
	u := url.URL{Scheme: "http", Host: a.r.Host, Path: a.r.URL.Path, RawQuery: query.Encode()}
	return u.String()
}

func (a administration) document(status int, kind string, document any) {
	b, err := atom.Marshal(document)
	if err != nil {
		a.refuse(http.StatusInternalServerError, err.Error())
		return
	}
	a.w.Header().Set("Content-Type", "application/atom+xml;type="+kind+";charset=utf-8")
	a.w.WriteHeader(status)
	_, _ = a.w.Write(b) // whoever asked has gone
}

func (a administration) refuse(status int, detail string) {
	b, err := atom.Marshal(atom.Error{Code: status, Detail: tracked(detail, strings.Trim(a.r.URL.Path, "/"), time.Now())})
	if err != nil {
		b = nil // the status says most of it
	}
	a.w.Header().Set("Content-Type", "application/xml; charset=utf-8")
	a.w.WriteHeader(status)
	_, _ = a.w.Write(b)
}

// fail answers with the status that the service has for an error.
func (a administration) fail(name string, err error) {
	var problems store.PropertyError
	switch {
	case errors.Is(err, store.ErrNotFound):
		a.refuse(http.StatusNotFound, notFoundText(name))
	case errors.Is(err, store.ErrExists):
		a.refuse(http.StatusConflict, "SubCode=40900. Conflict. The messaging entity already exists.")
	case errors.Is(err, errUnsupported):
		a.refuse(http.StatusNotImplemented, err.Error())
	case errors.As(err, &problems):
		a.refuse(http.StatusBadRequest, "SubCode=40000. Bad Request. "+problems.Error()+".")
	default:
		a.refuse(http.StatusInternalServerError, err.Error())
	}
}
