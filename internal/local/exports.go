package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/signalbox/signalbox/config"
	"github.com/signalbox/signalbox/internal/app"
	"github.com/signalbox/signalbox/internal/rediskey"
	"github.com/signalbox/signalbox/internal/redislink"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/redisschedule"
	"github.com/signalbox/signalbox/orchestration/scenarios/inventory"
	"github.com/signalbox/signalbox/orchestration/scenarios/locations"
	"github.com/signalbox/signalbox/orchestration/scenarios/prices"
	"github.com/signalbox/signalbox/orchestration/scenarios/products"
	"github.com/signalbox/signalbox/orchestration/schedule"
)

// The sinks: one is told what became of events, the other what is sold, so that each file can be read by a person.
const (
	sinkOutcomes  = "outcomes"
	sinkCatalogue = "catalogue"
)

// sinkTable is the configuration of the two.
func sinkTable() string {
	return inJSON([]map[string]any{
		{"name": sinkOutcomes, "type": "file", "path": outcomes(), "types": []string{"*.relayed.v1", "*.refused.v1", "*.status.v1"}},
		{"name": sinkCatalogue, "type": "file", "path": exported(),
			"types": []string{"signalbox.product.*", "signalbox.price.*", "signalbox.stock.*", "signalbox.location.*", "signalbox.feed.*"}},
	})
}

// scheduleTable is what asks for exports. All are off: here a person says when, with `signalbox schedules run`.
func scheduleTable() string {
	var rows []map[string]any
	for _, s := range []struct{ name, typ string }{
		{"products", products.PublishType}, {"prices", prices.ExportType}, {"stock", inventory.ExportType}, {"locations", locations.ExportType},
	} {
		rows = append(rows, map[string]any{"name": s.name, "type": s.typ, "channel": channel, "every": "15m", "off": true})
	}
	return inJSON(rows)
}

func inJSON(v any) string {
	text, _ := json.Marshal(v) // of texts and lists: it cannot fail
	return string(text)
}

// exportAll asks for everything that there is to tell, as `signalbox schedules run` does for one schedule, and waits until it is told. Products go
// first: what is not known yet has no prices, and a run that finds that out comes again later.
func (s *stand) exportAll(ctx context.Context, o Options, account *account) (err error) {
	link, err := app.RedisLink(s.cfg)
	if err != nil {
		return err
	}
	client, err := redislink.Open(link)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	hand := schedule.Hand{Memory: redisschedule.New(client, rediskey.New(s.cfg.CSU.Name, app.Hasher(s.cfg))),
		Publish: func(ctx context.Context, ev orchestration.Event) error {
			account.asks(ev.ID)
			return s.app.Bus().Send(ctx, bulkQueue, app.Message(ev), time.Time{})
		}}
	for i, row := range s.cfg.Schedules {
		if err := exportNow(ctx, hand, row); err != nil {
			return fmt.Errorf("export %s: %w", row.Name, err)
		}
		if i == 0 || i == len(s.cfg.Schedules)-1 {
			if err := s.idle(ctx, o, account); err != nil {
				return err
			}
		}
	}
	return nil
}

func exportNow(ctx context.Context, hand schedule.Hand, row config.ScheduleRow) error {
	timer, err := row.Schedule()
	if err != nil {
		return err
	}
	return hand.Run(ctx, timer, timer.ByHand(time.Now()))
}
