package servicebus_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/signalbox/signalbox/test/sim/servicebus"
	"github.com/stretchr/testify/require"
)

const page = "../../../docs/reference/local-service-bus.md"

var itemsOf = regexp.MustCompile(`(?i)items? (\d+(?:(?:, | and )\d+)*)`)

// The page lists the items of the conformance checklist that comments of tests name, no more and no fewer.
func TestThePageListsTheItemsThatTestsCover(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*_test.go")
	require.NoError(t, err)
	covered := map[int]bool{}
	for _, file := range files {
		code, err := os.ReadFile(file)
		require.NoError(t, err)
		for line := range strings.Lines(string(code)) {
			if !strings.HasPrefix(line, "//") {
				continue
			}
			for _, match := range itemsOf.FindAllStringSubmatch(line, -1) {
				for _, number := range regexp.MustCompile(`\d+`).FindAllString(match[1], -1) {
					n, err := strconv.Atoi(number)
					require.NoError(t, err)
					covered[n] = true
				}
			}
		}
	}
	_, list, ok := strings.Cut(read(t), "<!-- items -->\n")
	require.True(t, ok)
	require.Equal(t, ranges(slices.Sorted(maps.Keys(covered))), strings.TrimSpace(list))
}

// ranges writes 1, 2, 3, 5 as "1–3, 5".
func ranges(numbers []int) string {
	var out []string
	for i := 0; i < len(numbers); {
		j := i
		for j+1 < len(numbers) && numbers[j+1] == numbers[j]+1 {
			j++
		}
		switch j - i {
		case 0:
			out = append(out, strconv.Itoa(numbers[i]))
		case 1:
			out = append(out, strconv.Itoa(numbers[i]), strconv.Itoa(numbers[j]))
		default:
			out = append(out, fmt.Sprintf("%d–%d", numbers[i], numbers[j]))
		}
		i = j + 1
	}
	return strings.Join(out, ", ")
}

// The page names every method by which a broker is told to misbehave, and every way in.
func TestThePageNamesTheBrokersMethods(t *testing.T) {
	t.Parallel()
	text := read(t)
	for method := range reflect.TypeFor[*servicebus.Broker]().Methods() {
		switch method.Name {
		case "Close", "Serve", "ServeConn": // of no concern to somebody who is connected
		default:
			require.Contains(t, text, method.Name)
		}
	}
}

func read(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	return string(text)
}
