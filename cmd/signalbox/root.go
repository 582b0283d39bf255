package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/signalbox/signalbox/config"
	"github.com/signalbox/signalbox/internal/cli/envfile"
	"github.com/signalbox/signalbox/internal/cli/exit"
	"github.com/signalbox/signalbox/internal/cli/render"
	"github.com/signalbox/signalbox/internal/local"
)

// program is one command line: where it reads and writes, and the flags that every command has.
type program struct {
	in        io.Reader
	out, errs io.Writer
	env       []string

	format  format
	file    string // of the configuration
	local   bool   // talk to a running `signalbox local`
	running bool   // the command line was understood
}

func (p *program) root() *cobra.Command {
	root := p.group("signalbox", "relays business events to and from Dynamics 365 Headless Commerce",
		"Signalbox takes business events from Azure Service Bus and applies them to a Commerce Scale Unit: at least once in, effectively once out.\n\n"+
			"A first minute, with everything in one process: signalbox local",
		p.localCommand(), p.runCommand(), p.publishCommand(), p.planCommand(), p.traceCommand(), p.whyCommand(), p.waitingCommand(), p.deadletterCommand(), p.mappingCommand(),
		p.gateCommand(), p.fleetCommand(), p.doctorCommand(), p.certifyCommand(), p.scenariosCommand(), p.schedulesCommand(), p.schemaCommand(), p.auditCommand(), p.fieldmapCommand(), p.valuemapCommand(), p.configCommand(),
		p.simCommand(), p.versionCommand(), p.completionCommand())
	root.Example = "  signalbox local --exit-when-idle"
	root.SilenceErrors, root.SilenceUsage = true, true
	root.CompletionOptions.DisableDefaultCmd = true
	p.format = format(render.Table)
	flags := root.PersistentFlags()
	flags.VarP(&p.format, "output", "o", "how to print: "+strings.Join(render.Formats(), " or "))
	flags.StringVar(&p.file, "config", "", "configuration `file`; default: what SIGNALBOX_CONFIG names, else none")
	flags.BoolVar(&p.local, "local", false, "talk to the signalbox local that runs on this machine")
	root.MarkFlagsMutuallyExclusive("config", "local")
	_ = root.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(render.Formats(), cobra.ShellCompDirectiveNoFileComp))
	return root
}

// command makes a command that runs. Until its function is called, every error is one of usage.
func (p *program) command(use, short, long, example string, args cobra.PositionalArgs, run func(ctx context.Context, args []string) error) *cobra.Command {
	return &cobra.Command{Use: use, Short: short, Long: long, Example: indent(example), Args: args, DisableFlagsInUseLine: false,
		RunE: func(cmd *cobra.Command, args []string) error {
			p.running = true
			return run(cmd.Context(), args)
		}}
}

// group makes a command that only holds others. By itself it prints its help.
func (p *program) group(use, short, long string, commands ...*cobra.Command) *cobra.Command {
	g := &cobra.Command{Use: use, Short: short, Long: long, Args: cobra.ArbitraryArgs, RunE: func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			p.running = true
			return cmd.Help()
		}
		return fmt.Errorf("%q is no command of %s", args[0], cmd.CommandPath())
	}}
	g.AddCommand(commands...)
	return g
}

func indent(example string) string {
	return "  " + strings.ReplaceAll(strings.TrimSpace(example), "\n", "\n  ")
}

// load reads the configuration; with --local, that of the signalbox local on this machine, changed by more.
func (p *program) load(more ...string) (*config.Config, error) {
	cfg, err := p.read(more...)
	if len(config.Problems(err)) > 0 && !p.local && p.unconfigured() {
		return nil, exit.New(exit.Configuration, "there is no configuration: no file is named, and no variable begins with SIGNALBOX_",
			"name a file with --config or SIGNALBOX_CONFIG; or reach the signalbox local of this machine with --local; what must be set: signalbox config check")
	}
	return cfg, err
}

// unconfigured says whether nobody has said anything.
func (p *program) unconfigured() bool {
	return p.file == "" && !slices.ContainsFunc(p.env, func(v string) bool { return strings.HasPrefix(v, "SIGNALBOX_") })
}

// read reads the configuration; its errors are the problems that there are.
func (p *program) read(more ...string) (*config.Config, error) {
	env, err := p.environment()
	if err != nil {
		return nil, err
	}
	if p.local {
		env = append(env, more...)
	}
	return config.Load(config.Sources{File: p.file, Env: env})
}

const startLocal = "start one in another terminal: signalbox local"

func (p *program) environment() ([]string, error) {
	if !p.local {
		return p.env, nil
	}
	left, err := envfile.Read(local.EnvFile())
	if errors.Is(err, envfile.ErrNone) {
		return nil, &exit.Error{Code: exit.Unreachable, Err: err}
	}
	return envfile.Over(p.env, left), err
}

// print writes v as JSON if that was asked for, else as the table that prints it.
func (p *program) print(v any, table func(io.Writer) error) error {
	if p.json() {
		return render.Value(p.out, v)
	}
	return table(p.out)
}

func (p *program) json() bool { return render.Format(p.format) == render.JSON }

// format is the flag --output.
type format render.Format

// String, Set and Type implement pflag.Value.
func (f *format) String() string { return string(*f) }
func (f *format) Type() string   { return "format" }
func (f *format) Set(text string) error {
	if !slices.Contains(render.Formats(), text) {
		return fmt.Errorf("must be %s", strings.Join(render.Formats(), " or "))
	}
	*f = format(text)
	return nil
}
