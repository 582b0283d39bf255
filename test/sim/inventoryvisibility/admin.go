package inventoryvisibility

import (
	"net/http"

	"github.com/signalbox/signalbox/test/sim/misbehave"
)

// AdminHandler serves what the Go methods do as JSON over HTTP. It asks for no credentials: keep its port to yourself.
func (s *Simulator) AdminHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /reservations", func(w http.ResponseWriter, _ *http.Request) { misbehave.Answer(w, http.StatusOK, s.Reservations()) })
	mux.HandleFunc("POST /stock", func(w http.ResponseWriter, r *http.Request) {
		var rows []Stock
		if misbehave.Change(w, r, &rows, func() error { s.Put(rows...); return nil }) {
			misbehave.Answer(w, http.StatusOK, map[string]int{"rows": len(rows)})
		}
	})
	s.faults.Serve(mux)
	return mux
}
