package bindings

import (
	"bufio"
	"context"
	"fmt"
	"io"

	"github.com/signalbox/signalbox/internal/cli/exit"
	"github.com/signalbox/signalbox/mapping"
)

// Formats lists the formats of files.
func Formats() []string { return []string{"jsonl", "csv"} }

// Exported counts what an export wrote.
type Exported struct {
	Bindings int `json:"bindings"`
	Hashed   int `json:"hashed"`  // whose id looks personal and is not stored: ref stands for it
	Nowhere  int `json:"nowhere"` // that belong to no kind and scope of this configuration: they are written without
}

// Export writes every binding in a format of Formats, in no order.
func Export(ctx context.Context, from mapping.Storage, places []mapping.Place, format string, out io.Writer) (Exported, error) {
	var sum Exported
	buffered := bufio.NewWriter(out)
	var w writer = newLineWriter(buffered)
	if format == "csv" {
		rows, err := newRowWriter(buffered)
		if err != nil {
			return sum, err
		}
		w = rows
	}
	err := from.Walk(ctx, places, func(e mapping.Entry) error {
		r := recordOf(e)
		sum.Bindings++
		if r.ID == "" {
			sum.Hashed++
		}
		if r.Kind == "" {
			sum.Nowhere++
			r.Ref = e.Name // else nothing would say whose it is
		}
		return w.write(r)
	})
	if err == nil {
		err = w.end()
	}
	if err == nil {
		err = buffered.Flush()
	}
	return sum, err
}

// Print writes the counts for a person.
func (e Exported) Print(w io.Writer) error {
	_, err := fmt.Fprintf(w, "exported %d bindings, %d of them by the hash of an id that looks personal\n", e.Bindings, e.Hashed)
	return err
}

// Verdict gives an export its exit code.
func (e Exported) Verdict(err error) error {
	switch {
	case err != nil:
		return err
	case e.Bindings == 0:
		return exit.New(exit.Nothing, "nothing is bound", "")
	case e.Nowhere > 0:
		return exit.New(exit.Partly, fmt.Sprintf("%d bindings belong to no legal entity that the channels name; they were exported without kind and scope", e.Nowhere),
			"add the channel that they were made for to the configuration and export again")
	}
	return nil
}
