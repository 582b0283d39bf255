//go:build !race

package harness

// Stride is how many boundaries a test goes on at a time that stops a process at each: every one of them.
const Stride = 1
