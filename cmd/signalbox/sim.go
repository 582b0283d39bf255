package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/shopspring/decimal"
	"github.com/spf13/cobra"

	"github.com/signalbox/signalbox/internal/cli/render"
	"github.com/signalbox/signalbox/internal/cli/simulate"
	"github.com/signalbox/signalbox/test/sim/csu"
	"github.com/signalbox/signalbox/test/sim/servicebus"
	"github.com/signalbox/signalbox/test/sim/sink"
)

func (p *program) simCommand() *cobra.Command {
	g := p.group("sim", "run a stand-in alone",
		"Runs a stand-in until a signal ends it, and prints the environment that makes signalbox run use it. Everything is in memory.",
		p.simServiceBus(), p.simCSU(), p.simSink(), p.simVisibility())
	g.Example = "  signalbox sim servicebus"
	return g
}

func (p *program) simServiceBus() *cobra.Command {
	s := simulate.ServiceBus{Queues: simulate.DefaultQueues()}
	var texts, sinks, topics, subscriptions []string
	var emulated string
	c := p.command("servicebus", "run a local Azure Service Bus",
		"Runs an AMQP 1.0 broker that the unmodified Azure SDKs talk to, with the administration API and GET /health on a port of their own, and an admin port, if asked for, on which it is told to misbehave.",
		"signalbox sim servicebus\nsignalbox sim servicebus --listen 127.0.0.1:5673 --queue orders,lock=30s,max-delivery=5 --queue signalbox-live --queue signalbox-bulk --queue signalbox-replay\nsignalbox sim servicebus --queue signalbox-live --queue signalbox-bulk --queue signalbox-replay --subscription events/Subscriptions/signalbox --subscription events/Subscriptions/billing,subject=invoice",
		cobra.NoArgs, func(ctx context.Context, _ []string) error {
			return s.Serve(ctx, p.ready("SIGNALBOX_REDIS_URL, SIGNALBOX_HASH_KEY, and a CSU: signalbox sim csu"))
		})
	flags := c.Flags()
	flags.StringVar(&s.Listen, "listen", "127.0.0.1:5672", "`address` to listen on")
	flags.StringVar(&s.Administration.At, "administration", "127.0.0.1:5300", "`address` of the administration API; another port if the default one is taken; empty: none")
	flags.StringArrayVar(&texts, "queue", nil, "a queue, as `NAME[,lock=30s][,max-delivery=10][,max-bytes=262144]`; may be repeated; default: signalbox-in, signalbox-live, signalbox-bulk and signalbox-replay")
	flags.StringArrayVar(&sinks, "sink-queue", nil, "a queue that a sink sends to, as for --queue; it is made, and is not among the queues to work on that are printed; may be repeated")
	flags.StringArrayVar(&topics, "topic", nil, "a topic, as `NAME[,duplicate-window=10m][,max-bytes=262144]`; may be repeated; a subscription makes its topic, too")
	flags.StringArrayVar(&subscriptions, "subscription", nil, "a subscription, as `TOPIC/Subscriptions/NAME[,lock=30s][,max-delivery=10][,subject=TEXT][,property.NAME=TEXT]`; may be repeated; subject and properties select messages")
	flags.StringVar(&emulated, "emulator-config", "", "take the queues and topics of the config.json `file` of Microsoft's emulator; those of --queue, --topic and --subscription come besides")
	flags.StringVar(&s.Admin, "admin", "", "`address` of the admin port, which asks for no credentials; default: none")
	c.PreRunE = func(*cobra.Command, []string) error {
		s.Administration.Usual = !flags.Changed("administration")
		for _, text := range sinks {
			q, err := simulate.Queue(text)
			if err != nil {
				return fmt.Errorf("--sink-queue: %w", err)
			}
			s.SinkQueues = append(s.SinkQueues, q)
		}
		if len(texts)+len(topics)+len(subscriptions) == 0 && emulated == "" {
			return nil
		}
		s.Queues = nil
		if emulated != "" {
			var err error
			if s.Queues, s.Topics, err = simulate.Emulated(emulated); err != nil {
				return fmt.Errorf("--emulator-config: %w", err)
			}
		}
		return declare(&s, texts, topics, subscriptions)
	}
	return c
}

// declare adds the queues, topics and subscriptions of flags to a broker.
func declare(s *simulate.ServiceBus, queues, topics, subscriptions []string) error {
	for _, text := range queues {
		q, err := simulate.Queue(text)
		if err != nil {
			return fmt.Errorf("--queue: %w", err)
		}
		s.Queues = append(s.Queues, q)
	}
	for _, text := range topics {
		t, err := simulate.Topic(text)
		if err != nil {
			return fmt.Errorf("--topic: %w", err)
		}
		s.Topics = append(s.Topics, t)
	}
	for _, text := range subscriptions {
		one, err := simulate.Subscription(text)
		if err != nil {
			return fmt.Errorf("--subscription: %w", err)
		}
		s.Topics = simulate.Subscribe(s.Topics, []servicebus.Subscription{one})
	}
	return nil
}

type csuFlags struct {
	csu      simulate.CSU
	rate     pace
	burst    int
	drop     float64
	units    []string
	products int
	tax      string
}

func (p *program) simCSU() *cobra.Command {
	var f csuFlags
	c := p.command("csu", "run a Commerce Scale Unit for customers, carts and orders", "Runs a CSU simulator with its token endpoint, and an admin port on which it is told to misbehave.",
		"signalbox sim csu --search-lag 3s\nsignalbox sim csu --listen 127.0.0.1:8087 --admin 127.0.0.1:8088 --rate 50/s --commit-then-drop 0.02", cobra.NoArgs,
		func(ctx context.Context, _ []string) error {
			return f.csu.Serve(ctx, p.ready("SIGNALBOX_REDIS_URL, SIGNALBOX_HASH_KEY, and a broker: signalbox sim servicebus"))
		})
	flags, o := c.Flags(), &f.csu.Options
	flags.StringVar(&f.csu.Listen, "listen", "127.0.0.1:8085", "`address` of the scale unit and its token endpoint")
	flags.StringVar(&f.csu.Admin, "admin", "127.0.0.1:8086", "`address` of the admin port, which asks for no credentials")
	flags.StringArrayVar(&f.units, "oun", []string{csu.DefaultOUN}, "operating unit `number` of a channel; may be repeated")
	flags.DurationVar(&o.Latency, "latency", 0, "wait so long before each answer")
	flags.DurationVar(&o.CommitDelay, "commit-delay", 0, "commit a write so long after it is received")
	flags.DurationVar(&o.SearchLag, "search-lag", 0, "show a write to searches only so much later")
	flags.DurationVar(&o.TokenLifetime, "token-lifetime", 0, "let tokens last so long; default: 59m59s")
	flags.Var(&f.rate, "rate", "answer 429 above this rate, such as 50/s; default: never")
	flags.IntVar(&f.burst, "burst", 0, "requests that may exceed --rate at once; default: one second's worth")
	flags.Float64Var(&f.drop, "commit-then-drop", 0, "`probability` that a write commits and its connection then closes without an answer")
	flags.BoolVar(&o.AsyncCustomers, "async-customers", false, "create customers asynchronously, with provisional accounts; while headquarters is down (admin port) that is always so")
	flags.DurationVar(&o.Conversion, "conversion", csu.DefaultConversion, "replace a provisional account by a permanent one so much later")
	flags.DurationVar(&o.OrderSync, "order-sync", csu.DefaultOrderSync, "let headquarters have an order so much later")
	flags.BoolVar(&o.Anonymous, "anonymous", false, "give requests without a token the role Anonymous; default: refuse them")
	flags.BoolVar(&o.LabRoles, "lab-roles", false, "let an application do what Microsoft's lab does, against the documented roles")
	flags.BoolVar(&o.OwnCartIDs, "own-cart-ids", false, "make the id of every cart; default: keep the client's")
	flags.DurationVar(&o.CartIdle, "cart-idle", csu.DefaultCartIdle, "forget a cart that nobody changed for so long")
	flags.BoolVar(&o.KeyedPrices, "own-prices", false, "let lines of carts bring their own price")
	flags.BoolVar(&o.OrderNumberIsReference, "order-number-is-reference", false, "make a cart's OrderNumber the ChannelReferenceId of its order")
	flags.BoolVar(&o.OrdersInRealTime, "orders-in-real-time", false, "make the order of a cart in headquarters at checkout")
	flags.StringVar(&f.tax, "tax", "", "`percent` that carts pay on top, such as 8.25; default: none, so that sums are exact")
	flags.IntVar(&f.products, "products", csu.DefaultProducts, "how many `products` are sold; the first has record id 68719490000 and item id P000001, the others follow")
	flags.Uint64Var(&o.Seed, "seed", 1, "of what happens by probability")
	c.PreRunE = func(*cobra.Command, []string) error { return f.prepare() }
	return c
}

// prepare turns the flags into channels and faults.
func (f *csuFlags) prepare() error {
	if f.drop < 0 || f.drop > 1 {
		return errors.New("--commit-then-drop must be between 0 and 1")
	}
	o := f.csu.Options
	if min(o.Latency, o.CommitDelay, o.SearchLag, o.TokenLifetime, o.Conversion, o.OrderSync, o.CartIdle) < 0 || min(f.burst, f.products) < 0 {
		return errors.New("durations, --burst and --products must not be negative")
	}
	f.csu.Options.Products = csu.MakeProducts(f.products)
	if f.burst > 0 && f.rate == 0 {
		return errors.New("--burst goes with --rate")
	}
	tax, err := decimal.NewFromString(cmp.Or(f.tax, "0"))
	if err != nil || tax.IsNegative() || tax.GreaterThan(decimal.NewFromInt(100)) {
		return errors.New("--tax must be a percentage between 0 and 100")
	}
	for _, oun := range f.units {
		f.csu.Options.Channels = append(f.csu.Options.Channels, csu.Channel{OUN: oun, TaxPercent: json.Number(tax.String())})
	}
	if f.rate > 0 {
		burst := f.burst
		if burst == 0 {
			burst = max(1, int(f.rate))
		}
		f.csu.Faults = append(f.csu.Faults, csu.Fault{ID: "rate", Kind: csu.Throttle, Rate: float64(f.rate), Burst: burst})
	}
	if f.drop > 0 {
		f.csu.Faults = append(f.csu.Faults, csu.Fault{ID: "commit-then-drop", Kind: csu.CommitThenDrop, Probability: f.drop})
	}
	return nil
}

type sinkFlags struct {
	sink  simulate.Sink
	rate  pace
	burst int
	drop  float64
}

func (p *program) simSink() *cobra.Command {
	var f sinkFlags
	c := p.command("sink", "run a receiver of outcome events", "Runs an external system that receives events as signed webhooks, and an admin port that shows what it got and on which it is told to misbehave.\n\n"+
		"SIM_SINK_SECRETS in the environment holds the secrets that may have signed, whsec_ and base64, separated by commas; default: the one on its reference page.",
		"signalbox sim sink\nsignalbox sim sink --listen 127.0.0.1:8097 --admin 127.0.0.1:8098 --rate 5/s --accept-then-drop 0.02", cobra.NoArgs,
		func(ctx context.Context, _ []string) error {
			return f.sink.Serve(ctx, p.ready("sinks: [crm] in its channels, and the rest of its configuration"))
		})
	flags, o := c.Flags(), &f.sink.Options
	flags.StringVar(&f.sink.Listen, "listen", "127.0.0.1:8095", "`address` of the receiver")
	flags.StringVar(&f.sink.Admin, "admin", "127.0.0.1:8096", "`address` of the admin port, which asks for no credentials")
	flags.DurationVar(&o.Latency, "latency", 0, "wait so long before each answer")
	flags.Var(&f.rate, "rate", "answer 429 above this rate, such as 5/s; default: never")
	flags.IntVar(&f.burst, "burst", 0, "deliveries that may exceed --rate at once; default: one second's worth")
	flags.Float64Var(&f.drop, "accept-then-drop", 0, "`probability` that a delivery is accepted and its connection then closes without an answer")
	flags.Uint64Var(&o.Seed, "seed", 1, "of what happens by probability")
	c.PreRunE = func(*cobra.Command, []string) error {
		if secrets := lookup(p.env, "SIM_SINK_SECRETS"); secrets != "" {
			o.Secrets = strings.Split(secrets, ",")
		}
		return f.prepare()
	}
	return c
}

// prepare turns the flags into faults.
func (f *sinkFlags) prepare() error {
	if f.drop < 0 || f.drop > 1 {
		return errors.New("--accept-then-drop must be between 0 and 1")
	}
	if f.sink.Options.Latency < 0 || f.burst < 0 {
		return errors.New("--latency and --burst must not be negative")
	}
	if f.burst > 0 && f.rate == 0 {
		return errors.New("--burst goes with --rate")
	}
	if f.rate > 0 {
		burst := f.burst
		if burst == 0 {
			burst = max(1, int(f.rate))
		}
		f.sink.Faults = append(f.sink.Faults, sink.Fault{ID: "rate", Kind: sink.Throttle, Rate: float64(f.rate), Burst: burst})
	}
	if f.drop > 0 {
		f.sink.Faults = append(f.sink.Faults, sink.Fault{ID: "accept-then-drop", Kind: sink.AcceptThenDrop, Probability: f.drop})
	}
	return nil
}

// stand is what a stand-in prints as JSON once it serves.
type stand struct {
	Listening   []string          `json:"listening"`
	Environment map[string]string `json:"environment"`
}

// ready prints how to reach a stand-in; missing is what a fleet needs besides.
func (p *program) ready(missing string) simulate.Ready {
	return func(listening []string, env []simulate.Variable) {
		for _, address := range listening {
			if !simulate.Local(address) {
				fmt.Fprintf(p.errs, "signalbox: %s can be reached from other machines, and asks for no real credentials\n", address)
			}
		}
		if p.json() {
			s := stand{listening, map[string]string{}}
			for _, v := range env {
				s.Environment[v.Name] = v.Value
			}
			_ = render.Value(p.out, s) // nobody may be reading; it serves all the same
			return
		}
		fmt.Fprintf(p.errs, "listening on %s; a fleet also needs %s\n", strings.Join(listening, " and "), missing)
		for _, v := range env {
			fmt.Fprintln(p.out, v.Export())
		}
	}
}
