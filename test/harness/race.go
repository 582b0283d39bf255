//go:build race

package harness

// Stride is how many boundaries a test goes on at a time that stops a process at each: under the race detector every fifth, since
// the detector looks at accesses, not at boundaries, and the run without it takes every one.
const Stride = 5
