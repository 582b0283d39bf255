package servicebus

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/signalbox/signalbox/test/sim/servicebus/internal/atom"
	"github.com/signalbox/signalbox/test/sim/servicebus/internal/store"
)

// resource is what a path of the administration API names: a queue or topic (in topic), a subscription or a rule; or the list of
// a topic's subscriptions, or of a subscription's rules.
type resource struct {
	topic, subscription, rule string
	kind                      atom.Kind // KindRule for rules and lists of them, else empty
	lists                     bool
}

// resourceOf reads a path from the right, since names of queues and topics may have slashes.
func resourceOf(path string) resource {
	parts := strings.Split(path, "/")
	is := func(i int, word string) bool { return i > 0 && i < len(parts) && strings.EqualFold(parts[i], word) }
	n := len(parts)
	topic := func(end int) string { return strings.Join(parts[:end], "/") }
	switch {
	case is(n-2, "Rules") && is(n-4, "Subscriptions"):
		return resource{topic: topic(n - 4), subscription: parts[n-3], rule: parts[n-1], kind: atom.KindRule}
	case is(n-1, "Rules") && is(n-3, "Subscriptions"):
		return resource{topic: topic(n - 3), subscription: parts[n-2], kind: atom.KindRule, lists: true}
	case is(n-2, "Subscriptions"):
		return resource{topic: topic(n - 2), subscription: parts[n-1]}
	case is(n-1, "Subscriptions"):
		return resource{topic: topic(n - 1), lists: true}
	}
	return resource{topic: path}
}

// path is the address of the entity, for a rule its subscription's.
func (r resource) path() string {
	if r.subscription == "" {
		return r.topic
	}
	return Subscription{Topic: r.topic, Name: r.subscription}.Path()
}

func (a administration) subscriptions(r resource) {
	names, err := a.broker.Subscriptions(r.topic)
	if err != nil {
		a.fail(r.topic, err)
		return
	}
	a.list("Subscriptions", names, func(name string) (atom.Entry, bool) {
		return a.known(Subscription{Topic: r.topic, Name: name}.Path())
	})
}

// rule answers for one rule, or for the list. A rule that is put without a name is the default one, or names itself.
func (a administration) rule(r resource) {
	rules, err := a.broker.namespace.Rules(r.path())
	if err != nil {
		a.fail(r.path(), err)
		return
	}
	switch a.r.Method {
	case http.MethodPut:
		a.putRule(r)
	case http.MethodGet:
		if r.lists {
			a.listRules(r, rules)
			return
		}
		a.showRule(r, rules, http.StatusOK)
	case http.MethodDelete:
		if err := a.broker.namespace.DeleteRule(r.path(), r.rule); err != nil {
			a.fail(r.path()+"/Rules/"+r.rule, err)
		}
	default:
		a.refuse(http.StatusMethodNotAllowed, "The method is not allowed on this resource.")
	}
}

func (a administration) listRules(r resource, rules []store.Rule) {
	var names []string
	byName := map[string]store.Rule{}
	for _, one := range rules {
		names, byName[one.Name] = append(names, one.Name), one
	}
	a.list("Rules", names, func(name string) (atom.Entry, bool) { return a.ruleEntry(r, byName[name]), true })
}

func (a administration) showRule(r resource, rules []store.Rule, status int) {
	for _, one := range rules {
		if strings.EqualFold(one.Name, r.rule) {
			a.document(status, "entry", a.ruleEntry(r, one))
			return
		}
	}
	a.refuse(http.StatusNotFound, notFoundText(r.path()+"/Rules/"+r.rule))
}

func (a administration) ruleEntry(r resource, rule store.Rule) atom.Entry {
	described := atom.Rule{Filter: describeFilter(rule.Filter), Action: atom.NoAction(), CreatedAt: ref(atom.Moment(rule.Created)), Name: rule.Name}
	return atom.RuleEntry(namespaceName, a.at(r.path()+"/Rules/"+rule.Name), described)
}

func (a administration) putRule(r resource) {
	document, ok := a.read()
	if !ok {
		return
	}
	if document.Kind != atom.KindRule {
		a.refuse(http.StatusBadRequest, fmt.Sprintf("SubCode=40000. Bad Request. A %s does not belong under this path.", document.Kind))
		return
	}
	if r.rule == "" {
		r.rule = document.Rule.Name
	}
	status := http.StatusCreated
	filter, err := filterOf(document.Rule.Filter, document.Rule.Action)
	switch {
	case err != nil:
	case a.isUpdate():
		status, err = http.StatusOK, a.broker.namespace.UpdateRule(r.path(), store.Rule{Name: r.rule, Filter: filter})
	default:
		err = a.broker.namespace.CreateRule(r.path(), store.Rule{Name: r.rule, Filter: filter})
	}
	rules, gone := a.broker.namespace.Rules(r.path())
	if err == nil {
		err = gone
	}
	if err != nil {
		a.fail(r.path()+"/Rules/"+r.rule, err)
		return
	}
	a.showRule(r, rules, status)
}

// defaultRule is the rule that a subscription is to begin with; nil for the service's own.
func defaultRule(d *atom.DefaultRule) ([]store.Rule, error) {
	if d == nil {
		return nil, nil
	}
	filter, err := filterOf(d.Filter, d.Action)
	if err != nil {
		return nil, err
	}
	name := d.Name
	if name == "" {
		name = DefaultRule
	}
	return []store.Rule{{Name: name, Filter: filter}}, nil
}

// filterOf is the filter that is described; store.ErrFilter for one, or an action, that is not to be had.
func filterOf(f *atom.Filter, action *atom.Action) (store.Filter, error) {
	if action != nil && action.Read != "" && action.Read != "EmptyRuleAction" {
		return nil, store.ErrFilter
	}
	switch {
	case f == nil:
		return store.TrueFilter{}, nil
	case f.Read == "TrueFilter":
		return store.TrueFilter{}, nil
	case f.Read == "FalseFilter":
		return store.FalseFilter{}, nil
	case f.Read == "SqlFilter":
		return store.SQLFilter(value(f.SQLExpression))
	case f.Read != "CorrelationFilter":
		return nil, store.PropertyError{fmt.Sprintf("a filter of type %q", f.Read)}
	}
	c := store.CorrelationFilter{CorrelationID: f.CorrelationID, MessageID: f.MessageID, To: f.To, ReplyTo: f.ReplyTo, Label: f.Label,
		SessionID: f.SessionID, ReplyToSessionID: f.ReplyToSessionID, ContentType: f.ContentType}
	if f.Properties != nil {
		c.Properties = map[string]any{}
		for _, p := range f.Properties.All {
			v, err := p.Value.Go()
			if err != nil {
				return nil, store.PropertyError{fmt.Sprintf("the property %q: %v", p.Key, err)}
			}
			c.Properties[p.Key] = v
		}
	}
	if c.Empty() {
		return nil, store.PropertyError{"a correlation filter that compares nothing"}
	}
	return c, nil
}

// describeFilter is filterOf the other way round.
func describeFilter(f store.Filter) *atom.Filter {
	switch f := f.(type) {
	case store.FalseFilter:
		return sqlFilter("FalseFilter", "1=0")
	case store.CorrelationFilter:
		d := &atom.Filter{Type: atom.Type{Write: "CorrelationFilter"}, CorrelationID: f.CorrelationID, MessageID: f.MessageID, To: f.To, ReplyTo: f.ReplyTo,
			Label: f.Label, SessionID: f.SessionID, ReplyToSessionID: f.ReplyToSessionID, ContentType: f.ContentType}
		if len(f.Properties) > 0 {
			d.Properties = &atom.Properties{}
		}
		for _, name := range slices.Sorted(maps.Keys(f.Properties)) {
			d.Properties.All = append(d.Properties.All, atom.Property{Key: name, Value: atom.NewValue(f.Properties[name])})
		}
		return d
	}
	return sqlFilter("TrueFilter", "1=1")
}

func sqlFilter(kind, expression string) *atom.Filter {
	return &atom.Filter{Type: atom.Type{Write: kind}, SQLExpression: &expression, CompatibilityLevel: ref(20)}
}
