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

// emulated is the part of the config.json of Microsoft's Service Bus emulator that names queues. Names of members are matched
// without regard to case, as the emulator does.
// Source: learn.microsoft.com, "Test locally by using the Azure Service Bus emulator".
type emulated struct {
	UserConfig struct {
		Namespaces []struct {
			Name   string
			Queues []struct {
				Name       string
				Properties map[string]json.RawMessage
			}
			Topics []struct{ Name string }
		}
	}
}

// Emulated reads the queues of a config.json. Topics, which are not simulated, are only named. Everything that a queue asks for
// and this broker does not have is refused, all of it at once.
func Emulated(file string) (queues []servicebus.Queue, topics []string, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, nil, err
	}
	queues, topics, err = readEmulated(text)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", file, err)
	}
	return queues, topics, nil
}

func readEmulated(text []byte) (queues []servicebus.Queue, topics []string, err error) {
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
	var problems []error
	seen := map[string]bool{}
	for i, q := range spaces[0].Queues {
		at := fmt.Sprintf("queue %q", q.Name)
		switch name := strings.ToLower(q.Name); {
		case name == "":
			problems = append(problems, fmt.Errorf("queue %d has no Name", i+1))
		case seen[name]:
			problems = append(problems, fmt.Errorf("%s is there twice", at))
		default:
			seen[name] = true
		}
		queue := servicebus.Queue{Name: q.Name}
		for name, value := range q.Properties {
			if err := property(&queue, strings.ToLower(name), value); err != nil {
				problems = append(problems, fmt.Errorf("%s, %s: %w", at, name, err))
			}
		}
		queues = append(queues, queue)
	}
	for _, t := range spaces[0].Topics {
		topics = append(topics, t.Name)
	}
	if len(queues) == 0 && len(problems) == 0 {
		problems = append(problems, errors.New("it names no queue"))
	}
	return queues, topics, errors.Join(problems...)
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
	return errors.New("is no property of the emulator's queues; correct or remove it")
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
