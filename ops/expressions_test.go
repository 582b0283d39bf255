package ops

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/VictoriaMetrics/metricsql"
	"github.com/stretchr/testify/require"
)

// TestEveryExpressionAsksForWhatIsExported: metrics and labels, in the dashboard and in the rules.
func TestEveryExpressionAsksForWhatIsExported(t *testing.T) {
	known := exported()
	for _, r := range rules(t) {
		if r.Record != "" {
			known[r.Record] = []string{}
		}
	}
	for where, expr := range expressions(t) {
		require.Empty(t, problemsOf(expr, known), "%s: %s", where, expr)
	}
}

// expressions are all there are, by where they stand.
func expressions(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, r := range rules(t) {
		all["rule "+r.Record+r.Alert] = r.Expr
	}
	d := theDashboard(t)
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			all[fmt.Sprintf("panel %d %s %s", p.ID, p.Title, target.RefID)] = settled(target.Expr)
		}
	}
	for _, a := range d.Annotations.List {
		all["annotation "+a.Name] = settled(a.Expr)
	}
	for _, v := range d.Templating.List {
		if inner, ok := strings.CutPrefix(v.Definition, "label_values("); ok {
			metric, label, _ := strings.Cut(strings.TrimSuffix(inner, ")"), "}")
			if label == "" {
				metric, label, _ = strings.Cut(metric, ",")
			} else {
				metric += "}"
			}
			all["variable "+v.Name] = fmt.Sprintf("count by (%s) (%s)", strings.Trim(label, ", "), settled(metric))
		}
	}
	return all
}

// settled puts values in the place of Grafana's variables.
func settled(expr string) string {
	return strings.NewReplacer("$__rate_interval", "1m", "$job", ".*", "$instance", ".*", "$queue", ".*", "$scenario", ".*").Replace(expr)
}

// problemsOf says what an expression asks for that there is not.
func problemsOf(expr string, known map[string][]string) (problems []string) {
	parsed, err := metricsql.Parse(expr)
	if err != nil {
		return []string{err.Error()}
	}
	say := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	metricsql.VisitAll(parsed, func(e metricsql.Expr) {
		switch e := e.(type) {
		case *metricsql.MetricExpr:
			name, filters := metricOf(e)
			labels, ok := known[name]
			if !ok {
				say("nothing exports %s", name)
			}
			for _, f := range filters {
				if !slices.Contains(labels, f) && !slices.Contains(scraped, f) {
					say("%s has no label %s", name, f)
				}
			}
		case *metricsql.AggrFuncExpr:
			for _, label := range unknownLabels(e.Modifier.Args, known, e.Args...) {
				say("%s %s (%s): no metric below has that label", e.Name, e.Modifier.Op, label)
			}
		case *metricsql.BinaryOpExpr:
			for _, side := range []metricsql.Expr{e.Left, e.Right} {
				for _, label := range unknownLabels(e.GroupModifier.Args, known, side) {
					say("%s %s (%s): a side has no such label", e.Op, e.GroupModifier.Op, label)
				}
			}
		}
	})
	return problems
}

// metricOf gives the name and the labels that are filtered by.
func metricOf(e *metricsql.MetricExpr) (name string, labels []string) {
	for _, filters := range e.LabelFilterss {
		for _, f := range filters {
			if f.Label == "__name__" {
				name = f.Value
				continue
			}
			labels = append(labels, f.Label)
		}
	}
	return name, labels
}

// unknownLabels are those that no metric below has.
func unknownLabels(labels []string, known map[string][]string, below ...metricsql.Expr) (unknown []string) {
	has := slices.Clone(scraped)
	for _, b := range below {
		metricsql.VisitAll(b, func(e metricsql.Expr) {
			if m, ok := e.(*metricsql.MetricExpr); ok {
				name, _ := metricOf(m)
				has = append(has, known[name]...)
			}
		})
	}
	for _, l := range labels {
		if !slices.Contains(has, l) {
			unknown = append(unknown, l)
		}
	}
	return unknown
}

// The check itself can fail.
func TestAnExpressionThatAsksForWhatIsNotThereIsFound(t *testing.T) {
	known := map[string][]string{"a_total": {"queue"}, "b_total": {"step"}}
	for expr, want := range map[string]string{
		`sum(rate(c_total[5m]))`:                            "nothing exports c_total",
		`a_total{step="x"}`:                                 "a_total has no label step",
		`sum by (step) (rate(a_total{job="x"}[5m]))`:        "no metric below has that label",
		`a_total and on (queue) b_total`:                    "a side has no such label",
		`sum(a_total`:                                       "unexpected token",
		`max_over_time((max(d) - time())[5m:1m]) > 60`:      "nothing exports d",
		`time() - max by (queue) (a_total{queue=~"x"}) > 0`: "",
	} {
		got := strings.Join(problemsOf(expr, known), "; ")
		if want == "" {
			require.Empty(t, got, expr)
			continue
		}
		require.Contains(t, got, want, expr)
	}
}
