package orchestration_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
)

const pagesType = "example.list.wanted.v1"

// pages is a list that is read page by page.
type pages struct {
	ID    string `json:"id"`
	Pages int    `json:"pages"`
}

// place is how far a run has come.
type place struct {
	Page int  `json:"page"`
	Kept bool `json:"kept"`

	row string // of the page in hand: never saved
}

type pagesRun = orchestration.Run[pages, place]

// listing is the smallest scenario that reads page by page: it tells of each page, then keeps a mark in the target.
func listing(w *target) orchestration.Pipeline[pages, place] {
	return orchestration.Pipeline[pages, place]{
		Name: "listing", Handles: pagesType, Version: 1, Order: orchestration.Fact, Schema: []byte(`{"type":"object"}`), Lane: orchestration.LaneBulk,
		Entity: func(p pages) (string, string) { return "list", p.ID },
		Steps: []orchestration.Step[pages, place]{{
			Name: "read-page",
			Look: func(ctx context.Context, r *pagesRun) (bool, error) {
				err := w.reading(ctx, fmt.Sprint("page ", r.State.Page), func() { r.State.row = fmt.Sprint("row ", r.State.Page) })
				return true, err
			},
			Note: func(r *pagesRun) {
				r.Emit(orchestration.Event{Source: "signalbox", ID: r.EventToken(r.State.row), Type: "example.row.v1", Data: fmt.Appendf(nil, "%q", r.State.row)})
				r.State.Page++
			},
			More: func(r *pagesRun) bool { return r.State.Page < r.In.Pages },
		}, {
			Name: "keep-mark",
			Look: func(ctx context.Context, r *pagesRun) (bool, error) {
				_, found, err := w.has(ctx, "mark")
				return found, err
			},
			Act:  func(ctx context.Context, _ *pagesRun) error { return w.put(ctx, "mark", "kept") },
			Note: func(r *pagesRun) { r.State.Kept = true },
		}},
	}
}

func (r *rig) listed(id string, n int) orchestration.Event {
	ev := r.event(id, id, "", "", time.Now())
	ev.Type, ev.Data = pagesType, fmt.Appendf(nil, `{"id":%q,"pages":%d}`, id, n)
	return ev
}

func withListing(r *rig) func(*orchestration.Options) {
	return func(o *orchestration.Options) { o.Scenarios = append(o.Scenarios, listing(r.target)) }
}

func TestEachPageIsToldBeforeTheNextIsReadAndTheMarkIsKeptLast(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		var order []string
		r.target.set(func(op string) error {
			order = append(order, fmt.Sprintf("%s after %d", op, len(r.outbox.ids())))
			return nil
		}, nil)
		o := r.engine("w1", withListing(r)).Handle(r.t.Context(), r.listed("L1", 3))
		require.Equal(t, orchestration.Completed, o.Verdict, "%+v", o)
		require.Equal(t, []string{"page 0 after 0", "page 1 after 1", "page 2 after 2", "has after 3", "put after 3"}, order)
		for _, ev := range r.outbox.sent {
			require.Equal(t, orchestration.LaneBulk, ev.Lane)
		}
	})
}

func TestARunThatDiesAtAnyBoundaryOfAnyPageMissesNoneAndRepeatsUnderTheSameID(t *testing.T) {
	t.Parallel()
	for dieAt := 1; ; dieAt++ {
		ended := false
		inBubble(t, func(r *rig) {
			l, gone := newLife(dieAt), make(chan struct{})
			ev := r.listed("L1", 4)
			go func() {
				defer close(gone)
				r.engine("w1", withListing(r), mortal(l)).Handle(r.t.Context(), ev)
			}()
			select {
			case <-l.died:
			case <-gone:
				ended = true
			}
			defer func() { <-gone }()
			r.settle(r.engine("w2", withListing(r)), ev)
			want := map[string]bool{}
			for _, e := range r.outbox.sent {
				want[string(e.Data)] = true
			}
			require.Len(t, want, 4, "died at %d", dieAt)
			require.Len(t, r.outbox.ids(), 4, "a repeat has the id of the first; died at %d", dieAt)
			require.LessOrEqual(t, len(r.outbox.sent), 5, "at most one page is told again; died at %d", dieAt)
			require.Equal(t, "kept", r.target.effects["mark"])
		})
		if ended {
			require.Greater(t, dieAt, 12)
			return
		}
	}
}

func TestAPageThatCannotBeReadIsTriedAgainAndWhatWasReadStays(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		down := true
		r.target.set(func(op string) error {
			if down && op == "page 2" {
				return fault.New(fault.Transient, "", "away")
			}
			return nil
		}, nil)
		e, ev := r.engine("w1", withListing(r), impatient), r.listed("L1", 4)
		o := e.Handle(r.t.Context(), ev)
		require.Equal(t, orchestration.Postponed, o.Verdict)
		require.Equal(t, "read-page", o.Step)
		require.Len(t, r.outbox.sent, 2)
		down = false
		r.settle(e, ev)
		require.Len(t, r.outbox.sent, 4)
	})
}

func TestARunOfManyPagesGoesOnByACopyWithoutAnAttempt(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		r.target.set(func(op string) error {
			if op != "has" && op != "put" {
				<-time.After(time.Minute)
			}
			return nil
		}, nil)
		e, ev := r.engine("w1", withListing(r)), r.listed("L1", 8)
		o := e.Handle(r.t.Context(), ev)
		require.Equal(t, orchestration.Postponed, o.Verdict, "%+v", o)
		require.Equal(t, orchestration.CauseContinue, o.Cause)
		require.Zero(t, o.Attempt)
		before := len(r.outbox.sent)
		require.GreaterOrEqual(t, before, 4)
		r.settle(e, ev)
		require.Len(t, r.outbox.ids(), 8)
		require.LessOrEqual(t, len(r.outbox.sent), 9)
	})
}

func TestALargePageIsSentInPartsAndOneThatFailsIsSentAgainAlone(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		p, tries := listing(r.target), 0
		note := p.Steps[0].Note
		p.Steps[0].Note = func(run *pagesRun) {
			for i := range 1200 {
				run.Emit(orchestration.Event{Source: "signalbox", ID: run.EventToken(fmt.Sprint("large", i)), Type: "example.row.v1", Data: []byte(`"large"`)})
			}
			note(run)
		}
		r.outbox.fail = func() error {
			if tries++; tries == 2 {
				return fault.New(fault.Transient, "", "too slow")
			}
			return nil
		}
		e := r.engine("w1", func(o *orchestration.Options) { o.Scenarios = append(o.Scenarios, p) })
		require.Equal(r.t, orchestration.Completed, e.Handle(r.t.Context(), r.listed("L1", 1)).Verdict)
		require.Len(r.t, r.outbox.sent, 1201, "each once")
		require.Equal(r.t, 4, tries, "three parts, one of them twice")
	})
}
