// Package mapping knows whose ID is whose: which D365 record stands for which record of a source, both ways.
//
// A Ref names a record of a source, a Target the D365 record it is bound to. Bindings are written by the run that
// learned them, in the same script as its progress (package orchestration), and read here.
package mapping

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
)

// ErrNotBound says that no binding exists.
var ErrNotBound = errors.New("mapping: not bound")

// ErrConflict says that a binding contradicts one that is there: another target for the reference, or another
// reference of the same source for the target. Bindings are never overwritten.
var ErrConflict = errors.New("mapping: conflict with an existing binding")

// Conflict is an ErrConflict that knows what collides. Its own text, which is logged, names no id.
type Conflict struct {
	Ref    Ref    // what was to be bound
	Target Target // to what
	To     string // the D365 id that the reference is bound to; empty: it is to none
	By     string // the id of the same source that is bound to the target; empty: it looks personal, or none is
}

// Error implements error.
func (c *Conflict) Error() string { return ErrConflict.Error() }

// Unwrap makes it an ErrConflict.
func (c *Conflict) Unwrap() error { return ErrConflict }

// Sentence says which two ids collide, for a person who is to decide between them. An id that looks personal is not named.
func (c *Conflict) Sentence() string {
	if c.To != "" {
		return fmt.Sprintf("this id is already bound to another record: %s %s is %s, and would be %s", c.Ref.Kind, quoted(c.Ref.ID), c.To, c.Target.ID)
	}
	return fmt.Sprintf("another id of this source is already bound to the same record: %s %s is %s, and would be %s", c.Ref.Kind, c.Target.ID, quoted(c.By), quoted(c.Ref.ID))
}

func quoted(id string) string {
	if !Storable(id) {
		return "(an id that looks personal)"
	}
	return strconv.Quote(id)
}

// Ref names one business object as a source knows it.
type Ref struct {
	Kind   string // customer, order, ...
	Scope  string // CSU and legal entity: the same number in two legal entities is two objects
	Source string // the CloudEvents source that owns the ID
	ID     string // the source's own ID
}

// Target names the D365 record a reference is bound to.
type Target struct {
	Kind  string
	Scope string
	ID    string // such as an account number
}

// Binding ties one reference to one target.
type Binding struct {
	Ref    Ref
	Target Target
	Was    string // the provisional id that Target.ID takes the place of; empty: a first binding
}

// Finder answers in both directions. Errors: ErrNotBound, or the storage's.
type Finder interface {
	Find(ctx context.Context, ref Ref) (Target, error)
	Sources(ctx context.Context, target Target) ([]Ref, error)
}

var plainID = regexp.MustCompile(`^[A-Za-z0-9._:/-]{1,128}$`)

// Storable says whether an ID may be stored in clear as the value of a binding: it looks like a number or a code.
// Anything else (an e-mail address used as an ID, say) counts as personal and is stored as a keyed hash only.
func Storable(id string) bool { return plainID.MatchString(id) }
