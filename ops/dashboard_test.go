package ops

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	fixedRange = regexp.MustCompile(`\[(\d+[smhdw])\]`)
	perSecond  = regexp.MustCompile(`\b(rate|increase|irate|delta)\(`)
)

// TestTheDashboardIsWhatOthersExpectOfOne re-creates the rules of the Grafana dashboard linter.
func TestTheDashboardIsWhatOthersExpectOfOne(t *testing.T) {
	d := theDashboard(t)
	require.Equal(t, "signalbox-overview", d.UID)
	var names []string
	for _, v := range d.Templating.List {
		names = append(names, v.Name)
	}
	require.Equal(t, []string{"datasource", "job", "instance", "queue", "scenario"}, names)
	require.Equal(t, "datasource", d.Templating.List[0].Type)

	ids, rows, titles := map[int]bool{}, 0, map[string]bool{}
	for _, p := range d.Panels {
		require.False(t, ids[p.ID], "two panels have the id %d", p.ID)
		ids[p.ID] = true
		if p.Type == "row" {
			rows++
			titles = map[string]bool{}
			continue
		}
		require.NotEmpty(t, p.Title)
		require.False(t, titles[p.Title], "two panels of a row are called %s", p.Title)
		titles[p.Title] = true
		require.True(t, strings.HasSuffix(p.Description, "."), "%s: the description is no sentence", p.Title)
		require.NotEmpty(t, p.FieldConfig.Defaults.Unit, "%s has no unit", p.Title)
		require.Equal(t, "${datasource}", p.Datasource.UID, "%s: the data source is not a variable", p.Title)
		require.LessOrEqual(t, p.GridPos.X+p.GridPos.W, 24, "%s is off the page", p.Title)
		require.NotEmpty(t, p.Targets, p.Title)
		for _, target := range p.Targets {
			require.Equal(t, "${datasource}", target.Datasource.UID, p.Title)
			require.NotEmpty(t, target.LegendFormat, "%s: %s has no legend", p.Title, target.RefID)
			requireTemplated(t, p.Title, target.Expr)
		}
	}
	require.Equal(t, 11, rows)
	for _, a := range d.Annotations.List {
		requireTemplated(t, a.Name, a.Expr)
	}
}

// requireTemplated asserts that every selector of an expression is narrowed to the chosen job and instance, and that rates
// are over the interval that Grafana chooses; save those over the thirty days of the objectives.
func requireTemplated(t *testing.T, where, expr string) {
	t.Helper()
	selectors := strings.Count(expr, "{")
	require.Positive(t, selectors, where)
	for _, filter := range []string{`job=~"$job"`, `instance=~"$instance"`} {
		require.Equal(t, selectors, strings.Count(expr, filter), "%s: not every selector has %s", where, filter)
	}
	for _, m := range fixedRange.FindAllStringSubmatch(expr, -1) {
		require.Equal(t, "30d", m[1], "%s: a fixed range", where)
	}
	if perSecond.MatchString(expr) && !strings.Contains(expr, "[30d]") {
		require.Contains(t, expr, "[$__rate_interval]", where)
	}
}

func TestPanelsDoNotOverlap(t *testing.T) {
	taken := map[[2]int]string{}
	for _, p := range theDashboard(t).Panels {
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				at := [2]int{x, y}
				require.Empty(t, taken[at], "%s lies on %s", p.Title, taken[at])
				taken[at] = p.Title
			}
		}
	}
}
