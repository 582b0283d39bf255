package certify

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestOneRunInTenMayMissItsBoundaryAndOneOfFewer(t *testing.T) {
	for _, s := range []Scenario{
		{Cases: 1, Held: 1},
		{Cases: 6, Held: 5, Unreached: 1},
		{Cases: 19, Held: 18, Unreached: 1},
		{Cases: 30, Held: 27, Unreached: 3},
	} {
		assert.True(t, s.holds(), "%+v", s)
	}
	for _, s := range []Scenario{
		{},
		{Cases: 1, Unreached: 1},
		{Cases: 6, Held: 4, Unreached: 2},
		{Cases: 19, Held: 17, Unreached: 2},
		{Cases: 30, Held: 26, Unreached: 4},
		{Cases: 30, Held: 29, Broken: 1},
	} {
		assert.False(t, s.holds(), "%+v", s)
	}
}
