package servicebus

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/signalbox/signalbox/test/sim/misbehave"
)

// FaultHandler serves the methods that make the broker misbehave, and its counts, as JSON over HTTP: POST and DELETE /faults, GET
// /queues. It asks for no credentials: keep its port to yourself.
func (b *Broker) FaultHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /queues", func(w http.ResponseWriter, _ *http.Request) {
		all := map[string]queueCounts{}
		for _, name := range b.received() {
			if c, err := b.Counts(name); err == nil { // else it was deleted meanwhile
				all[name] = queueCounts(c)
			}
		}
		misbehave.Answer(w, http.StatusOK, all)
	})
	mux.HandleFunc("POST /faults", func(w http.ResponseWriter, r *http.Request) {
		var f order
		if misbehave.Change(w, r, &f, func() error { return f.carryOut(b) }) {
			misbehave.Answer(w, http.StatusOK, f)
		}
	})
	mux.HandleFunc("DELETE /faults", func(w http.ResponseWriter, _ *http.Request) {
		b.clearFaults()
		misbehave.Answer(w, http.StatusOK, map[string]bool{"cleared": true})
	})
	return mux
}

type queueCounts struct {
	Active     int `json:"active"`
	Locked     int `json:"locked"`
	Deferred   int `json:"deferred"`
	Scheduled  int `json:"scheduled"`
	DeadLetter int `json:"deadLetter"`
}

// order is one fault as it is asked for over HTTP.
type order struct {
	Kind      string             `json:"kind"`
	Queue     string             `json:"queue,omitempty"`     // of all but close- and drop-connections
	Next      int                `json:"next,omitempty"`      // reject-sends, deliver-twice: so many messages
	For       misbehave.Duration `json:"for,omitempty"`       // reject-sends: so long, in place of next
	Delay     misbehave.Duration `json:"delay,omitempty"`     // delay-deliveries
	Condition string             `json:"condition,omitempty"` // reject-sends; default com.microsoft:server-busy
	Locks     *int               `json:"locks,omitempty"`     // answered to lose-locks: how many there were
}

// serverBusy is what an overloaded namespace says.
const serverBusy = "com.microsoft:server-busy"

func (o *order) carryOut(b *Broker) (err error) {
	if o.Next < 0 || o.For < 0 || o.Delay < 0 {
		return errors.New("a fault's numbers are not negative")
	}
	if err := o.fits(b); err != nil {
		return err
	}
	switch o.Kind {
	case "close-connections", "drop-connections":
		if o.Kind == "close-connections" {
			b.CloseConnections()
		} else {
			b.DropConnections()
		}
		return nil
	case "detach-links":
		return b.DetachLinks(o.Queue)
	case "stall-links":
		return b.StallLinks(o.Queue)
	case "deny-tokens":
		return b.DenyTokens(o.Queue, true)
	case "lose-locks":
		var n int
		n, err = b.LoseLocks(o.Queue)
		o.Locks = &n
		return err
	case "delay-deliveries":
		return b.DelayDeliveries(o.Queue, time.Duration(o.Delay))
	case "deliver-twice":
		return b.DeliverTwice(o.Queue, o.Next)
	case "reject-sends":
		if (o.Next == 0) == (o.For == 0) {
			return errors.New("reject-sends wants next or for")
		}
		if o.Condition == "" {
			o.Condition = serverBusy
		}
		if o.For > 0 {
			return b.RejectSendsFor(o.Queue, time.Duration(o.For), o.Condition)
		}
		return b.RejectSends(o.Queue, o.Next, o.Condition)
	}
	return fmt.Errorf("fault kind %q is none of detach-links, stall-links, close-connections, drop-connections, reject-sends, deny-tokens, lose-locks, delay-deliveries, deliver-twice", o.Kind)
}

// uses names the members that each kind of fault has.
var uses = map[string][]string{
	"close-connections": {}, "drop-connections": {}, "detach-links": {"queue"}, "stall-links": {"queue"}, "deny-tokens": {"queue"}, "lose-locks": {"queue"},
	"delay-deliveries": {"queue", "delay"}, "deliver-twice": {"queue", "next"}, "reject-sends": {"queue", "next", "for", "condition"},
}

// fits refuses a member that the kind makes nothing of, and a queue that is not there.
func (o *order) fits(b *Broker) error {
	used, known := uses[o.Kind]
	if !known {
		return nil // said below
	}
	for name, given := range map[string]bool{"queue": o.Queue != "", "next": o.Next != 0, "for": o.For != 0, "delay": o.Delay != 0, "condition": o.Condition != "", "locks": o.Locks != nil} {
		if given && !slices.Contains(used, name) {
			return fmt.Errorf("%s makes nothing of %q; leave it out", o.Kind, name)
		}
	}
	if len(used) == 0 {
		return nil
	}
	queue, _ := strings.CutSuffix(o.Queue, "/$DeadLetterQueue")
	if _, err := b.Counts(queue); err != nil {
		return fmt.Errorf("%w: queue %q", misbehave.ErrNotThere, o.Queue)
	}
	return nil
}

// clearFaults ends everything that lasts.
func (b *Broker) clearFaults() {
	for _, queue := range append(b.received(), b.Topics()...) {
		for _, name := range []string{queue, queue + "/$DeadLetterQueue"} { // an error says that it was deleted meanwhile, or cannot do that
			_ = b.RejectSends(name, 0, "")
			_ = b.DenyTokens(name, false)
			_ = b.DelayDeliveries(name, 0)
			_ = b.DeliverTwice(name, 0)
		}
	}
}
