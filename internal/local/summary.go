package local

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/signalbox/signalbox/internal/app"
	"github.com/signalbox/signalbox/internal/rediskey"
	"github.com/signalbox/signalbox/internal/redislink"
	"github.com/signalbox/signalbox/mapping/redistable"
	"github.com/signalbox/signalbox/orchestration/scenarios/inventory"
	"github.com/signalbox/signalbox/orchestration/scenarios/locations"
	"github.com/signalbox/signalbox/orchestration/scenarios/prices"
	"github.com/signalbox/signalbox/orchestration/scenarios/products"
	"github.com/signalbox/signalbox/test/sim/csu"
)

// summary is what became of the published messages. Copies count in Rescheduled and Surplus only:
// Published = Completed + Duplicates + Superseded + DeadLettered.
type summary struct {
	Published        int     `json:"published"`
	Completed        int     `json:"completed"`
	Duplicates       int     `json:"duplicates"`
	Superseded       int     `json:"superseded"`
	DeadLettered     int     `json:"dead_lettered"`
	Rescheduled      int     `json:"rescheduled"`
	Surplus          int     `json:"surplus"`
	Told             int     `json:"told"` // outcomes in the file
	Exports          int     `json:"exports"`
	ExportsDone      int     `json:"exports_done"`
	Products         int     `json:"products"` // these four: records in the other file
	Prices           int     `json:"prices"`
	StockLevels      int     `json:"stock_levels"`
	Locations        int     `json:"locations"`
	CSUCustomers     int     `json:"csu_customers"`
	CSURequests      int64   `json:"csu_requests"`
	CSUThrottled     int64   `json:"csu_throttled"`
	DuplicateEffects int     `json:"duplicate_effects"`
	Mappings         int     `json:"mappings"`
	Seconds          float64 `json:"seconds"`
	EventsPerSecond  float64 `json:"events_per_second"`
}

func (s *stand) sum(ctx context.Context, a *account, took time.Duration) (summary, error) {
	mappings, err := s.mappings(ctx)
	if err != nil {
		return summary{}, err
	}
	c, stats := a.counts(), s.csu.Stats()
	return summary{
		Published: c.published, Completed: c.completed, Duplicates: c.duplicates, Superseded: c.superseded, DeadLettered: c.deadLettered,
		Rescheduled: c.rescheduled, Surplus: c.surplus, Told: c.told, CSUCustomers: len(s.csu.Customers()), CSURequests: stats.Requests, CSUThrottled: stats.Throttled,
		Exports: c.asked, ExportsDone: c.exported, Products: c.records[products.ProductType], Prices: c.records[prices.PriceType],
		StockLevels: c.records[inventory.StockType], Locations: c.records[locations.LocationType],
		DuplicateEffects: s.doubled(), Mappings: mappings, Seconds: rounded(took.Seconds()), EventsPerSecond: rounded(float64(c.ended) / took.Seconds()),
	}, nil
}

func rounded(f float64) float64 { return math.Round(f*1000) / 1000 }

// doubled counts accounts beyond the first of an e-mail address, by the CSU's own ledger of committed writes.
func (s *stand) doubled() int {
	accounts := map[string]map[string]bool{}
	for _, e := range s.csu.Ledger() {
		if e.Operation == csu.OpCreateCustomer {
			if accounts[e.Email] == nil {
				accounts[e.Email] = map[string]bool{}
			}
			accounts[e.Email][e.Account] = true
		}
	}
	n := 0
	for _, of := range accounts {
		n += len(of) - 1
	}
	return n
}

func (s *stand) mappings(ctx context.Context) (int, error) {
	o, err := app.RedisLink(s.cfg)
	if err != nil {
		return 0, err
	}
	client, err := redislink.Open(o)
	if err != nil {
		return 0, err
	}
	defer client.Close()
	return redistable.New(client, rediskey.New(s.cfg.CSU.Name, app.Hasher(s.cfg))).Count(ctx)
}

func (s summary) balanced() bool {
	return s.Published == s.Completed+s.Duplicates+s.Superseded+s.DeadLettered && s.DuplicateEffects == 0
}

// exported is how many records were told.
func (s summary) exported() int { return s.Products + s.Prices + s.StockLevels + s.Locations }

func (s summary) print(o Options) error {
	if o.JSON {
		e := json.NewEncoder(o.Out)
		return e.Encode(s)
	}
	w := tabwriter.NewWriter(o.Out, 0, 8, 2, ' ', 0)
	fmt.Fprintf(w, "\npublished\t%d\tevents, in %.1f s\n", s.Published, s.Seconds)
	fmt.Fprintf(w, "completed\t%d\t%d customers in the CSU, %d ids bound\n", s.Completed, s.CSUCustomers, s.Mappings)
	fmt.Fprintf(w, "duplicates\t%d\tpublished more than once, applied once\n", s.Duplicates)
	fmt.Fprintf(w, "superseded\t%d\tovertaken by a newer state\n", s.Superseded)
	fmt.Fprintf(w, "dead-lettered\t%d\twaiting for a person\n", s.DeadLettered)
	fmt.Fprintf(w, "told\t%d\toutcomes, one line each in outcomes.jsonl\n", s.Told)
	fmt.Fprintf(w, "exported\t%d\trecords in catalogue.jsonl: %d products, %d prices, %d stock levels, %d locations\n", s.exported(), s.Products, s.Prices, s.StockLevels, s.Locations)
	if s.ExportsDone < s.Exports {
		fmt.Fprintf(w, "not exported\t%d\tof %d exports came to no good end: signalbox --local schedules\n", s.Exports-s.ExportsDone, s.Exports)
	}
	fmt.Fprintf(w, "CSU calls\t%d\t%d refused with 429, none of them cost an attempt\n", s.CSURequests, s.CSUThrottled)
	fmt.Fprintf(w, "doubled\t%d\taccounts beyond the first of an e-mail address\n", s.DuplicateEffects)
	return w.Flush()
}

// tryNext says what a newcomer could do now.
func (s *stand) tryNext(o Options) {
	if o.JSON {
		return
	}
	product := strconv.FormatInt(catalogue()[0].RecordID, 10)
	fmt.Fprint(o.Out, strings.TrimLeft(`
It keeps running. In another terminal:

  signalbox --local deadletter list          what waits for a person, and why
  signalbox --local trace --source https://shop.example.com --event ID
  signalbox --local publish FILE             your own events, one CloudEvent in JSON a line
  tail `+outcomes()+`    what other systems are told of them
  curl http://`+s.admin.Addr().String()+`/metrics

A price changes. Export again, and only what has changed is told:

  curl -d '{"product": `+product+`, "price": 2.99}' `+s.csu.admin+`/prices
  signalbox --local schedules run prices --reason "a new price"
  tail -n 2 `+exported()+`

Ctrl-C ends it.
`, "\n"))
}
