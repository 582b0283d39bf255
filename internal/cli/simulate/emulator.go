package simulate

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/tailscale/hujson"

	"github.com/signalbox/signalbox/internal/isoduration"
	"github.com/signalbox/signalbox/test/sim/servicebus"
)

// emulated is the part of the config.json of Microsoft's Service Bus emulator that names queues and topics. Names of members are
// matched without regard to case, as the emulator does.
// Source: learn.microsoft.com, "Test locally by using the Azure Service Bus emulator".
type emulated struct {
	UserConfig struct {
		Namespaces []struct {
			Name   string
			Queues []emulatedEntity
			Topics []struct {
				emulatedEntity
				Subscriptions []struct {
					emulatedEntity
					Rules []emulatedRule
				}
			}
		}
	}
}

type emulatedEntity struct {
	Name       string
	Properties map[string]json.RawMessage
}

type emulatedRule struct {
	Name       string
	Properties struct {
		FilterType        string
		CorrelationFilter struct {
			ContentType, CorrelationID, Label, MessageID, ReplyTo, ReplyToSessionID, SessionID, To *string

			Properties map[string]any
		}
		SQLFilter struct{ SQLExpression string }
		Action    json.RawMessage
	}
}

// Emulated reads the queues and topics of a config.json. Everything that it asks for and this broker does not have is refused, all
// of it at once.
func Emulated(file string) ([]servicebus.Queue, []servicebus.Topic, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, nil, err
	}
	queues, topics, err := readEmulated(text)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", file, err)
	}
	return queues, topics, nil
}

func readEmulated(text []byte) ([]servicebus.Queue, []servicebus.Topic, error) {
	plain, err := hujson.Standardize(text) // it may have comments and trailing commas
	if err != nil {
		return nil, nil, fmt.Errorf("it is not JSON: %w", err)
	}
	var c emulated
	if err := json.Unmarshal(plain, &c); err != nil {
		return nil, nil, fmt.Errorf("it is not a config.json of the emulator: %w", err)
	}
	spaces := c.UserConfig.Namespaces
	if len(spaces) != 1 {
		return nil, nil, fmt.Errorf("UserConfig.Namespaces has %d namespaces; write exactly one", len(spaces))
	}
	r := emulatedReader{names: map[string]bool{}}
	var queues []servicebus.Queue
	var topics []servicebus.Topic
	for i, q := range spaces[0].Queues {
		queues = append(queues, r.queue("queue", i, "", q))
	}
	for i, t := range spaces[0].Topics {
		q := r.queue("topic", i, "", t.emulatedEntity)
		topic := servicebus.Topic{Name: q.Name, DefaultTTL: q.DefaultTTL, DuplicateDetection: q.DuplicateDetection, DuplicateWindow: q.DuplicateWindow}
		for j, s := range t.Subscriptions {
			q := r.queue("subscription", j, t.Name+"/Subscriptions/", s.emulatedEntity)
			topic.Subscriptions = append(topic.Subscriptions, servicebus.Subscription{Topic: t.Name, Name: s.Name, LockDuration: q.LockDuration,
				MaxDeliveryCount: q.MaxDeliveryCount, DefaultTTL: q.DefaultTTL, DeadLetterExpired: q.DeadLetterExpired, Rules: r.rules(q.Name, s.Rules)})
		}
		topics = append(topics, topic)
	}
	if len(queues)+len(topics) == 0 && len(r.problems) == 0 {
		r.problems = append(r.problems, errors.New("it names no queue and no topic"))
	}
	return queues, topics, errors.Join(r.problems...)
}

// emulatedReader collects what is wrong with a file.
type emulatedReader struct {
	names    map[string]bool // of queues and topics, and paths of subscriptions, in lower case
	problems []error
}

func (r *emulatedReader) say(format string, args ...any) {
	r.problems = append(r.problems, fmt.Errorf(format, args...))
}

// queue reads an entity of any kind as a queue: what the others have they have in common with it. Its name is its path.
func (r *emulatedReader) queue(what string, i int, above string, e emulatedEntity) servicebus.Queue {
	q := servicebus.Queue{Name: above + e.Name}
	switch name := strings.ToLower(q.Name); {
	case e.Name == "":
		r.say("%s %d has no Name", what, i+1)
	case r.names[name]:
		r.say("%s %q is there twice", what, q.Name)
	default:
		r.names[name] = true
	}
	for name, value := range e.Properties {
		if err := property(&q, strings.ToLower(name), value); err != nil {
			r.say("%s %q, %s: %w", what, q.Name, name, err)
		}
	}
	return q
}

// rules reads those of a subscription; without any, everything is selected.
func (r *emulatedReader) rules(path string, all []emulatedRule) (rules []servicebus.Rule) {
	for _, one := range all {
		filter, err := one.filter()
		if err != nil {
			r.say("rule %q of %q: %w", one.Name, path, err)
			continue
		}
		rules = append(rules, servicebus.Rule{Name: one.Name, Filter: filter})
	}
	return rules
}

func (e emulatedRule) filter() (servicebus.Filter, error) {
	p, c := e.Properties, e.Properties.CorrelationFilter
	switch {
	case len(p.Action) > 0 && string(p.Action) != "null":
		return nil, errors.New("an Action is not simulated; leave it out, and test what needs it against the emulator")
	case strings.EqualFold(p.FilterType, "Sql"):
		return servicebus.SQLFilter(p.SQLFilter.SQLExpression)
	case !strings.EqualFold(p.FilterType, "Correlation"):
		return nil, fmt.Errorf("FilterType %q is neither Correlation nor Sql", p.FilterType)
	}
	filter := servicebus.CorrelationFilter{ContentType: c.ContentType, CorrelationID: c.CorrelationID, Label: c.Label, MessageID: c.MessageID,
		ReplyTo: c.ReplyTo, ReplyToSessionID: c.ReplyToSessionID, SessionID: c.SessionID, To: c.To, Properties: c.Properties}
	if filter.Empty() {
		return nil, errors.New("its CorrelationFilter compares nothing")
	}
	return filter, nil
}

func property(q *servicebus.Queue, name string, value json.RawMessage) (err error) {
	switch name {
	case "lockduration":
		return span(&q.LockDuration, value)
	case "defaultmessagetimetolive":
		return span(&q.DefaultTTL, value)
	case "duplicatedetectionhistorytimewindow":
		return span(&q.DuplicateWindow, value)
	case "maxdeliverycount":
		return plainly(&q.MaxDeliveryCount, value, "a whole number")
	case "requiresduplicatedetection":
		return plainly(&q.DuplicateDetection, value, "true or false")
	case "deadletteringonmessageexpiration":
		return plainly(&q.DeadLetterExpired, value, "true or false")
	case "requiressession", "forwardto", "forwarddeadletteredmessagesto":
		if off := strings.Trim(string(value), `" `); off != "" && off != "false" && off != "null" {
			return errors.New("is not simulated; leave it out, and test what needs it against the emulator")
		}
		return nil
	}
	return errors.New("is no property of the emulator's queues, topics and subscriptions; correct or remove it")
}

func span[D ~int64](to *D, value json.RawMessage) error {
	var text string
	if err := plainly(&text, value, "a duration such as PT1M"); err != nil {
		return err
	}
	d, err := isoduration.Parse(text)
	*to = D(d)
	return err
}

func plainly(to any, value json.RawMessage, what string) error {
	if json.Unmarshal(value, to) != nil {
		return fmt.Errorf("%s is not %s", value, what)
	}
	return nil
}
