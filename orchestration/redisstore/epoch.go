package redisstore

import (
	"bufio"
	"context"
	_ "embed" // the script
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/signalbox/signalbox/internal/rediskey"
)

//go:embed epoch.lua
var epochText string

var epochScript = redis.NewScript(epochText)

// Epoch notices that the store lost its memory, or may have: when the server is not who it was (restarted, failed over,
// wiped, or another node of a Cluster), claims are for looking only for a while. Safe for concurrent use.
//
// It is noticed twice. Every claim that would be granted compares, inside its script, so no claim is granted on a promoted
// replica by way of a connection that was there before. And every new connection compares, so that an idle fleet notices,
// too: wire OnConnect into the client's options before it is made.
//
// Who the server is, the scripts find out themselves (its run id in INFO). A server whose scripts may not use INFO is
// known by what INFO says on new connections; one that gives no run id at all (miniredis) by the missing key alone.
type Epoch struct {
	keys   rediskey.Keys
	window time.Duration
	hear   func(change string)

	mu       sync.Mutex
	server   string
	replicas bool
}

// NewEpoch watches the store of one CSU. window is lease + csu.max_execution + csu.search_lag. hear is told of a store
// that is "new" or "changed"; it may be nil.
func NewEpoch(keys rediskey.Keys, window time.Duration, hear func(change string)) *Epoch {
	if hear == nil {
		hear = func(string) {}
	}
	return &Epoch{keys: keys, window: window, hear: hear}
}

// Server is the run id of the server, as last seen.
func (e *Epoch) Server() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.server
}

// Replicas says whether the server had replicas that confirm when last asked.
func (e *Epoch) Replicas() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.replicas
}

// OnConnect asks a new connection's server who it is, before any other command runs on it. A node of a Cluster that does
// not serve our slot, or not yet, is not ours to judge: it may be asked for the way, and claims compare for themselves.
func (e *Epoch) OnConnect(ctx context.Context, cn *redis.Conn) error {
	about, err := inform(ctx, cn)
	if err != nil {
		return err
	}
	change, err := epochScript.Run(ctx, cn, []string{e.keys.Epoch()}, about.server, e.window.Milliseconds(), "0").Text()
	if _, moved := redis.IsMovedError(err); moved {
		return nil
	}
	if _, ask := redis.IsAskError(err); ask {
		return nil
	}
	if err != nil {
		return fmt.Errorf("compare the epoch: %w", err)
	}
	e.know(about)
	e.heard(change)
	return nil
}

// heard passes on what a script noticed.
func (e *Epoch) heard(change string) {
	if change == "new" || change == "changed" {
		e.hear(change)
	}
}

// informer is what both a client and a connection can do.
type informer interface {
	Info(ctx context.Context, section ...string) *redis.StringCmd
}

// identity is what INFO says of a server.
type identity struct {
	server   string
	replicas bool
}

func inform(ctx context.Context, c informer) (identity, error) {
	text, err := c.Info(ctx).Result()
	if err != nil {
		return identity{}, fmt.Errorf("ask the server who it is: %w", err)
	}
	info := fields(text)
	return identity{info["run_id"], Confirming(info) > 0}, nil
}

// staleReplica is how many seconds behind a replica may be that is waited for.
const staleReplica = 10

// Confirming counts the replicas that a finish may wait for: in step, and heard of lately. One that hangs would otherwise
// hold up every finish until the server drops it.
func Confirming(info map[string]string) int {
	n := 0
	for i := 0; ; i++ {
		line, ok := info[fmt.Sprintf("slave%d", i)]
		if !ok {
			return n
		}
		about := map[string]string{}
		for part := range strings.SplitSeq(line, ",") {
			name, value, _ := strings.Cut(part, "=")
			about[name] = value
		}
		if lag := number(about["lag"]); about["state"] == "online" && lag >= 0 && lag <= staleReplica {
			n++
		}
	}
}

func (e *Epoch) know(about identity) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.server, e.replicas = about.server, about.replicas
}

// Refresh reads the server's run id and whether it has replicas that confirm.
func (e *Epoch) Refresh(ctx context.Context, c informer) error {
	about, err := inform(ctx, c)
	if err == nil {
		e.know(about)
	}
	return err
}

// WriteClean records that nothing can have been lost: for a process that owns both an empty broker and an empty store.
func (e *Epoch) WriteClean(ctx context.Context, c redis.UniversalClient) error {
	if err := epochScript.Run(ctx, c, []string{e.keys.Epoch()}, e.Server(), 0, "1").Err(); err != nil {
		return fmt.Errorf("write a clean epoch: %w", err)
	}
	return nil
}

// InfoFields reads the answer of INFO.
func InfoFields(info string) map[string]string { return fields(info) }

func fields(info string) map[string]string {
	out := map[string]string{}
	lines := bufio.NewScanner(strings.NewReader(info))
	for lines.Scan() {
		if name, value, ok := strings.Cut(strings.TrimSpace(lines.Text()), ":"); ok {
			out[name] = value
		}
	}
	return out
}
