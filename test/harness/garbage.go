package harness

import (
	"os"
	"runtime/debug"
)

// A virtual world makes much garbage, each script of its Redis a whole interpreter's, and keeps little: with more of it at a time its tests take
// three quarters of the time.
func init() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
}
