package boundary

import "slices"

// appointment is something to do at a boundary.
type appointment struct {
	at int
	do func()
}

// In does something when so many more boundaries are passed.
func (b *Boundaries) In(n int, do func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.soon = append(b.soon, appointment{len(b.seen) + n, do})
}

// Forget does nothing more of what was to be done at boundaries (In).
func (b *Boundaries) Forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.soon = nil
}

// due takes out what is to be done at this boundary. The caller holds the lock.
func (b *Boundaries) due() (now []appointment) {
	b.soon = slices.DeleteFunc(b.soon, func(a appointment) bool {
		if a.at > len(b.seen) {
			return false
		}
		now = append(now, a)
		return true
	})
	return now
}

// Freeze makes every further call of the process wait, before it is made or with its answer in hand, until Thaw.
func (b *Boundaries) Freeze() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ice == nil {
		b.ice = make(chan struct{})
	}
}

// Thaw lets calls go on. Clocks have gone on meanwhile.
func (b *Boundaries) Thaw() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ice != nil {
		close(b.ice)
		b.ice = nil
	}
}

// lives waits while the process is frozen; ErrDead if it is dead.
func (b *Boundaries) lives() error {
	for {
		b.mu.Lock()
		ice, dead := b.ice, b.dead
		b.mu.Unlock()
		switch {
		case dead:
			return ErrDead
		case ice == nil:
			return nil
		}
		<-ice
	}
}
