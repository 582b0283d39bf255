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

// AdministrationHandler serves the administration API, which creates, shows, changes, lists and deletes queues, topics,
// subscriptions and rules, and GET /health. It wants an Authorization header and does not look at it.
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
		a.onlyShown(func() {
			a.document(http.StatusOK, "entry", atom.NamespaceEntry(namespaceName, a.url(nil), b.created))
		})
	case lower == "$resources/queues":
		a.onlyShown(func() { a.list("Queues", b.Queues(), a.known) })
	case lower == "$resources/topics":
		a.onlyShown(func() { a.list("Topics", b.Topics(), a.known) })
	case path == "":
		a.refuse(http.StatusNotFound, "There is no such resource.")
	default:
		a.resource(resourceOf(path))
	}
}

// administration is one request.
type administration struct {
	broker *Broker
	w      http.ResponseWriter
	r      *http.Request
}

// onlyShown is for what can be looked at and not changed.
func (a administration) onlyShown(do func()) {
	if a.r.Method != http.MethodGet {
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

// resource answers for an entity, for a rule, or for a list of what is below one.
func (a administration) resource(r resource) {
	switch {
	case r.kind == atom.KindRule:
		a.rule(r)
	case strings.Contains(r.path(), "$"):
		a.refuse(http.StatusNotFound, "There is no such resource.")
	case r.lists:
		a.onlyShown(func() { a.subscriptions(r) })
	default:
		a.entity(r)
	}
}

func (a administration) entity(r resource) {
	switch a.r.Method {
	case http.MethodGet:
		a.show(r, http.StatusOK)
	case http.MethodPut:
		a.put(r)
	case http.MethodDelete:
		a.remove(r)
	default:
		a.refuse(http.StatusMethodNotAllowed, "The method is not allowed on this resource.")
	}
}

// remove deletes whatever has that name.
func (a administration) remove(r resource) {
	q, err := a.find(r)
	if err == nil {
		err = map[store.Kind]func(string) error{
			store.KindQueue: a.broker.DeleteQueue, store.KindTopic: a.broker.DeleteTopic, store.KindSubscription: a.broker.DeleteSubscription,
		}[q.Kind()](r.path())
	}
	if err != nil {
		a.fail(r.path(), err)
		return
	}
	a.w.WriteHeader(http.StatusOK)
}

func (a administration) show(r resource, status int) {
	q, err := a.find(r)
	if err != nil {
		a.fail(r.path(), err)
		return
	}
	a.document(status, "entry", a.entry(q))
}

// find gives what the path leads to. A dead-letter queue is none of the resources.
func (a administration) find(r resource) (*store.Queue, error) {
	q, err := a.broker.namespace.Queue(r.path())
	if err == nil && q.IsDeadLetter() {
		err = store.ErrNotFound
	}
	return q, err
}

// known is the entry of a queue or topic that is listed; it may have gone meanwhile.
func (a administration) known(name string) (atom.Entry, bool) {
	q, err := a.broker.namespace.Queue(name)
	if err != nil {
		return atom.Entry{}, false
	}
	return a.entry(q), true
}

// kinds of entities, in the words of the documents.
var kinds = map[store.Kind]atom.Kind{
	store.KindQueue: atom.KindQueue, store.KindTopic: atom.KindTopic, store.KindSubscription: atom.KindSubscription,
}

func (a administration) entry(q *store.Queue) atom.Entry {
	d, name := q.Describe(), q.Path()
	if t := q.Topic(); t != nil {
		name = resourceOf(q.Path()).subscription
	}
	return atom.EntityEntry(kinds[q.Kind()], namespaceName, name, a.at(d.Path), describe(kinds[q.Kind()], d))
}

// at is where a resource is found.
func (a administration) at(path string) string {
	u := url.URL{Scheme: "http", Host: a.r.Host, Path: "/" + path, RawQuery: a.r.URL.Query().Get("api-version")}
	if u.RawQuery != "" {
		u.RawQuery = "api-version=" + url.QueryEscape(u.RawQuery)
	}
	return u.String()
}

// read reads the document of a request, and answers itself when it cannot.
func (a administration) read() (document atom.Document, ok bool) {
	document, err := atom.Read(http.MaxBytesReader(a.w, a.r.Body, maxDocument))
	if err != nil {
		a.refuse(http.StatusBadRequest, "SubCode=40000. The body is not an entry that describes an entity: "+err.Error())
		return document, false
	}
	return document, true
}

// isUpdate says whether the request wants what it names to be there already.
func (a administration) isUpdate() bool { return a.r.Header.Get("If-Match") != "" }

// put creates a queue, topic or subscription, or changes it when the request says that it must be there.
func (a administration) put(r resource) {
	document, ok := a.read()
	if !ok {
		return
	}
	if (document.Kind == atom.KindSubscription) != (r.subscription != "") || document.Kind == atom.KindRule {
		a.refuse(http.StatusBadRequest, fmt.Sprintf("SubCode=40000. Bad Request. A %s does not belong under this path.", document.Kind))
		return
	}
	status, err := http.StatusCreated, error(nil)
	if a.isUpdate() {
		status, err = http.StatusOK, a.update(r, document)
	} else {
		err = a.create(r, document)
	}
	if err != nil {
		a.fail(r.path(), err)
		return
	}
	a.show(r, status)
}

func (a administration) create(r resource, document atom.Document) error {
	p, err := supported(document.Entity)
	if err != nil {
		return err
	}
	switch document.Kind {
	case atom.KindTopic:
		return a.broker.namespace.CreateTopic(r.topic, p)
	case atom.KindSubscription:
		rules, err := defaultRule(document.Entity.DefaultRule)
		if err != nil {
			return err
		}
		return a.broker.namespace.CreateSubscription(r.topic, r.subscription, p, rules)
	}
	return a.broker.createQueue(r.topic, p)
}

func supported(e atom.Entity) (store.QueueProperties, error) {
	if err := unsupported(e); err != nil {
		return store.QueueProperties{}, err
	}
	return properties(e)
}

// update replaces every setting; only what is fixed at creation may be left out.
func (a administration) update(r resource, document atom.Document) error {
	q, err := a.find(r)
	switch {
	case err != nil:
		return err
	case kinds[q.Kind()] != document.Kind:
		return store.PropertyError{"it is no " + string(document.Kind)}
	case is(document.Entity.RequiresSession):
		return store.PropertyError{"RequiresSession is chosen at creation"}
	case is(document.Entity.EnablePartitioning):
		return store.PropertyError{"EnablePartitioning is chosen at creation"}
	}
	p, err := supported(document.Entity)
	if err != nil {
		return err
	}
	if document.Entity.RequiresDuplicateDetection == nil {
		p.DuplicateDetection = q.Properties().DuplicateDetection
	}
	space := a.broker.namespace
	switch q.Kind() {
	case store.KindTopic:
		return a.broker.change("topic", r.path(), func() error { return space.UpdateTopic(r.path(), p) })
	case store.KindSubscription:
		return a.broker.change("subscription", r.path(), func() error { return space.UpdateSubscription(r.path(), p) })
	}
	return a.broker.updateQueue(r.path(), p)
}

// list pages through names by $skip and $top.
func (a administration) list(title string, names []string, entry func(name string) (atom.Entry, bool)) {
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
	rest := names[min(skip, len(names)):]
	page := rest[:min(top, len(rest))]
	entries := make([]atom.Entry, 0, len(page))
	for _, name := range page {
		if e, there := entry(name); there {
			entries = append(entries, e)
		}
	}
	next := ""
	if len(page) < len(rest) {
		next = a.url(map[string]string{"$skip": strconv.Itoa(skip + len(page)), "$top": strconv.Itoa(top)})
	}
	a.page(title, entries, next)
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
	case errors.Is(err, errUnsupported), errors.Is(err, store.ErrFilter):
		a.refuse(http.StatusNotImplemented, err.Error())
	case errors.As(err, &problems):
		a.refuse(http.StatusBadRequest, "SubCode=40000. Bad Request. "+problems.Error()+".")
	default:
		a.refuse(http.StatusInternalServerError, err.Error())
	}
}
