// Package inventoryvisibility asks Inventory Visibility, the service beside Dynamics 365 Supply Chain Management, how much there is, and reserves
// there softly before headquarters has an order.
//
// It knows HTTP, the service's two tokens, its names of dimensions and measures, and what each status means. It knows no CSU, no queue and no scenario.
//
// What is documented: paths, bodies, the example answers of a query, of one reservation and of one reversal; the limits of a query (5,000 products,
// 100 pairs of site and location) and of a bulk request (512 records); that an id "is used to ensure the same event won't be counted twice" after
// a resubmission. What is inferred, and marked so where it matters: that the id does so for reservations, as their bodies have the same
// member; that a bulk request is answered by a list with one record for each; that a record whose processingStatus is not success
// reserved nothing. No limit of requests and no body of an error is documented.
//
// Errors: always a *fault.Error with codes and identifiers only: never a URL or a body. A write that may have left without a definitive answer is
// Ambiguous; a 401 with a fresh token, a 403 and a token that is not given are Blocked. No method retries, save once with a fresh token after a 401.
//
// Concurrency: one Client for the process. It has a gate of its own (internal/httpout): the budget of a CSU is not this service's.
//
// Source: https://learn.microsoft.com/dynamics365/supply-chain/inventory/inventory-visibility-api and inventory-visibility-reservations.
package inventoryvisibility
