// Package worker takes messages from a broker, keeps their locks, hands them to the engine and settles them by its
// verdict. It knows locks, slots and draining; it does not know the CSU, Redis or what is inside a body.
//
// Three lifetimes: intake ends with Run's context (SIGTERM), work ends when the drain time is over, and a settlement
// has a short timeout of its own, so that what was decided is still written down.
//
// A message leaves in one of five ways: completed, abandoned, dead-lettered, rescheduled (a copy to our own queue,
// then completed), or not at all, when its lock is lost. settlementFor decides which, and nothing else does.
// Concurrency: one goroutine per queue receives, two per message work and renew its lock; Run waits for all of them.
package worker
