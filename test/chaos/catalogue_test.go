package chaos

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/app"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/test/harness"
	"github.com/signalbox/signalbox/test/sim/csu"
	"github.com/signalbox/signalbox/test/sim/sink"
	"github.com/signalbox/signalbox/worker"
)

const (
	sold     = 100 // products, in pages of pageSize
	pageSize = "5"
	told     = "signalbox.product.v1"
)

// shop starts a receiver of the catalogue, and gives the workers' variables for it.
func (f *fleet) shop() map[string]string {
	listen, admin := freeAddress(f.t), freeAddress(f.t)
	f.shopAdmin = "http://" + admin
	f.run("sim", "sink", "--listen", listen, "--admin", admin)
	require.Eventually(f.t, func() bool { return answers(listen) && answers(admin) }, 30*time.Second, 10*time.Millisecond)
	return map[string]string{
		"SINKS":              fmt.Sprintf(`[{"name":"shop","url":"http://%s/hooks","secrets":[%q],"timeout":"1s","types":["signalbox.product.*"]}]`, listen, sink.DefaultSecret),
		"CHANNELS":           `[{"name":"main","csu":"default","oun":"` + csu.DefaultOUN + `","legal_entity":"usrt","currency":"USD","service_accounts":["service-account-1"],"sinks":["shop"]}]`,
		"PRODUCTS_PAGE_SIZE": pageSize,
	}
}

// exports asks for the whole catalogue, as a schedule does.
func (f *fleet) exports() {
	parts := app.Message(orchestration.Event{Source: "https://ops.example.com", ID: "catalogue", Type: "signalbox.products.publish.v1", Time: launched, Data: json.RawMessage(`{"full":true}`)})
	require.NoError(f.t, f.publishTo(harness.BulkQueue, []worker.Message{parts}))
}

// catalogue is what the CSU sells.
func catalogue() (ids []string) {
	for _, p := range csu.MakeProducts(sold) {
		ids = append(ids, fmt.Sprint(p.RecordID))
	}
	return ids
}

// judgeCatalogue: the receiver has been told of each product, and of nothing else, under one id that says the same whenever it is told.
func (f *fleet) judgeCatalogue(v *verdict, l load) {
	var events []struct {
		ID, Type, Subject string
		Changed           bool
	}
	f.get(f.shopAdmin+"/events", &events)
	ids := map[string][]string{}
	for _, e := range events {
		switch {
		case e.Type != told || !slices.Contains(l.products, e.Subject):
			v.doubled++
			v.note("the shop was told %s of product %s", e.Type, e.Subject)
		case e.Changed:
			v.doubled++
			v.note("product %s was told twice under id %s, and not the same", e.Subject, e.ID)
		}
		if !slices.Contains(ids[e.Subject], e.ID) {
			ids[e.Subject] = append(ids[e.Subject], e.ID)
		}
	}
	for _, id := range l.products {
		switch n := len(ids[id]); {
		case n == 0:
			v.lost++
			v.note("the shop was not told of product %s", id)
		case n > 1:
			v.doubled += n - 1
			v.note("the shop was told of product %s under %d ids", id, n)
		}
	}
}
