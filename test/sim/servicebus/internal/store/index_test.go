package store

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestTheIndexIsASortedSet(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var x index
		model := map[int64]*entry{}
		seq := rapid.OneOf(rapid.Int64Range(1, 200), rapid.Int64Range(1, 1<<20), rapid.Int64Range(1<<40, 1<<40+70), rapid.Just(int64(1)<<62))
		for range rapid.IntRange(1, 300).Draw(t, "steps") {
			n := seq.Draw(t, "n")
			switch rapid.IntRange(0, 2).Draw(t, "do") {
			case 0:
				e := &entry{seq: n}
				x.put(e)
				model[n] = e
			case 1:
				x.remove(n)
				delete(model, n)
			case 2:
				var want *entry
				for s, e := range model {
					if s >= n && (want == nil || s < want.seq) {
						want = e
					}
				}
				require.Same(t, want, x.next(n))
				require.Same(t, model[n], x.get(n))
			}
			require.Equal(t, len(model), x.size)
		}
	})
}
