package redisstore

import (
	"context"
	_ "embed" // the script
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/signalbox/signalbox/internal/rediskey"
)

//go:embed announce.lua
var announceText string

var announceScript = redis.NewScript(announceText)

const (
	// rememberDead is how long a process that died is remembered: until its last messages have come to somebody else.
	rememberDead = 24 * time.Hour
	// tidyEvery is how many announcements of a process go by until one also forgets the dead of yesterday.
	tidyEvery = 60
)

// Members are the processes of a fleet, each by what it says of itself. Claims ask it whether the process that let a run go has
// died. One whose time is over without a word has; one that left has not; and of one that is not there at all nobody knows.
//
// Announce and Leave are one loop's; everything else is safe for concurrent use.
type Members struct {
	client redis.UniversalClient
	key    string
	said   int
}

// NewMembers keeps the members of one CSU's fleet over a client that the caller opens and closes.
func NewMembers(client redis.UniversalClient, keys rediskey.Keys) *Members {
	return &Members{client: client, key: keys.Members()}
}

// Member is what a process says of itself.
type Member struct {
	Name     string    `json:"name"` // as in claims
	Version  string    `json:"version,omitempty"`
	Began    time.Time `json:"began,omitzero"`
	InFlight int       `json:"in_flight"`          // messages in hand
	Slots    int       `json:"slots"`              // that it could have in hand
	Paused   []string  `json:"paused,omitempty"`   // why the intake of any of its queues stands still
	Draining bool      `json:"draining,omitempty"` // it takes no more

	Until time.Time `json:"until,omitzero"` // believed to live until then, by the store's clock; not said but kept
	Dead  bool      `json:"dead,omitempty"` // that is over
}

// Announce says that a process lives, to be believed for as long as lasts.
func (m *Members) Announce(ctx context.Context, one Member, lasts time.Duration) error {
	name := one.Name
	one.Name = ""
	says, err := json.Marshal(one)
	if err != nil {
		return fmt.Errorf("encode a member: %w", err)
	}
	tidy := time.Duration(0)
	if m.said%tidyEvery == 0 {
		tidy = rememberDead
	}
	if err := announceScript.Run(ctx, m.client, []string{m.key}, name, lasts.Milliseconds(), says, tidy.Milliseconds()).Err(); err != nil {
		return fmt.Errorf("announce this process: %w", err)
	}
	m.said++
	return nil
}

// Leave says that a process ends, and that nothing died of anything.
func (m *Members) Leave(ctx context.Context, name string) error {
	if err := announceScript.Run(ctx, m.client, []string{m.key}, name, 0, "", 0).Err(); err != nil {
		return fmt.Errorf("take this process out of the members: %w", err)
	}
	return nil
}

// List gives every member, those that live first, by name.
func (m *Members) List(ctx context.Context) ([]Member, error) {
	var now *redis.TimeCmd
	var all *redis.MapStringStringCmd
	if _, err := m.client.TxPipelined(ctx, func(p redis.Pipeliner) error {
		now, all = p.Time(ctx), p.HGetAll(ctx, m.key)
		return nil
	}); err != nil {
		return nil, fmt.Errorf("read the members: %w", err)
	}
	list := []Member{}
	for name, text := range all.Val() {
		list = append(list, memberOf(name, text, now.Val()))
	}
	slices.SortFunc(list, func(a, b Member) int {
		if a.Dead != b.Dead {
			if b.Dead {
				return -1
			}
			return 1
		}
		return strings.Compare(a.Name, b.Name)
	})
	return list, nil
}

// memberOf reads until|since|what it says, as announce.lua writes it. What another version says is taken as far as it can be read.
func memberOf(name, text string, now time.Time) Member {
	until, rest, _ := strings.Cut(text, "|")
	_, says, _ := strings.Cut(rest, "|")
	var one Member
	_ = json.Unmarshal([]byte(says), &one)
	one.Name, one.Until = name, moment(number(until))
	one.Dead = !one.Until.After(now)
	return one
}
