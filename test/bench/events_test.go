package bench

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/sample"
)

// eventSize is the data of one event, bytes.
const eventSize = 600

// customer is the data of one event.
type customer struct {
	ID        string    `json:"id"`
	Email     string    `json:"email"`
	FirstName string    `json:"firstName"`
	LastName  string    `json:"lastName"`
	Phone     string    `json:"phone"`
	Addresses []address `json:"addresses"`
}

type address struct {
	Street  string `json:"street"`
	City    string `json:"city"`
	State   string `json:"state"`
	Zip     string `json:"zip"`
	Country string `json:"country"`
	Primary bool   `json:"primary,omitempty"`
}

// newEvents are events for as many new customers.
func newEvents(n int) []sample.Event {
	out := make([]sample.Event, n)
	for i := range out {
		out[i] = event(i, 0)
	}
	return out
}

// event is a version of a customer's state, of eventSize bytes.
func event(i, version int) sample.Event {
	c := customer{ID: fmt.Sprintf("C-%07d", i), Email: fmt.Sprintf("bench.%07d@example.com", i), FirstName: "Jane", LastName: "Contoso", Phone: "+14255550100",
		Addresses: []address{
			{Street: "1 Harbour Street", City: fmt.Sprint("Redmond ", version), State: "WA", Zip: "98052", Country: "USA", Primary: true},
			{Street: "22 Mill Lane", City: "Houston", State: "TX", Zip: "77002", Country: "USA"},
			{Street: "", City: "Redmond", State: "WA", Zip: "98052", Country: "USA"},
		}}
	data, _ := json.Marshal(c)
	c.Addresses[2].Street = strings.Repeat("Long Road ", 60)[:eventSize-len(data)]
	data, _ = json.Marshal(c)
	return sample.Event{SpecVersion: "1.0", ID: fmt.Sprintf("e-%07d-%d", i, version), Source: source, Type: "signalbox.customer.changed.v1",
		Time: time.Now().Add(-time.Hour).Add(time.Duration(version) * time.Second), Data: data}
}

// publish sends the events by the command, at most so many a second if a rate is given.
func (s *stand) publish(events []sample.Event, args ...string) {
	s.b.Helper()
	file, err := os.Create(filepath.Join(s.b.TempDir(), "events.jsonl"))
	require.NoError(s.b, err)
	lines := json.NewEncoder(file)
	for _, e := range events {
		require.NoError(s.b, lines.Encode(e))
	}
	require.NoError(s.b, file.Close())
	cmd := exec.Command(s.binary, append(append([]string{"publish"}, args...), file.Name())...)
	cmd.Env = s.env
	out, err := cmd.CombinedOutput()
	require.NoError(s.b, err, string(out))
}
