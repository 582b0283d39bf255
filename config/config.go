// Package config reads what an operator sets: defaults, then one YAML file, then the environment; the later wins.
//
// Every key has one name in two spellings, by one rule: run.lease in the file is SIGNALBOX_RUN_LEASE in the
// environment. A secret may also come from a file: SIGNALBOX_REDIS_URL_FILE names it. In the YAML file a secret is
// only ever a reference, "env:NAME" or "file:PATH", so that the file can be committed and shown.
//
// Load reports every problem at once, each with the key, where its value came from and what to do. It never corrects
// a value quietly, and refuses keys it does not know.
//
// The structs below are the reference: each field's tag holds the key, the default, the range and the sentence that
// docs/reference/configuration.md shows. Durations are written as Go writes them (15s, 5m, 336h); sizes are bytes.
package config

import (
	"time"

	"github.com/signalbox/signalbox/internal/secret"
	"github.com/signalbox/signalbox/mapping/fieldmap"
	"github.com/signalbox/signalbox/mapping/valuemap"
	"github.com/signalbox/signalbox/orchestration"
)

// Config is everything that can be set, checked.
type Config struct {
	Environment string                 `key:"environment" default:"development" help:"name of this deployment, in every log line"`
	ServiceBus  ServiceBus             `key:"servicebus"`
	Redis       Redis                  `key:"redis"`
	CSU         CSU                    `key:"csu"`
	Channels    orchestration.Channels `key:"channels" required:"true" help:"the channel table: which CSU, operating unit and legal entity an event belongs to"`
	ValueMaps   []ValueMapRow          `key:"value_maps" help:"the table of value maps: what D365 calls what sources say, such as delivery modes"`
	Sources     []SourceRow            `key:"sources" help:"the source table: what makes events of what a source sends in its own shape"`
	Sinks       []SinkRow              `key:"sinks" help:"the sink table: who is told how events ended, and how"`
	Schedules   []ScheduleRow          `key:"schedules" help:"the schedule table: which events are published when; see docs/how-to/run-on-a-timer.md"`
	Scenarios   Scenarios              `key:"scenarios"`
	Customers   Customers              `key:"customers"`
	Orders      Orders                 `key:"orders"`
	Products    Products               `key:"products"`
	Inventory   Inventory              `key:"inventory"`
	Worker      Worker                 `key:"worker"`
	Run         Run                    `key:"run"`
	Sampler     Sampler                `key:"sampler"`
	Heartbeat   Heartbeat              `key:"heartbeat"`
	Hash        Hash                   `key:"hash"`
	Audit       Audit                  `key:"audit"`
	Admin       Admin                  `key:"admin"`
	Log         Log                    `key:"log"`

	origins map[string]string // by key; what has no entry was set by the program itself
	values  valuemap.Set
	maps    map[mapKey]*fieldmap.Map // of the sources
}

// ServiceBus says where events come from and where our own copies wait.
type ServiceBus struct {
	ConnectionString    secret.String `key:"connection_string" required:"true" help:"of the namespace, with Listen and Send"`
	AdminEndpoint       string        `key:"admin_endpoint" help:"where the administration API is, such as http://localhost:5300; default: the namespace itself, or port 5300 of an emulator's host"`
	Queues              []string      `key:"queues" default:"signalbox-in" required:"true" help:"source queues, and subscriptions of topics as topic/Subscriptions/name"`
	OwnQueue            OwnQueue      `key:"own_queue"`
	MaxDeliveryCount    int           `key:"max_delivery_count" default:"10" min:"1" max:"2000" help:"as set on the source queues and subscriptions; over half of it a message is rescheduled instead of abandoned"`
	OwnMaxDeliveryCount int           `key:"own_max_delivery_count" default:"50" min:"1" max:"2000" help:"as set on our own queues"`
}

// OwnQueue names Signalbox's own queues by lane.
type OwnQueue struct {
	Live   string `key:"live" default:"signalbox-live" help:"our own queue of the lane live: reschedules, wakes and follow-ups"`
	Bulk   string `key:"bulk" default:"signalbox-bulk" help:"our own queue of the lane bulk: what is read in bulk from the CSU, page by page, and what sinks are told of it"`
	Replay string `key:"replay" default:"signalbox-replay" help:"our own queue of the lane replay: copies of dead letters that an operator replays"`
}

// All lists them, the most urgent lane first.
func (o OwnQueue) All() []string { return []string{o.Live, o.Bulk, o.Replay} }

// Redis says where runs, bindings and the fleet's budget are kept.
type Redis struct {
	URL            secret.String `key:"url" required:"true" help:"rediss://user:password@host:port/db, rediss+sentinel://user:password@host1,host2,host3/mymaster or rediss+cluster://user:password@host1,host2; see docs/how-to/redis.md"`
	AllowPlaintext bool          `key:"allow_plaintext" default:"false" help:"permit redis:// without TLS to a host other than this one"`

	SentinelUsername string        `key:"sentinel_username" help:"user of the Sentinels themselves, where they have users"`
	SentinelPassword secret.String `key:"sentinel_password" help:"password of the Sentinels themselves, where they ask for one"`
}

// CSU is the Commerce Scale Unit that calls go to.
type CSU struct {
	Name           string        `key:"name" default:"default" help:"what channels call it; part of every Redis key, so never change it"`
	URL            string        `key:"url" required:"true" help:"root of the CSU, such as https://scu.example.commerce.dynamics.com"`
	TokenURL       string        `key:"token_url" required:"true" help:"Entra's token endpoint"`
	ClientID       string        `key:"client_id" required:"true" help:"application that the CSU knows"`
	ClientSecret   secret.String `key:"client_secret" required:"true" help:"that application's secret"`
	Resource       string        `key:"resource" help:"audience of a version 1 token; set this or csu.scope"`
	Scope          string        `key:"scope" help:"scope of a version 2 token, ending in /.default; set this or csu.resource"`
	Scheme         string        `key:"scheme" default:"id_token" help:"word before the token in the Authorization header: id_token or bearer"`
	APIVersion     string        `key:"api_version" default:"7.3" help:"sent with every call; in quotes in the file"`
	ReadTimeout    time.Duration `key:"read_timeout" default:"30s" min:"100ms" max:"10m" help:"limit of one read"`
	WriteTimeout   time.Duration `key:"write_timeout" default:"100s" min:"100ms" max:"10m" help:"limit of one write"`
	MaxExecution   time.Duration `key:"max_execution" default:"120s" min:"100ms" max:"1h" help:"how long after sending a write may still take effect"`
	SearchLag      time.Duration `key:"search_lag" default:"30s" min:"0s" max:"1h" help:"how long after a write a search may miss it"`
	ProbeEvery     time.Duration `key:"probe_every" default:"30s" min:"100ms" max:"10m" help:"longest pause between two probes while calls do not work or we are not let in; the first is a fifteenth of it"`
	Concurrency    int           `key:"concurrency" default:"32" min:"1" max:"10000" help:"calls at once from one process"`
	AllowPlaintext bool          `key:"allow_plaintext" default:"false" help:"permit http:// for csu.url and csu.token_url to a host other than this one"`
}

// Scenarios is which scenarios work, and with which steps.
type Scenarios struct {
	Off      []string  `key:"off" help:"scenarios that are off: their events wait, without an attempt, until the fleet runs with a configuration that does not name them; signalbox scenarios list shows their names. To switch one off for a time: signalbox scenarios disable"`
	StepsOff []string  `key:"steps_off" help:"steps of scenarios' own that are left out, such as customers/update-account, which leaves accounts as they are once they exist; only those that no other step relies on"`
	Steps    []StepRow `key:"steps" help:"the step table: steps that are put into scenarios; see docs/how-to/extend-a-scenario.md"`
}

// Customers is how customers are kept.
type Customers struct {
	PromoteAfter time.Duration `key:"promote_after" default:"1m" min:"1s" max:"1h" help:"how long a provisional account is left alone before its permanent one is looked for; the waits between further looks grow to half an hour"`
	Authority    Authority     `key:"authority"`
}

// Orders is how orders are kept.
type Orders struct {
	ConfirmAfter time.Duration `key:"confirm_after" default:"1m" min:"100ms" max:"1h" help:"interval in which headquarters' sales ids of orders are looked for: one look in each for every 50 open orders, and each order once in 50 intervals or more often"`

	StatusPatience time.Duration `key:"status_patience" default:"4h" min:"1m" max:"144h" help:"how long what headquarters reports of a sales order that is nobody's order is kept while orders wait for their sales ids, but no longer than half of run.patience; then it counts as not ours"`

	Reserve   string `key:"reserve" default:"none" help:"whether the lines of an order are reserved softly before it is placed: none, or visibility, in Inventory Visibility (inventory.visibility.*); see docs/how-to/inventory-visibility.md"`
	ReserveAt string `key:"reserve_at" help:"the warehouse at which lines are reserved that are neither fetched from a store nor sent from one; when absent they are not reserved"`
	WhenShort string `key:"when_short" default:"refuse" help:"what becomes of an order that not all can be reserved for: refuse, or go_on, with what could be reserved"`
}

// Products is how the catalogue is published.
type Products struct {
	PageSize       int  `key:"page_size" default:"90" min:"1" max:"99" help:"products in one page of the CSU; Microsoft wants it below 100"`
	ReportListings bool `key:"report_listings" default:"true" help:"whether the CSU is told what is published; it tells of deletions only what it was told of. Set it to false where somebody else publishes the same channel"`
}

// Inventory is where it is asked how much there is.
type Inventory struct {
	Source     string     `key:"source" default:"csu" help:"who says how much there is of products: csu, or visibility, for Inventory Visibility"`
	Visibility Visibility `key:"visibility"`
}

// Visibility is Inventory Visibility, the service for stock in the place of the CSU, and for soft reservations.
type Visibility struct {
	URL          string        `key:"url" help:"the service's endpoint, as the Inventory Visibility app shows it, such as https://inventoryservice.eus-il301.gateway.prod.island.powerapps.com"`
	TokenURL     string        `key:"token_url" help:"Entra's token endpoint, version 2, such as https://login.microsoftonline.com/TENANT/oauth2/v2.0/token"`
	SecurityURL  string        `key:"security_url" help:"the security service of the region, such as https://gw.us-il101.gateway.prod.island.powerapps.com/securityservice/token; the general one redirects there, and redirects are not followed"`
	ClientID     string        `key:"client_id" help:"an application that is registered for the add-in"`
	ClientSecret secret.String `key:"client_secret" help:"that application's secret"`
	Environment  string        `key:"environment" help:"id of the environment that the add-in is installed in"`
	Warehouses   []string      `key:"warehouses" help:"what it is asked of: LEGALENTITY/SITE/WAREHOUSE, such as USRT/1/HOUSTON; of a channel those of its legal entity, which is the organization there"`

	DataSource      string `key:"dimension_data_source" help:"data source whose names of dimensions are used; when absent the base dimensions"`
	ColorDimension  string `key:"color_dimension" default:"colorId" help:"what it calls the colour of a variant"`
	SizeDimension   string `key:"size_dimension" default:"sizeId" help:"what it calls the size"`
	StyleDimension  string `key:"style_dimension" default:"styleId" help:"what it calls the style"`
	ConfigDimension string `key:"config_dimension" default:"configId" help:"what it calls the configuration"`

	Available string `key:"available" default:"iv.availabletoreserve" help:"the measure that is told as available: data source, dot, measure, which may be a calculated one"`
	Total     string `key:"total" default:"iv.totalavailable" help:"the measure that is told as total: that, and what is on its way in"`
	OnHand    string `key:"on_hand" default:"fno.physicalinvent" help:"the measure that is told as on hand"`
	Reserved  string `key:"reserved" default:"fno.reservphysical" help:"the measure that is told as reserved"`
	Incoming  string `key:"incoming" default:"fno.ordered" help:"the measure that is told as on its way in"`
	Reserve   string `key:"reserve" default:"iv.softreservordered" help:"the measure that soft reservations raise"`

	Timeout        time.Duration `key:"timeout" default:"30s" min:"100ms" max:"1m" help:"limit of one request"`
	Concurrency    int           `key:"concurrency" default:"4" min:"1" max:"100" help:"requests at once from one process"`
	AllowPlaintext bool          `key:"allow_plaintext" default:"false" help:"permit http:// to a host other than this one"`
}

// Authority is which source has the say where several know one customer.
type Authority struct {
	All       []string `key:"all" help:"sources, the highest first: none changes what is there while one above it knows the customer; when absent, each may change everything and the last one counts"`
	Name      []string `key:"name" help:"the order for names, when it is another than customers.authority.all"`
	Email     []string `key:"email" help:"the order for e-mail addresses, likewise"`
	Phone     []string `key:"phone" help:"the order for phone numbers, likewise"`
	Language  []string `key:"language" help:"the order for languages, likewise"`
	Addresses []string `key:"addresses" help:"the order for postal addresses, likewise"`
}

// Worker is how one process takes messages.
type Worker struct {
	Slots       int           `key:"slots" default:"32" min:"1" max:"10000" help:"runs at once in one process"`
	BulkSlots   int           `key:"bulk_slots" default:"8" min:"1" max:"10000" help:"runs at once of the lane bulk, beside the slots; a full export never takes a slot from live events"`
	ReplaySlots int           `key:"replay_slots" default:"4" min:"1" max:"10000" help:"runs at once of replayed events, beside the slots; replays never take a slot from live events"`
	WakeEvery   time.Duration `key:"wake_every" default:"1s" min:"0s" max:"10m" help:"how often the fleet looks for waiting events whose binding has come, and sends them on; 0s: they come when they are due"`
	SweepEvery  time.Duration `key:"sweep_every" default:"5m" min:"0s" max:"24h" help:"how often the fleet takes replayed and discarded dead letters out of their queues; 0s: only the commands do"`
	Drain       time.Duration `key:"drain" default:"50s" min:"1s" max:"30m" help:"time to finish after SIGTERM; keep it below the pod's grace period"`
	ReceiveWait time.Duration `key:"receive_wait" default:"30s" min:"100ms" max:"5m" help:"how long one receive waits for a message"`
	MaxBody     int           `key:"max_body" default:"262144" min:"1024" max:"104857600" help:"largest accepted body in bytes; a larger one is dead-lettered as TooLarge"`
}

// Run is how one event is worked on.
type Run struct {
	Lease      time.Duration   `key:"lease" default:"15s" min:"1s" max:"5m" help:"how long a claim lasts unless renewed"`
	Renew      time.Duration   `key:"renew" default:"5s" min:"100ms" max:"2m" help:"how often a claim is renewed"`
	Max        time.Duration   `key:"max" default:"5m" min:"1s" max:"1h" help:"longest go at one event; it goes on by a copy"`
	RetryFor   time.Duration   `key:"retry_for" default:"20s" min:"0s" max:"10m" help:"how long a step is tried again within one go"`
	Keep       time.Duration   `key:"keep" default:"336h" min:"1h" max:"8760h" help:"how long a run is remembered: the window in which a second delivery is recognised"`
	WaitFirst  time.Duration   `key:"wait_first" default:"5m" min:"1s" max:"24h" help:"when an event that waits for another, for a permanent account or for headquarters is first looked at again; it doubles up to run.wait_most"`
	WaitMost   time.Duration   `key:"wait_most" default:"30m" min:"1s" max:"24h" help:"longest time between two looks of such an event"`
	Patience   time.Duration   `key:"patience" default:"168h" min:"1m" max:"8760h" help:"how long such an event waits, from when it was published, before it is dead-lettered as MissingDependency"`
	Reschedule []time.Duration `key:"reschedule" default:"5s,30s,2m,10m,1h,4h" required:"true" min:"1s" max:"24h" help:"waits between attempts; after the last the event is dead-lettered as AttemptsExhausted"`
}

// Sampler is how one process of the fleet, the elected one, looks at the queues for all of them.
type Sampler struct {
	Interval         time.Duration `key:"interval" default:"30s" min:"0s" max:"10m" help:"how often one process counts the queues and looks for their oldest messages; 0s: never"`
	ConnectionString secret.String `key:"connection_string" help:"of the namespace, with Manage and Listen, for looking only; default: servicebus.connection_string"`
}

// Looking is the connection string for whoever looks at queues without working on them.
func (c *Config) Looking() secret.String {
	if c.Sampler.ConnectionString.IsZero() {
		return c.ServiceBus.ConnectionString
	}
	return c.Sampler.ConnectionString
}

// Heartbeat is the event that does nothing.
type Heartbeat struct {
	Interval time.Duration `key:"interval" default:"1m" min:"0s" max:"1h" help:"how often one process sends an event that does nothing through every queue, but for subscriptions, to see that events come through; takes Send on the source queues, too; 0s: never"`
}

// Hash is the key of the keyed hashes that stand for business keys in Redis and in logs.
type Hash struct {
	Key   secret.String `key:"key" required:"true" help:"at least 32 random bytes, base64 or raw; another key finds nothing of what is stored"`
	KeyID string        `key:"key_id" default:"k1" help:"names the key beside each hash"`
}

// Audit is the record of what operators do.
type Audit struct {
	Path     string `key:"path" help:"file that the commands which change something append an entry to before they begin; Redis keeps the last 1,000 entries besides, and all there are without a file"`
	Operator string `key:"operator" help:"who acts, as the entries name it; default: the user of the operating system"`
}

// Admin is the port of metrics and health.
type Admin struct {
	Listen string `key:"listen" default:"127.0.0.1:9464" help:"address of /metrics, /livez, /readyz and /startupz"`
}

// Log is what is written to the log.
type Log struct {
	Level      string    `key:"level" default:"info" help:"debug, info, warn or error; debug needs log.debug_until"`
	DebugUntil time.Time `key:"debug_until" help:"RFC 3339 time, at most 24 hours ahead, until which log.level debug is accepted"`
	Sampling   bool      `key:"sampling" default:"false" help:"thin out the info lines of single messages when there are many"`
}
