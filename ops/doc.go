// Package ops holds what an SRE loads into Prometheus, Alertmanager and Grafana: the dashboard, recording and alert rules,
// inhibitions and a runbook for each alert. There is no code in it; its tests hold the files against the metrics that the
// code exports, against each other, and against promtool.
package ops
