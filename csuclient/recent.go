package csuclient

import "time"

// recent counts the calls of the last seconds.
type recent struct {
	began time.Time // of the first call
	slot  [recentSlots]int64
	calls [recentSlots]int
}

const (
	recentSlots = 8
	recentSlot  = 250 * time.Millisecond
)

func (r *recent) add(now time.Time) {
	if r.began.IsZero() {
		r.began = now
	}
	slot := now.UnixNano() / int64(recentSlot)
	i := slot % recentSlots
	if r.slot[i] != slot {
		r.slot[i], r.calls[i] = slot, 0
	}
	r.calls[i]++
}

// rate is calls a second, over two seconds, or since the first call if that was later.
func (r *recent) rate(now time.Time) float64 {
	oldest := now.UnixNano()/int64(recentSlot) - recentSlots
	n := 0
	for i, slot := range r.slot {
		if slot > oldest {
			n += r.calls[i]
		}
	}
	over := min(recentSlots*recentSlot, max(now.Sub(r.began), recentSlot))
	return float64(n) / over.Seconds()
}
