// Package fieldmap makes events of rows in a source's own shape. A field map is one YAML file: which event type it makes,
// and for each field of it a jq expression over the row.
//
//	type: signalbox.customer.changed.v1
//	id: '"customer-\(.CustomerId)-\(.Version)"'
//	time: .ModifiedAt | instant("iso"; "Europe/Vienna")
//	data:
//	  id: .CustomerId | tostring
//	  email: .Email | email
//	  phone: .Phone | phone($row.Country)
//	  addresses:
//	    - $each: select(.Street != null)
//	      street: .Street
//	      country: .Country | iso3
//
// The same row gives the same event in every process and at every time, because an event is recognised by its id: what
// would break that (a clock, a random number, the environment, a locale) is refused when the map is read. A program has
// no files, no environment and no inputs; it ends in a number of steps and at a deadline, and what it makes is bounded,
// also on the way (guard.go).
//
// Errors: those of reading a map are Problems, with line and field. Those of a row are *Failed around a Poison
// *fault.Error, with the field, the rule that was not kept and the shape of what did not keep it: a type, a length,
// never the value. Warnings are the same, of rows that went through.
// Concurrency: a Map may be used by many goroutines at once.
// Source: jq 1.7 manual for the language; github.com/itchyny/gojq for where it differs.
package fieldmap
