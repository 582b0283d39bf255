package config

import (
	"encoding/base64"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/signalbox/signalbox/internal/joined"
	"github.com/signalbox/signalbox/internal/redisurl"
	"github.com/signalbox/signalbox/internal/subscription"
)

// A relation is what must hold of one key, or between several. It is not asked when one of its keys could not be
// read. The first key is the one that is named.
type relation struct {
	keys  []string
	wrong func(c *Config) []wrong
}

const (
	maxDebug    = 24 * time.Hour
	minHashKey  = 32
	minSample   = time.Second
	minBeat     = 2 * time.Second // two that are nearer are taken for one
	minDistinct = 8               // of the bytes of a hash key: below that it was typed, not drawn
)

var (
	plainName        = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$`)
	csuName          = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$`)
	keyID            = regexp.MustCompile(`^[a-z0-9]{1,16}$`)
	queueName        = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._/-]{0,258}[A-Za-z0-9])?$`)
	subscriptionName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]{0,48}[A-Za-z0-9])?$`)
	apiVersion       = regexp.MustCompile(`^[0-9]{1,3}\.[0-9]{1,3}$`)
)

var relations = append([]relation{
	{[]string{"environment"}, func(c *Config) []wrong {
		return unless(plainName.MatchString(c.Environment), "is no plain name", "use letters, digits, dots and dashes, at most 63")
	}},
	{[]string{"servicebus.connection_string"}, func(c *Config) []wrong {
		return connectionString(c.ServiceBus.ConnectionString.Reveal())
	}},
	{[]string{"servicebus.admin_endpoint", "servicebus.connection_string", "sampler.connection_string"}, adminEndpoint},
	{[]string{"servicebus.queues", "servicebus.own_queue.live", "servicebus.own_queue.bulk", "servicebus.own_queue.replay"}, queues},
	{[]string{"servicebus.own_queue.live"}, func(c *Config) []wrong { return queue(c.ServiceBus.OwnQueue.Live) }},
	{[]string{"servicebus.own_queue.bulk"}, func(c *Config) []wrong { return queue(c.ServiceBus.OwnQueue.Bulk) }},
	{[]string{"servicebus.own_queue.bulk", "servicebus.own_queue.live"}, func(c *Config) []wrong {
		return unless(!strings.EqualFold(c.ServiceBus.OwnQueue.Bulk, c.ServiceBus.OwnQueue.Live), "is servicebus.own_queue.live too",
			"give each lane a queue of its own, or a full export waits in front of live events")
	}},
	{[]string{"servicebus.own_queue.replay"}, func(c *Config) []wrong { return queue(c.ServiceBus.OwnQueue.Replay) }},
	{[]string{"servicebus.own_queue.replay", "servicebus.own_queue.live"}, func(c *Config) []wrong {
		return unless(!strings.EqualFold(c.ServiceBus.OwnQueue.Replay, c.ServiceBus.OwnQueue.Live), "is servicebus.own_queue.live too",
			"give each lane a queue of its own, or replays wait in front of live events")
	}},
	{[]string{"servicebus.own_queue.replay", "servicebus.own_queue.bulk"}, func(c *Config) []wrong {
		return unless(!strings.EqualFold(c.ServiceBus.OwnQueue.Replay, c.ServiceBus.OwnQueue.Bulk), "is servicebus.own_queue.bulk too",
			"give each lane a queue of its own, or replays wait behind a full export")
	}},
	{[]string{"scenarios.off"}, scenariosOff},
	{[]string{"scenarios.steps_off"}, stepsOff},
	{[]string{"redis.url", "redis.allow_plaintext"}, redisURL},
	{[]string{"csu.name"}, func(c *Config) []wrong {
		return unless(csuName.MatchString(c.CSU.Name), "is no plain name", "use lower-case letters, digits and dashes, at most 32")
	}},
	{[]string{"csu.url", "csu.allow_plaintext"}, func(c *Config) []wrong {
		return httpURL(c.CSU.URL, c.CSU.AllowPlaintext)
	}},
	{[]string{"csu.token_url", "csu.allow_plaintext"}, func(c *Config) []wrong {
		return httpURL(c.CSU.TokenURL, c.CSU.AllowPlaintext)
	}},
	{[]string{"csu.resource", "csu.scope"}, func(c *Config) []wrong {
		return unless((c.CSU.Resource == "") != (c.CSU.Scope == ""), "and csu.scope are both set or both missing",
			"set csu.resource for a version 1 token endpoint, csu.scope for a version 2 one")
	}},
	{[]string{"csu.scheme"}, func(c *Config) []wrong {
		return unless(slices.Contains([]string{"id_token", "bearer"}, strings.ToLower(c.CSU.Scheme)), "is neither id_token nor bearer",
			"use id_token, as the documentation of Commerce does, unless the CSU refuses it")
	}},
	{[]string{"csu.api_version"}, func(c *Config) []wrong {
		return unless(apiVersion.MatchString(c.CSU.APIVersion), "is no version", "write it as 7.3")
	}},
	{[]string{"csu.write_timeout", "csu.max_execution"}, func(c *Config) []wrong {
		return within(c.CSU.WriteTimeout, c.CSU.MaxExecution, "csu.max_execution", "a write that was given up may still land until then")
	}},
	{[]string{"csu.read_timeout", "csu.write_timeout"}, func(c *Config) []wrong {
		return within(c.CSU.ReadTimeout, c.CSU.WriteTimeout, "csu.write_timeout", "a read is the shorter of the two")
	}},
	{[]string{"run.renew", "run.lease"}, func(c *Config) []wrong {
		return within(2*c.Run.Renew, c.Run.Lease, "run.lease, twice over", "one renewal that fails must not cost the claim")
	}},
	{[]string{"run.lease", "run.max"}, func(c *Config) []wrong {
		return within(c.Run.Lease, c.Run.Max, "run.max", "a claim is made for a go at an event")
	}},
	{[]string{"run.retry_for", "run.max"}, func(c *Config) []wrong {
		return within(c.Run.RetryFor, c.Run.Max, "run.max", "a step is tried again within one go")
	}},
	{[]string{"run.wait_first", "run.wait_most"}, func(c *Config) []wrong {
		return within(c.Run.WaitFirst, c.Run.WaitMost, "run.wait_most", "waits get longer")
	}},
	{[]string{"run.patience", "run.keep"}, func(c *Config) []wrong {
		return within(c.Run.Patience, c.Run.Keep, "run.keep", "what waits must not be forgotten meanwhile")
	}},
	{[]string{"run.reschedule"}, func(c *Config) []wrong {
		return unless(slices.IsSorted(c.Run.Reschedule), "goes down", "let each wait be at least as long as the one before")
	}},
	{[]string{"run.keep", "run.reschedule", "run.max"}, func(c *Config) []wrong {
		span := time.Duration(len(c.Run.Reschedule)+1) * c.Run.Max
		for _, d := range c.Run.Reschedule {
			span += d
		}
		return unless(c.Run.Keep > span, "of "+short(c.Run.Keep)+" ends before the last attempt",
			"choose more than "+short(span)+", the waits of run.reschedule and a run.max for each attempt")
	}},
	{[]string{"channels", "sinks.name"}, channelSinks},
	{[]string{"sampler.interval"}, func(c *Config) []wrong { return neverOr(c.Sampler.Interval, minSample) }},
	{[]string{"sampler.connection_string"}, func(c *Config) []wrong {
		if c.Sampler.ConnectionString.IsZero() {
			return nil
		}
		return connectionString(c.Sampler.ConnectionString.Reveal())
	}},
	{[]string{"heartbeat.interval"}, func(c *Config) []wrong { return neverOr(c.Heartbeat.Interval, minBeat) }},
	{[]string{"hash.key"}, func(c *Config) []wrong { return hashKey(c.Hash.Bytes()) }},
	{[]string{"hash.key_id"}, func(c *Config) []wrong {
		return unless(keyID.MatchString(c.Hash.KeyID), "is no key id", "use 1 to 16 lower-case letters and digits, such as k1")
	}},
	{[]string{"admin.listen"}, func(c *Config) []wrong { return listenAddress(c.Admin.Listen) }},
	{[]string{"log.level", "log.debug_until"}, logLevel},
}, slices.Concat(authorityLists(), visibility())...)

// Check says whether everything fits together, for a Config that the program changed after loading. The error joins
// every Problem.
func (c *Config) Check() error {
	l := &loading{bad: map[string]bool{}}
	l.relations(c)
	return joined.Error(l.problems)
}

func (l *loading) relations(c *Config) {
	for _, r := range relations {
		if slices.ContainsFunc(r.keys, func(k string) bool { return l.bad[k] }) {
			continue
		}
		for _, w := range r.wrong(c) {
			l.problems = append(l.problems, Problem{r.keys[0], c.origin(r.keys[0]), w.what, w.do})
		}
	}
	l.tables(c)
}

func unless(holds bool, what, do string) []wrong {
	if holds {
		return nil
	}
	return []wrong{{what, do}}
}

func within(d, limit time.Duration, limitName, why string) []wrong {
	return unless(d <= limit, "is longer than "+limitName+" ("+short(limit)+") allows", "shorten it: "+why)
}

// neverOr accepts 0 for never, else a time that is not too short.
func neverOr(d, least time.Duration) []wrong {
	return unless(d == 0 || d >= least, "of "+short(d)+" is too often", "choose "+short(least)+" or more, or 0s for never")
}

// Bytes is the key itself: what base64 decodes to, if that is long enough, else the text's own bytes.
func (h Hash) Bytes() []byte {
	text := h.Key.Reveal()
	for _, e := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		if b, err := e.DecodeString(text); err == nil && len(b) >= minHashKey {
			return b
		}
	}
	return []byte(text)
}

func hashKey(key []byte) []wrong {
	const do = "make one with: openssl rand -base64 32"
	distinct := map[byte]bool{}
	for _, b := range key {
		distinct[b] = true
	}
	if len(key) < minHashKey {
		return []wrong{{fmt.Sprintf("has %d bytes, fewer than %d", len(key), minHashKey), do}}
	}
	return unless(len(distinct) >= minDistinct, "is not random", do)
}

func connectionParts(s string) map[string]string {
	part := map[string]string{}
	for p := range strings.SplitSeq(s, ";") {
		name, value, _ := strings.Cut(p, "=")
		part[strings.ToLower(strings.TrimSpace(name))] = strings.TrimSpace(value)
	}
	return part
}

func connectionString(s string) []wrong {
	part := connectionParts(s)
	const do = "copy the connection string of a shared access policy of the namespace"
	endpoint, err := url.Parse(part["endpoint"])
	signed := part["sharedaccesssignature"] != "" || (part["sharedaccesskeyname"] != "" && part["sharedaccesskey"] != "")
	return slices.Concat(
		unless(err == nil && endpoint.Scheme == "sb" && endpoint.Host != "", "has no Endpoint=sb://…", do),
		unless(signed, "has no SharedAccessKeyName and SharedAccessKey", do),
		unless(part["entitypath"] == "", "is for one queue (EntityPath), and Signalbox uses several", do),
	)
}

// adminEndpoint allows http for an emulator alone: each request carries a token.
func adminEndpoint(c *Config) []wrong {
	if c.ServiceBus.AdminEndpoint == "" {
		return nil
	}
	u, err := url.Parse(c.ServiceBus.AdminEndpoint)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return []wrong{{"is no address of an administration API", "write it as https://host or, for an emulator, http://localhost:5300"}}
	}
	emulator, _ := strconv.ParseBool(connectionParts(c.Looking().Reveal())["usedevelopmentemulator"])
	return unless(u.Scheme == "https" || emulator, "is http, and the connection string is no emulator's", "use https, or leave it out: then it is the namespace's own")
}

func queues(c *Config) (all []wrong) {
	seen := map[string]bool{} // Service Bus ignores case
	for _, own := range c.ServiceBus.OwnQueue.All() {
		seen[strings.ToLower(own)] = true
	}
	for _, q := range c.ServiceBus.Queues {
		all = append(all, source(q)...)
		all = append(all, unless(!seen[strings.ToLower(q)], show(q)+" stands there twice, or is our own queue too",
			"name each queue once, and keep those of servicebus.own_queue apart")...)
		seen[strings.ToLower(q)] = true
	}
	for _, q := range c.ServiceBus.Queues {
		topic := subscription.SendTo(q)
		all = append(all, unless(topic == q || !seen[strings.ToLower(topic)], show(topic)+" is the topic of "+show(q)+" and the name of a queue, too",
			"name what receives: subscriptions, or a queue of another name")...)
	}
	return all
}

// source judges the name of a queue, or the address of a subscription.
func source(name string) []wrong {
	topic, of, is := subscription.Split(name)
	if !is {
		return queue(name)
	}
	return unless(queueName.MatchString(topic) && !subscription.Is(topic) && subscriptionName.MatchString(of), show(name)+" is no address of a subscription",
		"write topic/Subscriptions/name, the name of at most 50 letters, digits, dots, dashes and underscores")
}

func queue(name string) []wrong {
	if subscription.Is(name) {
		return []wrong{{show(name) + " is a subscription, and whoever else subscribes to its topic would get our copies", "name a queue of its own"}}
	}
	return unless(queueName.MatchString(name), show(name)+" is no name of a queue", "use letters, digits, dots, dashes, slashes and underscores")
}

// httpURL never quotes the URL: it may hold credentials.
func httpURL(s string, allowPlaintext bool) []wrong {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		return []wrong{{"is no URL of a web server", "write it as https://host/path"}}
	}
	return slices.Concat(
		unless(u.User == nil && u.RawQuery == "" && u.Fragment == "", "holds credentials, a query or a fragment", "leave only scheme, host and path"),
		unless(u.Scheme == "https" || allowPlaintext || loopback(u.Hostname()), "is plain http to another host",
			"use https, or set csu.allow_plaintext for a network that is encrypted below"),
	)
}

// redisURL never quotes the URL: it holds a password.
func redisURL(c *Config) []wrong {
	u, problems := redisurl.Parse(c.Redis.URL.Reveal())
	var all []wrong
	for _, p := range problems {
		all = append(all, wrong{p.What, p.Do})
	}
	if len(all) > 0 {
		return all
	}
	near := u.Near()
	return slices.Concat(
		unless(u.TLS || near || c.Redis.AllowPlaintext, "is plain redis:// to another host",
			"use rediss://, or set redis.allow_plaintext for a network that is encrypted below"),
		unless(u.Password != "" || near, "has no password and is on another host", "give Redis a user with a password, and put both into the URL"),
	)
}

func loopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || (err == nil && a.IsLoopback())
}

func listenAddress(s string) []wrong {
	_, port, err := net.SplitHostPort(s)
	if err == nil {
		_, err = net.LookupPort("tcp", port)
	}
	return unless(err == nil, "is no address to listen on", "write it as 127.0.0.1:9464, or :9464 for every interface")
}

func logLevel(c *Config) []wrong {
	if c.Log.Level != "debug" {
		return unless(slices.Contains([]string{"info", "warn", "error"}, c.Log.Level), show(c.Log.Level)+" is no level", "use debug, info, warn or error")
	}
	left := time.Until(c.Log.DebugUntil)
	return unless(left > 0 && left <= maxDebug, "is debug without a time in the next 24 hours at which that ends",
		"set log.debug_until to such a time, or the level to info")
}
