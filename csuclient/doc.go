// Package csuclient calls the Commerce Scale Unit, one method per operation that a scenario needs.
//
// It knows HTTP, OData, tokens, Retry-After and what each status means. It knows no queue, no checkpoint and no scenario.
//
// Errors: always a *fault.Error with codes and identifiers only: never a URL, an OData key, a body or the server's
// localized text. "Not there" is errors.Is(err, ErrNotFound). Throttled carries the server's wait, zero if it gave none.
//
// A write that may have left without a definitive answer is Ambiguous: look before writing again. A write of which no
// byte left (refused by the gate or by Call.StillOurs, or never connected) is not: its error is of another kind.
//
// No method retries, save once with a fresh token after a 401. (net/http repeats a request by itself only when the
// connection it had was closed before a byte of it was written, or, for a GET, while idle.)
//
// Concurrency: one Client for the process; its Budget is shared by all of its calls.
//
// Source: Retail Server OData metadata 10.0.x, entity set Customers; https://learn.microsoft.com/dynamics365/commerce/dev-itpro/consume-retail-server-api.
package csuclient
