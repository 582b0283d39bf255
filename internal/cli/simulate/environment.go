package simulate

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/signalbox/signalbox/test/sim/csu"
	"github.com/signalbox/signalbox/test/sim/servicebus"
	"github.com/signalbox/signalbox/test/sim/sink"
)

// ownQueues are Signalbox's own, as the configuration names them by default.
var ownQueues = []string{"signalbox-live", "signalbox-replay"}

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
	name, rest, more := strings.Cut(text, ",")
	q := servicebus.Queue{Name: name}
	if name == "" || strings.Contains(name, "=") {
		return q, fmt.Errorf("%q does not begin with the name of a queue", text)
	}
	for more {
		var setting string
		setting, rest, more = strings.Cut(rest, ",")
		key, value, _ := strings.Cut(setting, "=")
		var err error
		switch key {
		case "lock":
			q.LockDuration, err = time.ParseDuration(value)
		case "max-delivery":
			q.MaxDeliveryCount, err = strconv.Atoi(value)
		case "max-bytes":
			q.MaxMessageBytes, err = strconv.Atoi(value)
		default:
			return q, fmt.Errorf("%q is none of lock, max-delivery and max-bytes", key)
		}
		if err != nil {
			return q, fmt.Errorf("%s=%s is not readable: write lock=30s, max-delivery=10, max-bytes=262144", key, value)
		}
	}
	return q, nil
}

func brokerEnvironment(connection string, queues []servicebus.Queue) []Variable {
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
	return append(env, Variable{"SIGNALBOX_SERVICEBUS_QUEUES", strings.Join(sources, ",")})
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
