package csu

import (
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
)

// DefaultCartIdle is how long a cart that nobody changes lives when Options do not say. The real time is not documented.
const DefaultCartIdle = 24 * time.Hour

// The values of CartType that may be checked out.
const (
	cartShopping      = 1
	cartCheckout      = 2
	cartCustomerOrder = 3
)

// Cart is a cart as a read shows it, member names as in the metadata. Numbers are json.Number.
type Cart map[string]any

// ID is the key; the order that the cart becomes has it too.
func (k Cart) ID() string { return str(k, "Id") }

// Lines lists the cart's lines.
func (k Cart) Lines() []map[string]any { return entries(k, "CartLines") }

// cart is one that is stored.
type cart struct {
	members  map[string]any
	changed  time.Time
	checking bool // a checkout is under way: the cart is read-only
}

func (k *cart) id() string { return str(k.members, "Id") }

func (k *cart) lines() []map[string]any { return entries(k.members, "CartLines") }

func (k *cart) line(id string) map[string]any {
	for _, l := range k.lines() {
		if str(l, "LineId") == id {
			return l
		}
	}
	return nil
}

// cartError is a CartValidationException.
func cartError(id, message string, results ...validationResult) *apiError {
	return &apiError{http.StatusBadRequest, typeCart, id, message, results}
}

func cartNotFound() *apiError { return cartError(idCartNotFound, "there is no such cart") }

// cartOf finds a cart for whoever holds the lock; one that nobody has changed for long is gone.
func (s *Simulator) cartOf(id string) (*cart, *apiError) {
	k, known := s.store.carts[id]
	if !known || !time.Now().Before(k.changed.Add(s.opts.CartIdle)) {
		delete(s.store.carts, id)
		return nil, cartNotFound()
	}
	return k, nil
}

// createCart answers POST Carts. Lines that are sent along are added as AddCartLines adds them.
func (c *call) createCart() (reply, *apiError) {
	body, err := c.cartBody()
	if err != nil {
		return reply{}, err
	}
	sent := entries(body, "CartLines")
	delete(body, "CartLines")
	id := str(body, "Id")
	for _, name := range cartOwned {
		delete(body, name)
	}
	view, effect, err := c.commitCart(func(s *Simulator, now time.Time) (*cart, *apiError) {
		if id == "" || s.opts.OwnCartIDs {
			id = strings.ReplaceAll(uuid.NewString(), "-", "")
		}
		if _, taken := s.store.carts[id]; taken || s.store.orders.byID[id] != nil {
			return nil, invalid(idDuplicateObject, "an object with this key exists")
		}
		k := &cart{members: body, changed: now}
		body["Id"], body["Version"], body["CartStatusValue"] = id, number(0), number(1)
		body["ChannelId"], body["BeginDateTime"] = number(channelID(s.opts, c.channel)), now.UTC().Format(time.RFC3339)
		if num(body, "CartTypeValue") == 0 {
			body["CartTypeValue"] = number(cartShopping)
		}
		for _, name := range []string{"CartLines", "Coupons", "ChargeLines", "TenderLines", "AttributeValues"} {
			if body[name] == nil {
				body[name] = []any{}
			}
		}
		if err := c.cartCustomer(k, body); err != nil {
			return nil, err
		}
		return k, c.addLines(k, sent)
	})
	if err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusCreated, header: map[string]string{"Location": c.origin() + "Carts(" + quoteKey(view.ID()) + ")"}, body: c.cartEntity(view), effect: effect}, nil
}

// cartBody decodes a cart down to its lines.
func (c *call) cartBody() (map[string]any, *apiError) {
	object, err := c.object()
	if err != nil {
		return nil, err
	}
	body, err := cartMembers.take("Cart", object)
	if err != nil {
		return nil, err
	}
	return body, cartLineMembers.takeAll("CartLines", body["CartLines"])
}

// getCart answers GET Carts('id').
func (c *call) getCart() (reply, *apiError) {
	c.sim.mu.Lock()
	defer c.sim.mu.Unlock()
	k, err := c.sim.cartOf(c.key)
	if err != nil {
		err.status = http.StatusNotFound
		return reply{}, err
	}
	return reply{status: http.StatusOK, body: c.cartEntity(Cart(clone(k.members)))}, nil
}

// updateCart answers PATCH Carts('id'): of the header only. A member of the scale unit's may be repeated, not changed.
func (c *call) updateCart() (reply, *apiError) {
	body, err := c.cartBody()
	if err != nil {
		return reply{}, err
	}
	if len(entries(body, "CartLines")) > 0 {
		return reply{}, cartError(idReadOnly, "lines are changed by the operations for lines")
	}
	delete(body, "CartLines")
	var version *int64
	if body["Version"] != nil {
		v := num(body, "Version")
		version = &v
		delete(body, "Version")
	}
	rep, err := c.changeCart(version, func(k *cart) *apiError {
		for _, name := range cartOwned {
			if v, sent := body[name]; sent && !same(v, k.members[name]) {
				return cartError(idReadOnly, name+" cannot be changed", failed(idReadOnly, "Cart", name, "the member is read-only"))
			}
			delete(body, name)
		}
		if err := c.cartCustomer(k, body); err != nil {
			return err
		}
		for name, value := range body {
			k.members[name] = value
		}
		return nil
	})
	if err == nil && !wantsRepresentation(c.r) {
		rep.status, rep.body = http.StatusNoContent, nil
	}
	return rep, err
}

// same compares JSON values; numbers by what they are worth.
func same(a, b any) bool {
	x, numeric := toDecimal(a)
	y, both := toDecimal(b)
	if numeric && both {
		return x.Equal(y)
	}
	return reflect.DeepEqual(a, b)
}

// cartCustomer holds a cart's new customer and loyalty card against what is known, for whoever holds the lock.
func (c *call) cartCustomer(k *cart, body map[string]any) *apiError {
	_, customer := body["CustomerId"]
	_, card := body["LoyaltyCardId"]
	if customer && card && len(k.lines()) > 0 {
		return cartError(idCustomerAndCard, "the customer and the loyalty card are changed one after the other")
	}
	account := str(body, "CustomerId")
	if account != "" {
		c.sim.convertDue(time.Now())
		rec, known := c.sim.lookUp(account)
		if !known {
			return cartError(idCustomerNotFound, "the customer was not found")
		}
		if yes(rec.members, "Blocked") {
			return cartError(idCustomerBlocked, "the customer is blocked")
		}
		if rec.provisional && num(k.members, "CartTypeValue") == cartCustomerOrder {
			return cartError(idAsyncCustomerOrder, "headquarters does not have the customer yet")
		}
	}
	if id := str(body, "LoyaltyCardId"); id != "" {
		at := slices.IndexFunc(c.sim.opts.LoyaltyCards, func(l LoyaltyCard) bool { return l.ID == id })
		if at < 0 {
			return cartError(idObjectNotFound, "the loyalty card was not found")
		}
		owner := str(k.members, "CustomerId")
		if account != "" {
			owner = account
		}
		if of := c.sim.opts.LoyaltyCards[at].Customer; of != "" && owner != "" && of != owner {
			return cartError(idCardOfAnother, "the loyalty card is another customer's")
		}
	}
	return nil
}

// changeCart changes a copy of the cart, prices it and puts it in the cart's place; a refusal leaves no trace. A nil version is
// not compared.
func (c *call) changeCart(version *int64, change func(*cart) *apiError) (reply, *apiError) {
	view, effect, err := c.commitCart(func(s *Simulator, _ time.Time) (*cart, *apiError) {
		k, err := s.cartOf(c.key)
		if err != nil {
			return nil, err
		}
		if k.checking {
			return nil, cartError(idReadOnlyCart, "the cart is being checked out")
		}
		if version != nil && *version != num(k.members, "Version") {
			return nil, staleCart()
		}
		next := &cart{members: clone(k.members)}
		return next, change(next)
	})
	if err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusOK, body: c.cartEntity(view), effect: effect}, nil
}

func staleCart() *apiError { return cartError(idCartVersion, "the cart has another version") }

// commitCart waits until the write is due, then stores what make gives, priced and one version on.
func (c *call) commitCart(make func(*Simulator, time.Time) (*cart, *apiError)) (Cart, int64, *apiError) {
	if !c.wait(PointCommit) {
		return nil, 0, gone
	}
	s := c.sim
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.generation != c.generation {
		return nil, 0, gone
	}
	now := time.Now()
	k, err := make(s, now)
	if err != nil {
		return nil, 0, err
	}
	c.price(k)
	k.members["Version"] = number(num(k.members, "Version") + 1)
	k.members["ModifiedDateTime"] = now.UTC().Format(time.RFC3339)
	k.changed = now
	s.store.carts[k.id()] = k
	n := s.record(c, str(k.members, "CustomerId"), "")
	s.ledger[n-1].Cart = k.id()
	return Cart(clone(k.members)), n, nil
}

// copyCart answers Carts('id')/Copy: another cart with another id.
func (c *call) copyCart() (reply, *apiError) {
	body, err := c.parameters("targetCartType")
	if err != nil {
		return reply{}, err
	}
	if _, given := toDecimal(body["targetCartType"]); !given {
		return reply{}, badRequest(idMissingArgument, "targetCartType is missing")
	}
	view, effect, err := c.commitCart(func(s *Simulator, _ time.Time) (*cart, *apiError) {
		k, err := s.cartOf(c.key)
		if err != nil {
			return nil, err
		}
		next := &cart{members: clone(k.members)}
		next.members["Id"], next.members["Version"] = strings.ReplaceAll(uuid.NewString(), "-", ""), number(0)
		next.members["CartTypeValue"] = number(num(body, "targetCartType"))
		return next, nil
	})
	if err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusOK, body: c.cartEntity(view), effect: effect}, nil
}

// searchCarts answers Carts/Search, newest first.
func (c *call) searchCarts() (reply, *apiError) {
	body, err := c.parameters("cartSearchCriteria")
	if err != nil {
		return reply{}, err
	}
	criteria, ok := body["cartSearchCriteria"].(map[string]any)
	if !ok {
		return reply{}, badRequest(idMissingArgument, "cartSearchCriteria is missing")
	}
	c.sim.mu.Lock()
	var found []*cart
	for id := range c.sim.store.carts {
		k, err := c.sim.cartOf(id)
		if err != nil || str(criteria, "CartId") != "" && str(criteria, "CartId") != id ||
			str(criteria, "CustomerAccountNumber") != "" && str(criteria, "CustomerAccountNumber") != str(k.members, "CustomerId") ||
			num(criteria, "CartTypeValue") != 0 && num(criteria, "CartTypeValue") != num(k.members, "CartTypeValue") {
			continue
		}
		found = append(found, k)
	}
	slices.SortFunc(found, func(a, b *cart) int {
		if at := b.changed.Compare(a.changed); at != 0 {
			return at
		}
		return strings.Compare(a.id(), b.id())
	})
	rows := make([]Cart, len(found))
	for i, k := range found {
		rows[i] = Cart(clone(k.members))
	}
	c.sim.mu.Unlock()
	return pageOf(c, "Cart", rows)
}

func (c *call) cartEntity(k Cart) Cart {
	k["@odata.context"] = c.origin() + "$metadata#Carts/$entity"
	return k
}

// parameters decodes an action's parameters, all of them optional here.
func (c *call) parameters(names ...string) (map[string]any, *apiError) {
	body, err := c.object()
	if err != nil {
		return nil, err
	}
	return body, strictMembers("the request", body, names...)
}

// versionOf is the parameter cartVersion; absent or null means that it is not compared.
func versionOf(body map[string]any) (*int64, *apiError) {
	v, given := body["cartVersion"]
	if !given || v == nil {
		return nil, nil
	}
	if !integer64.accepts(v) {
		return nil, badRequest(idModelError, "cartVersion is not a number")
	}
	n := num(body, "cartVersion")
	return &n, nil
}

// objects are a parameter that is a list of objects.
func objects(body map[string]any, name string, of members) ([]map[string]any, *apiError) {
	list, ok := body[name].([]any)
	if !ok {
		return nil, badRequest(idMissingArgument, name+" is missing")
	}
	if err := of.takeAll(name, list); err != nil {
		return nil, err
	}
	return entries(body, name), nil
}

// words are a parameter that is a list of text.
func words(body map[string]any, name string) ([]string, *apiError) {
	list, ok := body[name].([]any)
	if !ok {
		return nil, badRequest(idMissingArgument, name+" is missing")
	}
	out := make([]string, len(list))
	for i, v := range list {
		if out[i], ok = v.(string); !ok {
			return nil, badRequest(idModelError, name+" is a list of text")
		}
	}
	return out, nil
}

func (s *Simulator) newLineID() string { return fmt.Sprintf("%032x", s.store.nextID()) }

// Carts lists the carts that are neither checked out nor gone, by their ids.
func (s *Simulator) Carts() []Cart {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := []Cart{}
	for id := range s.store.carts {
		if k, gone := s.cartOf(id); gone == nil {
			out = append(out, Cart(clone(k.members)))
		}
	}
	slices.SortFunc(out, func(a, b Cart) int { return strings.Compare(a.ID(), b.ID()) })
	return out
}

// dec is a number that was sent or stored; zero for none.
func dec(m map[string]any, name string) decimal.Decimal {
	d, _ := toDecimal(m[name])
	return d
}
