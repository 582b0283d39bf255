package app

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/redisstore"
	"github.com/signalbox/signalbox/orchestration/scenarios/orders"
)

// openOrders counts the orders that wait for headquarters' sales ids, anew when the last count is older than half an interval.
func (a *App) openOrders() func(context.Context, orchestration.Channel, int) (int, error) {
	var mu sync.Mutex
	var counted time.Time
	var n int
	return func(ctx context.Context, _ orchestration.Channel, most int) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		if !counted.IsZero() && time.Since(counted) < a.cfg.Orders.ConfirmAfter/2 {
			return n, nil
		}
		found, err := a.countOpen(ctx, most)
		if err != nil {
			return 0, err
		}
		n, counted = found, time.Now()
		return n, nil
	}
}

func (a *App) countOpen(ctx context.Context, most int) (found int, _ error) {
	err := fleetStore{a}.Waiting(ctx, func(w redisstore.Waiting) error {
		if w.Scenario == orders.ConfirmName {
			found++
		}
		if found >= most {
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return found, err
}

// surelyNone says whether no order waits for a sales id. An order that is looked for just now is not among those that wait, so it takes two
// counts, a minute or more apart, which both found none; until then it says no.
func surelyNone(count func(ctx context.Context, most int) (int, error)) func(context.Context) bool {
	const fresh = 30 * time.Second
	var mu sync.Mutex
	var counted, none time.Time // the last count; the first of those that found none
	return func(ctx context.Context) bool {
		mu.Lock()
		defer mu.Unlock()
		if counted.IsZero() || time.Since(counted) >= fresh {
			found, err := count(ctx, 1)
			switch {
			case err != nil:
				return false
			case found > 0:
				none = time.Time{}
			case none.IsZero():
				none = time.Now()
			}
			counted = time.Now()
		}
		return !none.IsZero() && counted.Sub(none) >= time.Minute
	}
}

var errEnough = errors.New("counted as many as matter")
