// Package telemetry counts and logs: the observers of the engine, the worker, the CSU client and Redis, on one
// Prometheus registry and one zap logger for the process.
//
// Every metric name and label is a constant of names.go; docs/reference/metrics.md and docs/reference/logs.md are the
// reference, and tests hold both against the code. Label values come from closed sets: what code and configuration
// know. Anything else counts as "unknown" or "other", so that no message can make a series. Series that are known
// from the start stand at zero from the start.
//
// Log lines have constant messages and the fields of field.go. Personal data is kept out by its types; what slips
// through in text is masked by a last net (mask.go), and each catch is counted, because it is a defect elsewhere.
//
// Only internal/app imports this package.
package telemetry
