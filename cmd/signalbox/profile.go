//go:build profile

package main

import (
	"os"
	"runtime/pprof"
)

// A program built with this tag writes what its processor time went to into the file that BENCH_CPU_PROFILE names. `make profile`
// makes worker.pgo with it, by which releases are optimised (https://go.dev/doc/pgo).
func init() {
	path := os.Getenv("BENCH_CPU_PROFILE")
	if path == "" {
		return
	}
	file, err := os.Create(path)
	if err != nil {
		panic(err)
	}
	if err := pprof.StartCPUProfile(file); err != nil {
		panic(err)
	}
	atEnd = func() {
		pprof.StopCPUProfile()
		_ = file.Close()
	}
}
