// Package joined has errors that say many things at once: each a value of one type, joined.
package joined

import "errors"

// Error makes one error of all of them; nil if there are none.
func Error[P error](all []P) error {
	errs := make([]error, len(all))
	for i, p := range all {
		errs[i] = p
	}
	return errors.Join(errs...)
}

// Parts takes an error of Error apart again; nil if nothing in it is a P.
func Parts[P error](err error) []P {
	if several, ok := err.(interface{ Unwrap() []error }); ok {
		var all []P
		for _, e := range several.Unwrap() {
			all = append(all, Parts[P](e)...)
		}
		return all
	}
	if p, ok := errors.AsType[P](err); ok {
		return []P{p}
	}
	return nil
}
