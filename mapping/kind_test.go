package mapping

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEveryKindHasAPlainNameAndOneSentence(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, k := range Kinds() {
		require.Regexp(t, regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`), k.Name)
		require.False(t, seen[k.Name], k.Name)
		require.True(t, strings.HasSuffix(k.What, ".") && strings.Count(k.What, ". ") == 0, "%s has one sentence", k.Name)
		seen[k.Name] = true
	}
	require.Len(t, KindNames(), len(seen))
}
