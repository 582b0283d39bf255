// Package normal brings what people typed into the form that Dynamics 365 and our comparisons expect: e-mail addresses,
// phone numbers, countries, currencies, languages, moments. The same input gives the same output in every process,
// whatever its clock, time zone or locale.
//
// Nothing here guesses: what cannot be read for sure is said to be so, and the caller decides whether to keep it as it
// was given. No error or result of this package is meant for a log: all of it is personal data or may be.
package normal
