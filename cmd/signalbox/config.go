package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/signalbox/signalbox/config"
	"github.com/signalbox/signalbox/internal/cli/exit"
	"github.com/signalbox/signalbox/internal/cli/render"
)

func (p *program) configCommand() *cobra.Command {
	check := p.command("check", "check the configuration", "Reads the file and the environment as run does, and reports every problem at once.",
		"signalbox config check --config signalbox.yaml\nsignalbox config check --output json --config signalbox.yaml", cobra.NoArgs,
		func(context.Context, []string) error { return p.configCheck() })
	var origin bool
	show := p.command("show", "show the configuration in force", "Shows every key with its value; secrets as ***.",
		"signalbox config show --origin --config signalbox.yaml\nsignalbox config show --local", cobra.NoArgs,
		func(context.Context, []string) error { return p.configShow(origin) })
	show.Flags().BoolVar(&origin, "origin", false, "also say where each value comes from")
	g := p.group("config", "check and show the configuration", "Checks and shows what file and environment say together.", check, show)
	g.Example = "  signalbox config check --config signalbox.yaml"
	return g
}

// checked is what config check prints as JSON.
type checked struct {
	Valid    bool      `json:"valid"`
	Problems []problem `json:"problems"`
}

type problem struct {
	Key    string `json:"key"`
	Origin string `json:"origin"`
	What   string `json:"what"`
	Do     string `json:"do"`
}

func (p *program) configCheck() error {
	_, err := p.read()
	problems := config.Problems(err)
	if err != nil && len(problems) == 0 {
		return err
	}
	answer := checked{err == nil, []problem{}}
	for _, c := range problems {
		answer.Problems = append(answer.Problems, problem(c))
	}
	printed := p.print(answer, func(w io.Writer) error {
		if err == nil {
			_, err := fmt.Fprintln(w, "the configuration is valid")
			return err
		}
		rows := [][]string{{"KEY", "FROM", "PROBLEM", "DO"}}
		for _, r := range answer.Problems {
			rows = append(rows, []string{r.Key, render.Or(r.Origin), r.What, r.Do})
		}
		return render.Rows(w, rows)
	})
	if printed != nil || err == nil {
		return printed
	}
	return exit.Quiet(exit.Configuration)
}

func (p *program) configShow(origin bool) error {
	cfg, err := p.load()
	if err != nil {
		return err
	}
	rows := cfg.Show(origin)
	return p.print(rows, func(w io.Writer) error {
		table := [][]string{{"KEY", "VALUE"}}
		if origin {
			table[0] = append(table[0], "FROM")
		}
		for _, r := range rows {
			cells := []string{r.Key, render.Or(r.Value)}
			if origin {
				cells = append(cells, r.Origin)
			}
			table = append(table, cells)
		}
		return render.Rows(w, table)
	})
}
