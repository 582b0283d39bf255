package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/signalbox/signalbox/internal/app"
	"github.com/signalbox/signalbox/internal/cli/exit"
)

func (p *program) runCommand() *cobra.Command {
	var asked []string
	c := p.command("run", "run a process of the fleet",
		"Takes events from the source queues and our own, applies them, publishes the events of the schedules if it is elected to, and serves metrics and health. "+
			"SIGTERM or SIGINT drains: what is in hand is finished or given back. A second one ends the process at once.",
		"signalbox run --local\nsignalbox run --config signalbox.yaml\nsignalbox run --config signalbox.yaml --roles scheduler", cobra.NoArgs,
		func(ctx context.Context, _ []string) error { return p.serve(ctx, asked) })
	roles := app.Roles()
	c.Flags().StringSliceVar(&asked, "roles", roles, "what this process does, separated by commas: worker, scheduler")
	c.PreRunE = func(*cobra.Command, []string) error { return checkRoles(asked) }
	_ = c.RegisterFlagCompletionFunc("roles", cobra.FixedCompletions(roles, cobra.ShellCompDirectiveNoFileComp))
	return c
}

func checkRoles(asked []string) error {
	exist := strings.Join(app.Roles(), ", ")
	if len(asked) == 0 {
		return errors.New("--roles is empty; the roles that exist are " + exist)
	}
	for _, r := range asked {
		if !slices.Contains(app.Roles(), r) {
			return fmt.Errorf("role %q does not exist in this version; the roles that exist are %s", r, exist)
		}
	}
	return nil
}

// collectLess lets the heap grow to nine times what is in use before it is collected, in place of twice: a worker has little in use,
// some 15 MB, and collecting it that often costs a tenth of its time. Whoever has set GOGC knows better, and GOMEMLIMIT still holds.
func collectLess() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(800)
	}
}

func (p *program) serve(ctx context.Context, roles []string) error {
	collectLess()
	cfg, err := p.load("SIGNALBOX_ADMIN_LISTEN=127.0.0.1:0") // the local one has its port
	if err != nil {
		return err
	}
	a, err := app.New(cfg, app.Parts{Log: p.out, Roles: roles})
	if err != nil {
		return &exit.Error{Code: exit.Configuration, Err: err, Next: "correct it and try: signalbox config check"}
	}
	err = a.Run(ctx)
	closing, done := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer done()
	return errors.Join(err, a.Close(closing))
}
