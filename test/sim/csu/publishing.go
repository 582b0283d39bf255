package csu

import (
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/google/uuid"
)

// DefaultSessionLife is how long a publishing session can be read when Options do not say (inferred: no document does).
const DefaultSessionLife = time.Hour

// Resource ids of the catalogue.
const (
	idChannelUnpublished = runtimeID + "ChannelIsNotPublished"
	idAnotherChannel     = runtimeID + "CrossStoreProductSearchNotSupportedInOnlineChannel"
	idInvalidRequest     = runtimeID + "InvalidRequest"
)

// publishing is what the channel database keeps for publishers.
type publishing struct {
	sessions []*session
	listings map[listingKey]Listing
	channels map[string]channelStatus
	anchors  map[string]string // tokens that End was given to keep, by operating unit
}

func newPublishing() publishing {
	return publishing{listings: map[listingKey]Listing{}, channels: map[string]channelStatus{}, anchors: map[string]string{}}
}

// session is a list of products to be read page by page: which ones is fixed, what they are is not.
type session struct {
	id      string
	oun     string
	ids     []int64
	begun   time.Time
	next    string // token
	initial bool
	read    int
}

var changesSought = []string{"SynchronizationToken", "Context", "Session", "AsListings", "DataLevelValue"}

// beginChangedProducts answers Products/BeginReadChangedProducts.
func (c *call) beginChangedProducts() (reply, *apiError) {
	criteria, err := c.criteriaOf("changedProductSearchCriteria")
	if err != nil {
		return reply{}, err
	}
	if _, err := c.contextOf(criteria, changesSought); err != nil {
		return reply{}, err
	}
	s := c.sim
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := c.refuseUnpublished(); err != nil {
		return reply{}, err
	}
	now, db := time.Now(), &s.store.publishing
	s.expireSessions(now)
	if s.opts.OneSession {
		db.sessions = slices.DeleteFunc(db.sessions, func(other *session) bool { return other.oun == c.oun })
	}
	ids, initial := s.changes.since(str(criteria, "SynchronizationToken"))
	ids = slices.DeleteFunc(ids, func(id int64) bool { _, sold := s.opts.sold(id, c.oun); return !sold })
	begun := &session{id: uuid.NewString(), oun: c.oun, ids: ids, begun: now, next: s.changes.token(), initial: initial}
	if s.opts.NoSyncToken {
		begun.next = ""
	}
	db.sessions = append(db.sessions, begun)
	body := begun.members()
	body["@odata.context"] = c.origin() + "$metadata#Microsoft.Dynamics.Commerce.Runtime.DataModel.ReadChangedProductsSession"
	return reply{status: http.StatusOK, body: body}, nil
}

func (s *session) members() map[string]any {
	return map[string]any{"Id": s.id, "TotalNumberOfProducts": len(s.ids), "NumberOfProductsRead": s.read, "NumberOfProductsReadInCurrentPage": 0,
		"NextSynchronizationToken": s.next, "IsInitialSync": s.initial}
}

// readChangedProducts answers Products/ReadChangedProducts: products as they are now. One that is not sold any more is left out of its page, so
// a short page is not the last one. The metadata and the documents differ in the name of the criteria; both are taken.
func (c *call) readChangedProducts() (reply, *apiError) {
	body, err := c.parameters("productSearchCriteria", "changedProductSearchCriteria", "skipProductPriceCalculation")
	if err != nil {
		return reply{}, err
	}
	criteria, err := oneOf(body, "productSearchCriteria", "changedProductSearchCriteria")
	if err != nil {
		return reply{}, err
	}
	if !boolean.accepts(body["skipProductPriceCalculation"]) {
		return reply{}, badRequest(idModelError, "skipProductPriceCalculation is no truth value")
	}
	context, err := c.contextOf(criteria, changesSought)
	if err != nil {
		return reply{}, err
	}
	top, skip, err := paging(c.r.URL.Query())
	if err != nil {
		return reply{}, err
	}
	s := c.sim
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := c.refuseUnpublished(); err != nil {
		return reply{}, err
	}
	at, err := c.session(criteria["Session"])
	if err != nil {
		return reply{}, err
	}
	top = min(top, s.opts.PageLimit)
	asked, rows := s.store.publishing.sessions[at], []listedRow{}
	page := asked.ids[min(skip, len(asked.ids)):min(skip+top, len(asked.ids))]
	asked.read = max(asked.read, skip+len(page))
	l := listing{call: c, context: context, unpriced: yes(body, "skipProductPriceCalculation")}
	for _, id := range page {
		if p, sold := s.opts.sold(id, c.oun); sold {
			rows = append(rows, l.row(p))
		}
	}
	return reply{status: http.StatusOK, body: map[string]any{"@odata.context": c.origin() + "$metadata#Products", "value": rows}}, nil
}

// endChangedProducts answers Products/EndReadChangedProducts. A token that comes with the session is kept as a property of the channel.
func (c *call) endChangedProducts() (reply, *apiError) {
	body, err := c.parameters("session")
	if err != nil {
		return reply{}, err
	}
	s := c.sim
	s.mu.Lock()
	defer s.mu.Unlock()
	at, err := c.session(body["session"])
	if err != nil {
		return reply{}, err
	}
	db := &s.store.publishing
	db.sessions = slices.Delete(db.sessions, at, at+1)
	sent, _ := body["session"].(map[string]any)
	if token := str(sent, "NextSynchronizationToken"); token != "" {
		db.anchors[c.oun] = token
	}
	return reply{status: http.StatusNoContent}, nil
}

// session finds the channel's session that a request names.
func (c *call) session(sent any) (at int, err *apiError) {
	named, ok := sent.(map[string]any)
	if !ok {
		return 0, badRequest(idMissingArgument, "the session is missing")
	}
	if err := strictMembers("the session", named, "Id", "TotalNumberOfProducts", "NumberOfProductsRead", "NumberOfProductsReadInCurrentPage",
		"NextSynchronizationToken", "IsInitialSync"); err != nil {
		return 0, err
	}
	if _, bad := uuid.Parse(str(named, "Id")); bad != nil {
		return 0, badRequest(idModelError, "the session's Id is no GUID")
	}
	c.sim.expireSessions(time.Now())
	at = slices.IndexFunc(c.sim.store.publishing.sessions, func(s *session) bool { return s.id == str(named, "Id") && s.oun == c.oun })
	if at < 0 {
		return 0, notThere("there is no such session")
	}
	return at, nil
}

func (s *Simulator) expireSessions(now time.Time) {
	db := &s.store.publishing
	db.sessions = slices.DeleteFunc(db.sessions, func(old *session) bool { return !now.Before(old.begun.Add(s.opts.SessionLife)) })
}

// EndSessions ends all of them, as a scale unit may that is restarted, and says how many there were.
func (s *Simulator) EndSessions() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expireSessions(time.Now())
	n := len(s.store.publishing.sessions)
	s.store.publishing.sessions = nil
	return n
}

// Sessions says how many publishing sessions are open.
func (s *Simulator) Sessions() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expireSessions(time.Now())
	return len(s.store.publishing.sessions)
}

// contextOf checks criteria and gives their channel and catalogue, which are the channel's own if there are none.
func (c *call) contextOf(criteria map[string]any, known []string) (map[string]any, *apiError) {
	if err := strictMembers("the criteria", criteria, known...); err != nil {
		return nil, err
	}
	if !text.accepts(criteria["SynchronizationToken"]) {
		return nil, badRequest(idModelError, "SynchronizationToken is no text")
	}
	o := c.sim.options()
	own := map[string]any{"ChannelId": channelID(o, c.channel), "CatalogId": 0}
	if criteria["Context"] == nil {
		return own, nil
	}
	sent, ok := criteria["Context"].(map[string]any)
	if !ok {
		return nil, badRequest(idModelError, "Context is no object")
	}
	if err := strictMembers("the context", sent, "ChannelId", "CatalogId"); err != nil {
		return nil, err
	}
	if err := c.ownChannel(o, num(sent, "ChannelId")); err != nil {
		return nil, err
	}
	if err := c.knownCatalog(o, num(sent, "CatalogId")); err != nil {
		return nil, err
	}
	own["CatalogId"] = num(sent, "CatalogId")
	return own, nil
}

// ownChannel refuses the record id of any channel but the one behind OUN.
func (c *call) ownChannel(o Options, id int64) *apiError {
	if id != channelID(o, c.channel) {
		return invalid(idAnotherChannel, "the channel is not the one of the operating unit")
	}
	return nil
}

func (c *call) knownCatalog(o Options, id int64) *apiError {
	if id != 0 && !slices.Contains(o.Catalogs, id) {
		return notThere("there is no such catalogue")
	}
	return nil
}

func notThere(message string) *apiError {
	return &apiError{http.StatusNotFound, typeValidation, idObjectNotFound, message, nil}
}

// oneOf is the parameter that has one of two names, an object.
func oneOf(body map[string]any, names ...string) (map[string]any, *apiError) {
	for _, name := range names {
		if object, ok := body[name].(map[string]any); ok {
			return object, nil
		}
	}
	return nil, badRequest(idMissingArgument, names[0]+" is missing")
}

// needNumbers refuses a body without one of the numbers.
func needNumbers(body map[string]any, names ...string) *apiError {
	for _, name := range names {
		n, given := body[name].(json.Number)
		if !given {
			return badRequest(idMissingArgument, name+" is missing")
		}
		if _, bad := n.Int64(); bad != nil {
			return badRequest(idModelError, name+" is no whole number")
		}
	}
	return nil
}
