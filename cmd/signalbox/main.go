// Command signalbox relays business events between other systems and Dynamics 365 Headless Commerce. This package turns
// flags into calls and errors into exit codes; what commands do is in internal/app, internal/local and internal/cli.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	_ "time/tzdata" // the time zones of schedules: an image may have none

	"github.com/signalbox/signalbox/internal/app"
	"github.com/signalbox/signalbox/internal/boundary"
	"github.com/signalbox/signalbox/internal/cli/exit"
)

func main() {
	if boundary.IsChild() { // a process of the fleet that signalbox certify kills
		if err := boundary.Main(app.Parts{}); err != nil {
			fmt.Fprintln(os.Stderr, "signalbox: "+err.Error())
			os.Exit(exit.Failed)
		}
		os.Exit(exit.Done)
	}
	code := Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Environ())
	atEnd()
	os.Exit(code)
}

// atEnd is for what a build adds: see profile.go.
var atEnd = func() {}

// Main runs one command line and gives its exit code. It listens for SIGINT and SIGTERM while it runs: the first ends
// the command in order, a second ends the process.
func Main(args []string, in io.Reader, out, errs io.Writer, env []string) int {
	p := &program{in: in, out: out, errs: errs, env: env}
	ctx, stop := untilSignal(context.Background())
	defer stop()
	root := p.root()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errs)
	command, err := root.ExecuteContextC(ctx)
	if err != nil && !p.running { // cobra refused the command line
		err = &exit.Error{Code: exit.Usage, Err: err, Next: "see: " + command.CommandPath() + " --help"}
	}
	return p.end(err)
}

// end says on standard error what failed and what to do next.
func (p *program) end(err error) int {
	failure := exit.From(err)
	if failure == nil {
		return exit.Done
	}
	if failure.Err != nil {
		for i, line := range strings.Split(strings.TrimRight(failure.Error(), "\n"), "\n") {
			prefix := "signalbox: "
			if i > 0 {
				prefix = "           "
			}
			fmt.Fprintln(p.errs, prefix+line)
		}
	}
	if p.local && failure.Code == exit.Unreachable {
		failure.Next = startLocal
	}
	if failure.Next != "" {
		fmt.Fprintln(p.errs, "next: "+failure.Next)
	}
	return failure.Code
}
