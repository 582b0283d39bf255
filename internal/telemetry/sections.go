package telemetry

// The sections of the reference, in its order. Those that no metric stands in yet are left out.
const (
	sectionTransport = "Queue and transport"
	sectionWorker    = "Worker"
	sectionPipelines = "Pipelines and steps"
	sectionCSU       = "CSU client and gate"
	sectionSinks     = "Sinks"
	sectionSchedules = "Schedules"
	sectionOnce      = "Exactly once, mapping, Redis"
	sectionProcess   = "Process"
)

// Sections lists them.
func Sections() []string {
	return []string{sectionTransport, sectionWorker, sectionPipelines, sectionCSU, sectionSinks, sectionSchedules, sectionOnce, sectionProcess}
}
