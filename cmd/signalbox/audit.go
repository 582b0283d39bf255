package main

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/signalbox/signalbox/internal/audit"
	"github.com/signalbox/signalbox/internal/cli/auditview"
	"github.com/signalbox/signalbox/internal/cli/connect"
	"github.com/signalbox/signalbox/internal/cli/exit"
)

func (p *program) auditCommand() *cobra.Command {
	g := p.group("audit", "show and verify what operators did",
		"Every command that changes something writes an entry before it begins, and does nothing if it cannot: who set out to do what, to what, when and why. "+
			"Each entry seals the one before. The entries lie in Redis and, with audit.path, in a file.",
		p.auditList(), p.auditVerify())
	g.Example = "  signalbox audit list --local"
	return g
}

func (p *program) auditList() *cobra.Command {
	most := 0
	c := p.command("list", "list what operators did, the latest last",
		"Lists the entries of the audit. That an entry is there says that somebody set out to do it; whether it went well, the thing itself shows.",
		"signalbox audit list --local --last 20", cobra.NoArgs, func(ctx context.Context, _ []string) error {
			return p.audits(ctx, func(_ *audit.Log, copies []audit.Copy) error {
				l := auditview.Of(copies, most)
				return p.print(l, l.Print)
			})
		})
	c.Flags().IntVar(&most, "last", 100, "so many `entries`; 0: all there are")
	c.PreRunE = func(*cobra.Command, []string) error {
		if most < 0 {
			return errors.New("--last must not be negative")
		}
		return nil
	}
	return c
}

func (p *program) auditVerify() *cobra.Command {
	var noted string
	var head *audit.Head
	c := p.command("verify", "see whether an entry was removed, changed or reordered",
		"Holds every entry against its seal, against the entry before, and the file against Redis. What was taken away at the end of both at once is found "+
			"only by who has noted the last entry elsewhere: give it with --head.\n\n"+
			"It ends with 0 when the chain is whole and 1 when it is not.",
		"signalbox audit verify --local", cobra.NoArgs, func(ctx context.Context, _ []string) error {
			return p.audits(ctx, func(l *audit.Log, copies []audit.Copy) error {
				v := auditview.Verify(l, copies, head)
				return errors.Join(p.print(v, v.Print), v.Verdict())
			})
		})
	c.Flags().StringVar(&noted, "head", "", "an `entry` that must be there, as NUMBER:HASH, which an earlier verify printed")
	c.PreRunE = func(*cobra.Command, []string) error {
		if noted == "" {
			return nil
		}
		number, hash, cut := strings.Cut(noted, ":")
		n, err := strconv.ParseInt(number, 10, 64)
		if err != nil || !cut || hash == "" || n < 1 {
			return errors.New("--head must be NUMBER:HASH")
		}
		head = &audit.Head{Number: n, Hash: hash}
		return nil
	}
	return c
}

func (p *program) audits(ctx context.Context, use func(*audit.Log, []audit.Copy) error) error {
	_, store, done, err := p.store()
	if err != nil {
		return err
	}
	defer done()
	copies, err := store.Audit.Copies(ctx)
	if err != nil {
		return err
	}
	return use(store.Audit, copies)
}

// because is the flag by which a command that changes something is told why: --reason, save where that selects dead letters.
type because struct{ reason, flag string }

func (b *because) add(c *cobra.Command) { b.called(c, "reason") }

func (b *because) called(c *cobra.Command, flag string) {
	b.flag = flag
	c.Flags().StringVar(&b.reason, flag, "", "why, for the audit: a `sentence` without personal data")
}

func (b *because) check() error {
	if err := audit.Check(b.reason); err != nil {
		return errors.New("--" + b.flag + ": " + err.Error())
	}
	return nil
}

// audited writes down what is about to be done. Nothing may be done when it fails.
func (p *program) audited(ctx context.Context, s *connect.Store, e audit.Entry) (audit.Entry, error) {
	written, err := s.Audit.Write(ctx, e)
	if err == nil {
		return written, nil
	}
	known := exit.From(err)
	next := known.Next
	if next == "" {
		next = "nothing was done, for it could not be written down; see audit.path: signalbox config show, and signalbox audit verify"
	}
	return written, &exit.Error{Code: known.Code, Err: err, Next: next}
}
