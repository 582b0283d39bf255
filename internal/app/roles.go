package app

import "slices"

// The roles that a process of the fleet may have.
const (
	RoleWorker    = "worker"    // takes events, applies them, and watches over the queues
	RoleScheduler = "scheduler" // may be the one that publishes the events of the schedules
)

// Roles lists them. A process that is not told has all.
func Roles() []string { return []string{RoleWorker, RoleScheduler} }

// is says whether this process has a role.
func (a *App) is(role string) bool {
	return len(a.parts.Roles) == 0 || slices.Contains(a.parts.Roles, role)
}
