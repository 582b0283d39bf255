package local

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/signalbox/signalbox/internal/sample"
	"github.com/signalbox/signalbox/worker"
	"github.com/signalbox/signalbox/worker/envelope"
)

// maxLine bounds a line of an events file: no broker takes a larger message.
const maxLine = 1 << 20

// load gives the events to publish, each a CloudEvent in its JSON format.
func load(o Options) ([][]byte, error) {
	if o.EventsFile == "" {
		return seeded(o.Count)
	}
	f, err := os.Open(o.EventsFile)
	if err != nil {
		return nil, fmt.Errorf("open events: %w", err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, maxLine)
	var out [][]byte
	for lines.Scan() {
		if line := bytes.TrimSpace(lines.Bytes()); len(line) > 0 {
			out = append(out, bytes.Clone(line))
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read events: line %d: %w", len(out)+1, err)
	}
	return out, nil
}

func seeded(n int) ([][]byte, error) {
	run := strconv.FormatInt(time.Now().Unix()%1_000_000, 36)
	events := sample.Customers(sample.Options{Count: n, Run: run, Now: time.Now(), Seed: 1})
	out := make([][]byte, 0, len(events))
	for _, e := range events {
		line, err := json.Marshal(e)
		if err != nil {
			return nil, fmt.Errorf("make an event: %w", err)
		}
		out = append(out, line)
	}
	return out, nil
}

// publish sends the events as an upstream system would: through the SDK to the source queue.
func (s *stand) publish(ctx context.Context, events [][]byte) (int, error) {
	messages := make([]worker.Message, 0, len(events))
	for _, e := range events {
		messages = append(messages, worker.Message{ID: uuid.NewString(), ContentType: envelope.ContentTypeStructured, Body: e})
	}
	sent := 0
	var problems []error
	for _, err := range s.app.Bus().Publish(ctx, sourceQueue, messages) {
		if err == nil {
			sent++
		} else if len(problems) < 5 {
			problems = append(problems, err)
		}
	}
	if len(problems) > 0 {
		return sent, fmt.Errorf("publish: %w", errors.Join(problems...))
	}
	return sent, nil
}
