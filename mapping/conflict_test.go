package mapping

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAConflictSaysWhichTwoIDsCollideButNoneThatLooksPersonal(t *testing.T) {
	t.Parallel()
	ref, target := Ref{Kind: KindCustomer, Source: "shop", ID: "C-2"}, Target{Kind: KindCustomer, ID: "000034"}
	require.Equal(t, `this id is already bound to another record: customer "C-2" is 000012, and would be 000034`, (&Conflict{Ref: ref, Target: target, To: "000012"}).Sentence())
	require.Equal(t, `another id of this source is already bound to the same record: customer 000034 is "C-1", and would be "C-2"`, (&Conflict{Ref: ref, Target: target, By: "C-1"}).Sentence())
	ref.ID = "ana@example.com"
	c := &Conflict{Ref: ref, Target: target}
	require.Equal(t, `another id of this source is already bound to the same record: customer 000034 is (an id that looks personal), and would be (an id that looks personal)`, c.Sentence())
	require.ErrorIs(t, c, ErrConflict)
	require.Equal(t, ErrConflict.Error(), c.Error(), "what is logged names none")
}
