package simulate

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/signalbox/signalbox/test/sim/csu"
	"github.com/signalbox/signalbox/test/sim/servicebus"
	"github.com/signalbox/signalbox/test/sim/sink"
)

// ownQueues are Signalbox's own, as the configuration names them by default.
var ownQueues = []string{"signalbox-live", "signalbox-bulk", "signalbox-replay"}

// DefaultQueues are those that the configuration names by default.
func DefaultQueues() []servicebus.Queue {
	queues := []servicebus.Queue{{Name: "signalbox-in"}}
	for _, own := range ownQueues {
		queues = append(queues, servicebus.Queue{Name: own, MaxDeliveryCount: 50})
	}
	return queues
}

// Queue reads NAME[,lock=30s][,max-delivery=10][,max-bytes=262144].
func Queue(text string) (servicebus.Queue, error) {
	q := servicebus.Queue{}
	var err error
	q.Name, err = settings(text, "queue", map[string]func(string) error{
		"lock": lasting(&q.LockDuration), "max-delivery": counting(&q.MaxDeliveryCount), "max-bytes": counting(&q.MaxMessageBytes),
	}, nil)
	return q, err
}

// Topic reads NAME[,duplicate-window=10m][,max-bytes=262144].
func Topic(text string) (servicebus.Topic, error) {
	t := servicebus.Topic{}
	var err error
	t.Name, err = settings(text, "topic", map[string]func(string) error{
		"duplicate-window": lasting(&t.DuplicateWindow), "max-bytes": counting(&t.MaxMessageBytes),
	}, nil)
	t.DuplicateDetection = t.DuplicateWindow > 0
	return t, err
}

// Subscription reads TOPIC/Subscriptions/NAME[,lock=30s][,max-delivery=10][,subject=TEXT][,property.NAME=TEXT]. With a subject or
// properties it has one rule, which selects what has all of them.
func Subscription(text string) (servicebus.Subscription, error) {
	s, filter := servicebus.Subscription{}, servicebus.CorrelationFilter{Properties: map[string]any{}}
	path, err := settings(text, "subscription", map[string]func(string) error{
		"lock": lasting(&s.LockDuration), "max-delivery": counting(&s.MaxDeliveryCount),
		"subject": func(value string) error { filter.Label = &value; return nil },
	}, func(name, value string) bool {
		name, is := strings.CutPrefix(name, "property.")
		filter.Properties[name] = value
		return is
	})
	if err != nil {
		return s, err
	}
	at := strings.LastIndex(strings.ToLower(path), "/subscriptions/")
	if at < 1 {
		return s, fmt.Errorf("%q is not the path of a subscription: write TOPIC/Subscriptions/NAME", path)
	}
	s.Topic, s.Name = path[:at], path[at+len("/subscriptions/"):]
	if !filter.Empty() {
		s.Rules = []servicebus.Rule{{Name: "declared", Filter: filter}}
	}
	return s, nil
}

// Subscribe puts subscriptions under their topics, which it makes where they are not there.
func Subscribe(topics []servicebus.Topic, subscriptions []servicebus.Subscription) []servicebus.Topic {
	for _, s := range subscriptions {
		i := slices.IndexFunc(topics, func(t servicebus.Topic) bool { return strings.EqualFold(t.Name, s.Topic) })
		if i < 0 {
			i, topics = len(topics), append(topics, servicebus.Topic{Name: s.Topic})
		}
		topics[i].Subscriptions = append(topics[i].Subscriptions, s)
	}
	return topics
}

// settings reads a name and what is set behind it; other takes what known has no name for, property.NAME.
func settings(text, what string, known map[string]func(value string) error, other func(name, value string) bool) (name string, err error) {
	name, rest, more := strings.Cut(text, ",")
	if name == "" || strings.Contains(name, "=") {
		return name, fmt.Errorf("%q does not begin with the name of a %s", text, what)
	}
	for more {
		var setting string
		setting, rest, more = strings.Cut(rest, ",")
		key, value, _ := strings.Cut(setting, "=")
		set := known[key]
		switch {
		case set == nil && (other == nil || !other(key, value)):
			names := slices.Sorted(maps.Keys(known))
			if other != nil {
				names = append(names, "property.NAME")
			}
			return name, fmt.Errorf("%q is none of %s", key, strings.Join(names, ", "))
		case set == nil:
		case set(value) != nil:
			return name, fmt.Errorf("%s=%s is not readable: write a time as 30s and a number as 10", key, value)
		}
	}
	return name, nil
}

func lasting(to *time.Duration) func(string) error {
	return func(value string) (err error) {
		*to, err = time.ParseDuration(value)
		return err
	}
}

func counting(to *int) func(string) error {
	return func(value string) (err error) {
		*to, err = strconv.Atoi(value)
		return err
	}
}

func brokerEnvironment(connection string, queues []servicebus.Queue, topics []servicebus.Topic) []Variable {
	var sources []string
	env := []Variable{{"SIGNALBOX_SERVICEBUS_CONNECTION_STRING", connection}}
	for _, q := range queues {
		if !slices.Contains(ownQueues, q.Name) {
			sources = append(sources, q.Name)
			continue
		}
		if q.Name == ownQueues[0] && q.MaxDeliveryCount > 0 {
			env = append(env, Variable{"SIGNALBOX_SERVICEBUS_OWN_MAX_DELIVERY_COUNT", strconv.Itoa(q.MaxDeliveryCount)})
		}
	}
	return append(env, Variable{"SIGNALBOX_SERVICEBUS_QUEUES", strings.Join(append(sources, ourSubscriptions(topics)...), ",")})
}

// ourSubscriptions are those whose name begins with signalbox; when there are none, all.
func ourSubscriptions(topics []servicebus.Topic) []string {
	var ours, all []string
	for _, t := range topics {
		for _, s := range t.Subscriptions {
			s.Topic = t.Name
			all = append(all, s.Path())
			if strings.HasPrefix(strings.ToLower(s.Name), "signalbox") {
				ours = append(ours, s.Path())
			}
		}
	}
	if len(ours) == 0 {
		return all
	}
	return ours
}

func (c CSU) environment(url string) []Variable {
	oun := csu.DefaultOUN
	if len(c.Options.Channels) > 0 {
		oun = c.Options.Channels[0].OUN
	}
	env := []Variable{
		{"SIGNALBOX_CSU_URL", url},
		{"SIGNALBOX_CSU_TOKEN_URL", url + "/contoso/oauth2/token"},
		{"SIGNALBOX_CSU_CLIENT_ID", csu.DefaultClientID},
		{"SIGNALBOX_CSU_CLIENT_SECRET", csu.DefaultClientSecret},
		{"SIGNALBOX_CSU_RESOURCE", url},
		{"SIGNALBOX_CHANNELS", fmt.Sprintf(`[{"name":"main","oun":%q,"legal_entity":"usrt","currency":"USD","language":"en-us"}]`, oun)},
	}
	if c.Options.SearchLag > 0 {
		env = append(env, Variable{"SIGNALBOX_CSU_SEARCH_LAG", c.Options.SearchLag.String()})
	}
	return env
}

func (s Sink) environment(url string) []Variable {
	secrets := s.Options.Secrets
	if len(secrets) == 0 {
		secrets = []string{sink.DefaultSecret}
	}
	quoted := make([]string, len(secrets))
	for i, one := range secrets {
		quoted[i] = strconv.Quote(one)
	}
	return []Variable{{"SIGNALBOX_SINKS", fmt.Sprintf(`[{"name":"crm","url":%q,"secrets":[%s]}]`, url+"/hooks", strings.Join(quoted, ","))}}
}

// Export is the variable as a line that a shell reads.
func (v Variable) Export() string {
	return "export " + v.Name + "='" + strings.ReplaceAll(v.Value, "'", `'\''`) + "'"
}
