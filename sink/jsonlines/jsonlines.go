// Package jsonlines tells a file: one CloudEvent in JSON a line.
//
// A line counts as delivered once the file system has it safe (fsync). Deliveries that wait for that together share it.
//
// A repeat is not written again while the first one is among what the sink looks back over: 8 MiB of lines, also after a
// restart and across rotations (a file that was put aside counts for 32 KiB at least), and at most 20,000 events. A line that a
// crash left torn was never delivered; it is cut off before the next one. Several processes of one machine may share a file: each
// holds its lock while it writes and reads first what the others wrote. Whoever lost its claim (package claim) by then writes
// nothing.
//
// Errors: always a *fault.Error with the sink's name and the system's reason: never a path or any of the event. All but a defect
// of ours are Transient: a full disk is for a person to clear, and nothing is lost meanwhile.
// Concurrency: one Sink for the process and file.
package jsonlines

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
	"github.com/signalbox/signalbox/sink/claim"
	"github.com/signalbox/signalbox/sink/cloudevent"
)

// Options of a Sink.
type Options struct {
	Name     string // of the row in the sink table; in every error
	Path     string // of the file; its folder must be there. Made readable by its owner alone
	MaxBytes int64  // the file is put aside, under its name with the time, before it grows beyond; 0: never
}

// Sink appends to one file.
type Sink struct {
	opts Options

	mu      sync.Mutex
	waiting []*entry

	writing sync.Mutex // guards what follows, and the file itself
	log     *log       // nil: to be opened
	known   *recent
	doubted map[string]bool // written, and then the system could not say that it is safe: never taken for delivered
}

// entry is one delivery.
type entry struct {
	key       string
	line      []byte
	stillOurs func() error // asked right before it is written; nil: nobody is
	done      bool
	lost      error // what stillOurs said when it said no: it was not written
	err       error
}

// Open opens the file, or makes it, so that a path that cannot be is found at the start.
func Open(o Options) (*Sink, error) {
	if o.Name == "" || o.Path == "" || o.MaxBytes < 0 {
		return nil, fmt.Errorf("sink %s: needs a name, a path, and a size that is not negative", o.Name)
	}
	path, err := filepath.Abs(o.Path)
	if err != nil {
		return nil, fmt.Errorf("sink %s: %w", o.Name, err)
	}
	o.Path = path
	s := &Sink{opts: o, known: newRecent(), doubted: map[string]bool{}}
	if s.log, err = openLog(o.Path); err != nil {
		return nil, fmt.Errorf("sink %s: open its file: %s", o.Name, reason(err))
	}
	return s, nil
}

// Close closes the file. Deliveries under way are over by then.
func (s *Sink) Close() error {
	s.writing.Lock()
	defer s.writing.Unlock()
	return s.drop()
}

// Deliver appends the event's line. nil: it is safe there, now or since an earlier delivery.
func (s *Sink) Deliver(ctx context.Context, ev orchestration.Event) error {
	line, err := cloudevent.Structured(ev)
	if err != nil {
		return s.fault(fault.Permanent, fault.Bug, "cannot be sent the event: it does not encode")
	}
	e := &entry{key: keyOf(ev.Source, ev.ID), line: append(line, '\n'), stillOurs: claim.Check(ctx)}
	s.mu.Lock()
	s.waiting = append(s.waiting, e)
	s.mu.Unlock()

	s.writing.Lock()
	defer s.writing.Unlock()
	if !e.done { // else whoever wrote before took it along
		s.mu.Lock()
		batch := s.waiting
		s.waiting = nil
		s.mu.Unlock()
		s.commit(batch)
	}
	switch {
	case e.lost != nil:
		f := s.fault(fault.Transient, "", "was not written to: the claim is over")
		f.Class, f.Err = "cancelled", e.lost
		return f
	case e.err != nil:
		return s.fault(fault.Transient, "", "could not write its file: "+reason(e.err))
	}
	return nil
}

// commit writes a batch and makes it safe; all of it stands or falls together, but for those whose claim is over.
func (s *Sink) commit(batch []*entry) {
	err := s.write(batch)
	for _, e := range batch {
		e.done, e.err = true, err
	}
	if err != nil {
		for _, e := range batch {
			s.known.forget(e.key)
		}
		_ = s.drop() // opened and read anew by the next one
	}
}

func (s *Sink) write(batch []*entry) error {
	if err := s.take(); err != nil {
		return err
	}
	defer func() { // whichever it is by then
		if s.log != nil {
			s.log.unlock()
		}
	}()
	if err := s.catchUp(); err != nil {
		return err
	}
	var lines []byte
	for _, e := range batch {
		if s.known.has(e.key) {
			continue
		}
		if s.full(len(lines) + len(e.line)) {
			if err := s.flush(lines); err != nil {
				return err
			}
			lines = nil
			for s.full(len(e.line)) && !s.known.has(e.key) { // more than once where other processes fill the next one, too
				if err := s.safe(batch); err != nil {
					return err
				}
				if err := s.putAside(); err != nil {
					return err
				}
			}
			if s.known.has(e.key) { // another process was quicker
				continue
			}
		}
		if e.isOver() { // asked behind all that may take long: the lock, and what was put aside
			continue
		}
		lines = append(lines, e.line...)
		s.known.add(e.key)
	}
	if err := s.flush(lines); err != nil {
		return err
	}
	if err := s.safe(batch); err != nil {
		return err
	}
	for _, e := range batch {
		if e.lost == nil {
			delete(s.doubted, e.key)
		}
	}
	return nil
}

// isOver says whether the delivery's claim is, and remembers it.
func (e *entry) isOver() bool {
	if e.stillOurs != nil {
		e.lost = e.stillOurs()
	}
	return e.lost != nil
}

// safe makes what was written of a batch safe. Where that fails it is written once more, though the file shows it: the system may have
// dropped it, and says so only once.
func (s *Sink) safe(batch []*entry) error {
	err := s.log.sync()
	if err != nil {
		for _, e := range batch {
			s.doubted[e.key] = true
		}
	}
	return err
}

func (s *Sink) full(more int) bool {
	return s.opts.MaxBytes > 0 && s.log.size > 0 && s.log.size+int64(more) > s.opts.MaxBytes
}

func (s *Sink) flush(lines []byte) error {
	if len(lines) == 0 {
		return nil
	}
	return s.log.append(lines)
}

// take opens the file if need be and locks it; should it be another one by then, because somebody put it aside, the new one.
func (s *Sink) take() error {
	for {
		if s.log == nil {
			var err error
			if s.log, err = openLog(s.opts.Path); err != nil {
				return err
			}
		}
		if err := s.log.lock(); err != nil {
			return err
		}
		if s.log.isStill(s.opts.Path) {
			return nil
		}
		s.log.unlock()
		if err := errors.Join(s.log.sync(), s.drop()); err != nil {
			return err
		}
	}
}

// catchUp reads what was written since the last look, by us before a restart or by others, and cuts off a torn line.
func (s *Sink) catchUp() error {
	if s.log.read == 0 && s.log.fresh {
		if err := s.predecessors(); err != nil {
			return err
		}
	}
	return s.log.catchUp(s.learn)
}

func (s *Sink) learn(key string) {
	if !s.doubted[key] {
		s.known.add(key)
	}
}

// predecessors reads the end of what was put aside last, as far as this file does not reach back.
func (s *Sink) predecessors() error {
	s.log.fresh = false
	size, err := s.log.length()
	if err != nil {
		return err
	}
	names, err := asides(s.opts.Path)
	if err != nil {
		return err
	}
	return s.lookInto(names, lookBack-size)
}

// lookInto reads so much of the ends of files, of which the last is the newest: the older first, as they were written.
func (s *Sink) lookInto(names []string, most int64) error {
	if most <= 0 || len(names) == 0 {
		return nil
	}
	last := len(names) - 1
	old, err := os.Open(names[last])
	if errors.Is(err, os.ErrNotExist) { // somebody tidies up
		return s.lookInto(names[:last], most)
	}
	if err != nil {
		return err
	}
	defer func() { _ = old.Close() }()
	info, err := old.Stat()
	if err != nil {
		return err
	}
	if err := s.lookInto(names[:last], most-max(info.Size(), leastAside)); err != nil {
		return err
	}
	return keysBehind(old, max(0, info.Size()-most), info.Size(), s.learn)
}

// putAside renames the file, which is safe by then, and goes on in the next one. Between the two another process may have made
// that, written to it and died, even in the middle of a line.
func (s *Sink) putAside() error {
	if err := s.log.aside(s.opts.Path); err != nil {
		return err
	}
	if err := s.drop(); err != nil {
		return err
	}
	if err := s.take(); err != nil {
		return err
	}
	size, err := s.log.length()
	if err != nil {
		return err
	}
	s.log.fresh = size > 0 // else what came before is known
	return s.catchUp()
}

func (s *Sink) drop() error {
	if s.log == nil {
		return nil
	}
	err := s.log.close()
	s.log = nil
	return err
}

func (s *Sink) fault(kind fault.Kind, why fault.Reason, detail string) *fault.Error {
	f := fault.New(kind, why, "the sink "+s.opts.Name+" "+detail)
	f.Operation, f.Class = "Sink.Deliver", "server_error"
	if kind == fault.Permanent {
		f.Class = "invalid"
	}
	return f
}

// reason is what the system said, without the path around it.
func reason(err error) string {
	var errno syscall.Errno
	switch {
	case errors.As(err, &errno):
		return errno.Error()
	case errors.Is(err, errNoFile):
		return errNoFile.Error()
	case errors.Is(err, errLocked):
		return errLocked.Error()
	}
	return "the system gave no reason that can be shown"
}
