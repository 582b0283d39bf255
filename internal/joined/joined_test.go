package joined

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

type problem struct{ what string }

func (p problem) Error() string { return p.what }

func TestWhatIsJoinedComesApartInItsOrder(t *testing.T) {
	t.Parallel()
	all := []problem{{"a"}, {"b"}}
	err := Error(all)
	require.EqualError(t, err, "a\nb")
	require.Equal(t, all, Parts[problem](err))
	require.Equal(t, []problem{{"a"}, {"b"}, {"c"}}, Parts[problem](errors.Join(err, fmt.Errorf("at the end: %w", problem{"c"}))))
}

func TestNoProblemsAreNoError(t *testing.T) {
	t.Parallel()
	require.NoError(t, Error[problem](nil))
	require.Nil(t, Parts[problem](nil))
	require.Nil(t, Parts[problem](errors.New("something else")))
}
