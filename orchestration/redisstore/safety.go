package redisstore

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// Safety is what a server says of how well it keeps what it is given.
type Safety struct {
	Policy      string      // maxmemory_policy; empty: the server does not tell. Anything but noeviction drops claims and bindings
	Persistence Persistence // whether a restart would find what was written
}

// Persistence is how a server keeps its data on disk.
type Persistence string

// What a server's persistence can be.
const (
	PersistenceUnknown Persistence = ""        // the server does not tell
	PersistenceOK      Persistence = "ok"      // the append-only file or snapshots are on, and the last one was written
	PersistenceOff     Persistence = "off"     // neither is on
	PersistenceFailing Persistence = "failing" // the last write to disk failed
)

// EvictionRisk says whether the server may drop keys that have not expired, and whether it told.
func (s Safety) EvictionRisk() (risk, known bool) {
	return s.Policy != "noeviction", s.Policy != ""
}

// Persistent says whether the server keeps its data on disk, and whether it told.
func (s Safety) Persistent() (ok, known bool) {
	return s.Persistence == PersistenceOK, s.Persistence != PersistenceUnknown
}

// server is the part of a client that ReadSafety needs.
type server interface {
	informer
	ConfigGet(ctx context.Context, parameter string) *redis.MapStringStringCmd
}

// ReadSafety asks the server. Managed services answer only some of it; what they do not tell stays unknown.
func ReadSafety(ctx context.Context, c server) (Safety, error) {
	text, err := c.Info(ctx).Result()
	if err != nil {
		return Safety{}, fmt.Errorf("ask the server how it keeps its data: %w", err)
	}
	info := fields(text)
	s := Safety{Policy: info["maxmemory_policy"]}
	switch {
	case info["aof_enabled"] == "1":
		s.Persistence = written(info["aof_last_write_status"])
	case info["rdb_last_bgsave_status"] != "":
		s.Persistence = written(info["rdb_last_bgsave_status"])
		// A server without any snapshots says that its last one went well. Whether there are to be any is in its settings,
		// which many services keep to themselves.
		if saves, err := c.ConfigGet(ctx, "save").Result(); err == nil && len(saves) > 0 && saves["save"] == "" {
			s.Persistence = PersistenceOff
		}
	}
	return s, nil
}

func written(status string) Persistence {
	if status == "ok" {
		return PersistenceOK
	}
	return PersistenceFailing
}
