package config

import (
	"fmt"
	"net/url"
	"path"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/signalbox/signalbox/internal/httpout"
	"github.com/signalbox/signalbox/internal/secret"
	"github.com/signalbox/signalbox/internal/subscription"
	"github.com/signalbox/signalbox/sink/webhook"
)

// The types of sinks.
const (
	SinkWebhook    = "webhook"
	SinkServiceBus = "servicebus"
	SinkFile       = "file"
)

// SinkRow is a row of the sink table: who is told how events ended, and how. A tag of its own, of, names the types that have a column.
type SinkRow struct {
	Name           string          `key:"name" required:"true" unique:"true" help:"what channels call it; part of keys in Redis while an event is on its way"`
	Type           string          `key:"type" decides:"true" default:"webhook" help:"webhook, servicebus or file"`
	URL            string          `key:"url" decides:"true" of:"webhook" help:"webhook: where events are posted to"`
	SecretURL      secret.String   `key:"secret_url" decides:"true" of:"webhook" help:"webhook: in place of url, where it holds a credential, such as a signed query"`
	Secrets        []secret.String `key:"secrets" of:"webhook" help:"webhook: each signs every delivery, whsec_ and base64; two while the receiver changes over from one to the other"`
	Mode           string          `key:"mode" default:"structured" of:"webhook" help:"webhook: CloudEvents content mode, structured or binary; the signature covers the body, which in binary mode lacks the attributes"`
	Timeout        time.Duration   `key:"timeout" default:"10s" min:"100ms" max:"1m" of:"webhook, servicebus" help:"webhook, servicebus: limit of one delivery"`
	Concurrency    int             `key:"concurrency" default:"4" min:"1" max:"100" of:"webhook, servicebus" help:"webhook, servicebus: deliveries at once from one process"`
	AllowPlaintext bool            `key:"allow_plaintext" decides:"true" default:"false" of:"webhook" help:"webhook: permit http:// to a host other than this one"`
	Entity         string          `key:"entity" of:"servicebus" help:"servicebus: the queue or topic that events are sent to"`
	Connection     secret.String   `key:"connection_string" decides:"true" of:"servicebus" help:"servicebus: of its namespace, with Send; when absent the fleet's own, servicebus.connection_string"`
	Sessions       bool            `key:"sessions" default:"false" of:"servicebus" help:"servicebus: give each event its subject as session id, for a queue or subscription that demands sessions and keeps what is about one subject in order"`
	DigestsURL     string          `key:"digests_url" of:"webhook" help:"webhook: where the receiver is asked what it has, to compare it; see docs/how-to/reconcile.md"`
	Path           string          `key:"path" path:"true" of:"file" help:"file: where events are appended to, a line each"`
	MaxBytes       int             `key:"max_bytes" default:"0" min:"0" max:"1099511627776" of:"file" help:"file: it is put aside under a name with the time before it grows beyond; 0: never"`
	Types          []string        `key:"types" help:"patterns of the event types it is told, such as signalbox.customer.*; when absent all"`
}

var sinkTable = table{
	row: reflect.TypeFor[SinkRow](), one: "sink", example: `{"name":"crm","url":"https://crm.example/hooks","secrets":["env:CRM_WEBHOOK_SECRET"]}`,
	check: checkSinks,
}

// Address is where a webhook posts to.
func (s SinkRow) Address() string {
	if s.URL != "" {
		return s.URL
	}
	return s.SecretURL.Reveal()
}

// ReplySink names the sink of type servicebus that sends to a queue or topic of the fleet's own namespace.
func (c *Config) ReplySink(address string) (name string, ok bool) {
	for _, s := range c.Sinks {
		if s.Type == SinkServiceBus && s.Connection.IsZero() && address != "" && strings.EqualFold(s.Entity, address) {
			return s.Name, true
		}
	}
	return "", false
}

// Wants says whether the sink is told events of a type.
func (s SinkRow) Wants(typ string) bool {
	return len(s.Types) == 0 || slices.ContainsFunc(s.Types, func(pattern string) bool {
		ok, err := path.Match(pattern, typ)
		return ok && err == nil
	})
}

// checkSinks judges the rows one by one, each by its type, and that no two write one file.
func checkSinks(c *Config, r rows) {
	files := map[string]bool{}
	for i, s := range c.Sinks {
		if s.Name != "" && !plainName.MatchString(s.Name) {
			r.report(i, "name", "is no plain name", "use letters, digits, dots and dashes, at most 63")
		}
		for _, pattern := range s.Types {
			if _, err := path.Match(pattern, ""); err != nil || pattern == "" {
				r.report(i, "types", show(pattern)+" is no pattern", "write a type, with * for any part of it")
			}
		}
		switch s.Type {
		case SinkWebhook:
			checkWebhook(r, i, s)
		case SinkServiceBus:
			checkServiceBus(c, r, i)
		case SinkFile:
			checkFile(r, i, s, files)
		default:
			r.report(i, "type", show(s.Type)+" is no type of sink", "use webhook, servicebus or file")
			continue
		}
		checkForeign(r, i, s)
	}
}

// checkForeign finds what is set and is for sinks of another type. What is as by default is not set.
func checkForeign(r rows, i int, s SinkRow) {
	for _, col := range keysOf(reflect.TypeFor[SinkRow](), "", nil) {
		of, some := col.tag.Lookup("of")
		types := strings.Split(of, ", ")
		if some && !slices.Contains(types, s.Type) && isSet(col, col.of(reflect.ValueOf(s))) {
			of = strings.Join(types, " or ")
			r.report(i, col.name, "is for a sink of type "+of, "take it out, or set type to "+of)
		}
	}
}

// isSet says whether a column is another than by default.
func isSet(col key, v reflect.Value) bool {
	text := fmt.Sprint(v.Interface())
	if d, is := v.Interface().(time.Duration); is {
		text = short(d)
	}
	return !empty(v) && text != col.tag.Get("default")
}

func checkWebhook(r rows, i int, s SinkRow) {
	if (s.URL == "") == s.SecretURL.IsZero() {
		r.report(i, "url", "and secret_url are both set or both missing", "set one; secret_url if the URL holds a credential")
		return
	}
	column := "url"
	if s.URL == "" {
		column = "secret_url"
	}
	if err := httpout.CheckURL(s.Address(), s.AllowPlaintext); err != nil {
		r.report(i, column, err.Error(), "write https://host/path; allow_plaintext permits http on a network that is encrypted below")
	} else if column == "url" && httpout.HasQuery(s.URL) {
		r.report(i, "url", "holds a query, which may be a credential", "put it into secret_url")
	}
	if len(s.Secrets) == 0 {
		r.report(i, "secrets", "is missing", "name the secret that signs deliveries, env:NAME or file:PATH; make one with: echo whsec_$(openssl rand -base64 32)")
	}
	if s.DigestsURL != "" {
		if err := httpout.CheckURL(s.DigestsURL, s.AllowPlaintext); err != nil {
			r.report(i, "digests_url", err.Error(), "write https://host/path; allow_plaintext permits http on a network that is encrypted below")
		} else if httpout.HasQuery(s.DigestsURL) {
			r.report(i, "digests_url", "holds a query, which may be a credential", "take it out: the question is signed as deliveries are")
		}
	}
	for _, one := range s.Secrets {
		if _, err := webhook.Key(one); err != nil {
			r.report(i, "secrets", "holds one that "+err.Error(), "put such a one in its place")
		}
	}
	if s.Mode != string(webhook.Structured) && s.Mode != string(webhook.Binary) {
		r.report(i, "mode", show(s.Mode)+" is no content mode", "use structured or binary")
	}
}

// checkServiceBus judges where events are sent to, above all that they do not come back: what a sink sends to a queue of ours, or to a
// topic that we have subscribed to, would be taken for an event, fail, and be told of in turn.
func checkServiceBus(c *Config, r rows, i int) {
	s := c.Sinks[i]
	if !s.Connection.IsZero() {
		for _, w := range connectionString(s.Connection.Reveal()) {
			r.report(i, "connection_string", w.what, w.do)
		}
	}
	switch {
	case s.Entity == "":
		r.report(i, "entity", "is missing", "name the queue or topic that events are sent to")
	case subscription.Is(s.Entity):
		r.report(i, "entity", show(s.Entity)+" is a subscription, which takes no messages", "name its topic, or a queue")
	case !queueName.MatchString(s.Entity):
		r.report(i, "entity", show(s.Entity)+" is no name of a queue or topic", "use letters, digits, dots, dashes, slashes and underscores")
	case c.ours(s):
		r.report(i, "entity", show(s.Entity)+" is one of our own queues, one of servicebus.queues, or the topic of one", "name another: what is sent there would come back to us")
	}
}

// ours says whether a sink would send to where we receive from: the names are the same, and so is the namespace.
func (c *Config) ours(s SinkRow) bool {
	host := func(connection string) string {
		u, err := url.Parse(connectionParts(connection)["endpoint"])
		if err != nil {
			return ""
		}
		return strings.ToLower(u.Host)
	}
	if !s.Connection.IsZero() && host(s.Connection.Reveal()) != host(c.ServiceBus.ConnectionString.Reveal()) {
		return false
	}
	return slices.ContainsFunc(slices.Concat(c.ServiceBus.Queues, c.ServiceBus.OwnQueue.All()), func(q string) bool {
		return strings.EqualFold(subscription.SendTo(q), s.Entity)
	})
}

// Namespace is the connection string that a sink of type servicebus uses.
func (s SinkRow) Namespace(c *Config) secret.String {
	if s.Connection.IsZero() {
		return c.ServiceBus.ConnectionString
	}
	return s.Connection
}

func checkFile(r rows, i int, s SinkRow, files map[string]bool) {
	if s.Path == "" {
		r.report(i, "path", "is missing", "name the file that events are appended to")
		return
	}
	file := filepath.Clean(s.Path)
	if files[file] {
		r.report(i, "path", "is another row's file, too", "give each sink a file of its own")
	}
	files[file] = true
}

// channelSinks finds names that no sink has, and names that stand twice.
func channelSinks(c *Config) (all []wrong) {
	for _, ch := range c.Channels {
		seen := map[string]bool{}
		for _, name := range ch.Sinks {
			known := slices.ContainsFunc(c.Sinks, func(s SinkRow) bool { return s.Name == name })
			all = append(all, unless(known || name == "", "names the sink "+show(name)+" in row "+show(ch.Name)+", which sinks has no row for", "add the row, or take the name out")...)
			all = append(all, unless(!seen[name], "names the sink "+show(name)+" twice in row "+show(ch.Name), "name it once")...)
			seen[name] = true
		}
	}
	return all
}
