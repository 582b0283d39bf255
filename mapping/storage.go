package mapping

import "context"

// Storage is what an operator does to all bindings of a CSU. Runs do not use it: they write bindings with their progress.
// Errors: ErrNotBound, or the storage's.
type Storage interface {
	Finder
	// Entry gives a binding with all that is kept of it.
	Entry(ctx context.Context, ref Ref) (Entry, error)
	// Walk hands over every binding once, in no order, and stops at the first error of use. It may run beside a fleet: a
	// binding that is made meanwhile is handed over or not. places are where references may be.
	Walk(ctx context.Context, places []Place, use func(Entry) error) error
	// Bind writes bindings both ways, each by itself, and never overwrites one; it answers in order. dry only says what the
	// answers would be. On an error some may be written; asked again, they are Unchanged.
	Bind(ctx context.Context, entries []Entry, dry bool) ([]Answer, error)
}

// Place is a kind and a scope that references may have.
type Place struct{ Kind, Scope string }

// Entry is a binding as it is kept.
type Entry struct {
	Ref     Ref    // ID is empty when it looks personal: then only Name stands for it. Kind and Scope are empty when none of the places has it
	Name    string // short name of the reference: its keyed hash
	Target  Target
	Version string // of the state that was applied last; empty: none
}

// Result says what became of a binding.
type Result string

// The results.
const (
	Bound          Result = "bound"           // written
	Unchanged      Result = "unchanged"       // it was there
	Completed      Result = "completed"       // one direction was missing and was added
	OtherTarget    Result = "other_target"    // the reference is bound to another record
	OtherReference Result = "other_reference" // the record is bound to another reference of the same source
	Busy           Result = "busy"            // a run has it in hand, or a write of one may still land: ask again
)

// Answer is what became of one binding.
type Answer struct {
	Result Result
	Is     string // OtherTarget: the D365 id that the reference has; OtherReference: the id that the record has there, if it is kept
}
