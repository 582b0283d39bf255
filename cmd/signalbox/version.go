package main

import (
	"context"
	"fmt"
	"io"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/signalbox/signalbox/internal/app"
)

// build is what version prints as JSON.
type build struct {
	Version  string `json:"version"`
	Revision string `json:"revision"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func (p *program) versionCommand() *cobra.Command {
	return p.command("version", "show version, revision and platform", "Shows what this binary was built from.", "signalbox version --output json", cobra.NoArgs,
		func(context.Context, []string) error {
			b := build{Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
			b.Version, b.Revision = app.Build()
			return p.print(b, func(w io.Writer) error {
				_, err := fmt.Fprintf(w, "signalbox %s (%s, %s, %s)\n", b.Version, b.Revision, b.Go, b.Platform)
				return err
			})
		})
}

func (p *program) completionCommand() *cobra.Command {
	var root *cobra.Command
	c := p.command("completion SHELL", "write a completion script", "Writes a script that makes a shell complete commands and flags: bash, zsh, fish or powershell.",
		"signalbox completion bash > signalbox.bash", cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		func(_ context.Context, args []string) error {
			switch args[0] {
			case "zsh":
				return root.GenZshCompletion(p.out)
			case "fish":
				return root.GenFishCompletion(p.out, true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(p.out)
			}
			return root.GenBashCompletionV2(p.out, true)
		})
	c.ValidArgs = []string{"bash", "zsh", "fish", "powershell"}
	c.PreRun = func(cmd *cobra.Command, _ []string) { root = cmd.Root() }
	return c
}
