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

// Epoch notices that the store lost its memory, or may have: every new connection asks the server who it is, and when
// that is not who it was (restarted, failed over, wiped), claims are for looking only for a while. Wire OnConnect into
// redis.Options before the client is made. Safe for concurrent use.
//
// A server that gives no run id in INFO (miniredis) is recognised by the missing key alone.
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

// Replicas says whether the server had replicas when last asked.
func (e *Epoch) Replicas() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.replicas
}

// OnConnect asks a new connection's server who it is, before any other command runs on it.
func (e *Epoch) OnConnect(ctx context.Context, cn *redis.Conn) error {
	if err := e.Refresh(ctx, cn); err != nil {
		return err
	}
	change, err := epochScript.Run(ctx, cn, []string{e.keys.Epoch()}, e.Server(), e.window.Milliseconds(), "0").Text()
	if err != nil {
		return fmt.Errorf("compare the epoch: %w", err)
	}
	if change != "same" {
		e.hear(change)
	}
	return nil
}

// informer is what both a client and a connection can do.
type informer interface {
	Info(ctx context.Context, section ...string) *redis.StringCmd
}

// Refresh reads the server's run id and whether it has replicas.
func (e *Epoch) Refresh(ctx context.Context, c informer) error {
	text, err := c.Info(ctx).Result()
	if err != nil {
		return fmt.Errorf("ask the server who it is: %w", err)
	}
	info := fields(text)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.server, e.replicas = info["run_id"], info["connected_slaves"] != "" && info["connected_slaves"] != "0"
	return nil
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
