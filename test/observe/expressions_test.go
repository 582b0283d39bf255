package observe

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/VictoriaMetrics/metricsql"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

const opsFolder = "../../ops"

// ruleFiles are the absolute paths of ours.
func ruleFiles(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, name := range []string{"recording.yaml", "alerts.yaml"} {
		path, err := filepath.Abs(filepath.Join(opsFolder, "rules", name))
		require.NoError(t, err)
		all = append(all, path)
	}
	return all
}

// ofTheDashboard are its expressions, by where they stand, with Grafana's variables settled.
func ofTheDashboard(t *testing.T, interval string) map[string]string {
	t.Helper()
	var d struct {
		Panels []struct {
			Title   string
			GridPos struct{ Y int }
			Targets []struct{ Expr, RefID string }
		}
		Annotations struct{ List []struct{ Name, Expr string } }
	}
	b, err := os.ReadFile(filepath.Join(opsFolder, "dashboard.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(b, &d))
	settle := strings.NewReplacer("$__rate_interval", interval, "$job", "signalbox", "$instance", ".*", "$queue", ".*", "$scenario", ".*")
	all, row := map[string]string{}, ""
	for _, p := range d.Panels {
		if len(p.Targets) == 0 {
			row = p.Title
		}
		for _, target := range p.Targets {
			all[fmt.Sprintf("%s / %s / %s", row, p.Title, target.RefID)] = settle.Replace(target.Expr)
		}
	}
	for _, a := range d.Annotations.List {
		all["annotation / "+a.Name] = settle.Replace(a.Expr)
	}
	return all
}

// ofTheRules are what the rules compare: an alert's own expression has data only while it fires, so each side of and, or and
// unless is asked alone and without what it is compared with.
func ofTheRules(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, path := range ruleFiles(t) {
		var file struct {
			Groups []struct {
				Rules []struct{ Alert, Record, Expr string }
			}
		}
		b, err := os.ReadFile(path)
		require.NoError(t, err)
		require.NoError(t, yaml.Unmarshal(b, &file))
		for _, g := range file.Groups {
			for _, r := range g.Rules {
				all[r.Alert+r.Record+" / whole"] = r.Expr
				parsed, err := metricsql.Parse(r.Expr)
				require.NoError(t, err)
				for i, e := range operands(parsed) {
					all[fmt.Sprintf("%s / %d", r.Alert+r.Record, i)] = string(e.AppendString(nil))
				}
			}
		}
	}
	return all
}

var (
	sets        = []string{"and", "or", "unless"}
	comparisons = []string{">", "<", ">=", "<=", "==", "!="}
)

func operands(e metricsql.Expr) []metricsql.Expr {
	switch e := e.(type) {
	case *metricsql.BinaryOpExpr:
		if slices.Contains(sets, e.Op) {
			return append(operands(e.Left), operands(e.Right)...)
		}
		if slices.Contains(comparisons, e.Op) {
			return operands(e.Left)
		}
	case *metricsql.FuncExpr:
		if e.Name == "absent" {
			return operands(e.Args[0])
		}
	}
	return []metricsql.Expr{e}
}
