// Package mapping knows whose ID is whose: which D365 record stands for which record of a source, both ways.
//
// A Ref names a record of a source, a Target the D365 record it is bound to. Bindings are written by the run that
// learned them, in the same script as its progress (package orchestration), and read here.
package mapping

import (
	"context"
	"errors"
	"regexp"
)

// ErrNotBound says that no binding exists.
var ErrNotBound = errors.New("mapping: not bound")

// ErrConflict says that a binding contradicts one that is there: another target for the reference, or another
// reference of the same source for the target. Bindings are never overwritten.
var ErrConflict = errors.New("mapping: conflict with an existing binding")

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

var guid = regexp.MustCompile(`^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$`)

// Provisional says whether a D365 id is one that headquarters will replace: while they are being created asynchronously,
// records have a GUID in the place of their number (Microsoft, "Asynchronous customer creation mode").
func Provisional(id string) bool { return guid.MatchString(id) }
