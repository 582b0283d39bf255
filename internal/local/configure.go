package local

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/signalbox/signalbox/config"
	"github.com/signalbox/signalbox/test/sim/csu"
)

// EnvFile is where a running `signalbox local` leaves the environment that reaches it: NAME=value lines, readable by
// this user only. Other commands read it with --local.
func EnvFile() string {
	return filepath.Join(os.TempDir(), "signalbox-local-"+strconv.Itoa(os.Getuid()), "env")
}

// outcomes is the file that is told what became of events.
func outcomes() string { return filepath.Join(filepath.Dir(EnvFile()), "outcomes.jsonl") }

// exported is the file that is told what is sold.
func exported() string { return filepath.Join(filepath.Dir(EnvFile()), "catalogue.jsonl") }

// configure makes the fleet's configuration the way an operator would: as environment variables.
func (s *stand) configure() error {
	l, err := listen("127.0.0.1:9464")
	if err != nil {
		return err
	}
	s.admin = l
	s.onStop(l.Close) // if nothing served there
	env := s.environment()
	s.cfg, err = config.Load(config.Sources{Env: env})
	if err != nil {
		return err
	}
	return s.leave(env)
}

func (s *stand) environment() []string {
	var key [32]byte
	var name [4]byte
	_, _ = rand.Read(key[:]) // never fails (crypto/rand, Go 1.24)
	_, _ = rand.Read(name[:])
	env := map[string]string{
		"ENVIRONMENT":                  "local",
		"SERVICEBUS_CONNECTION_STRING": s.broker.ConnectionString(s.broker.addr),
		"SERVICEBUS_ADMIN_ENDPOINT":    s.broker.administration,
		"SERVICEBUS_QUEUES":            sourceQueue,
		"SERVICEBUS_OWN_QUEUE_LIVE":    ownQueue,
		"SERVICEBUS_OWN_QUEUE_BULK":    bulkQueue,
		"SERVICEBUS_OWN_QUEUE_REPLAY":  replayQueue,
		"REDIS_URL":                    s.redis.url,
		"REDIS_ALLOW_PLAINTEXT":        "true",
		"CSU_NAME":                     "local-" + hex.EncodeToString(name[:]), // its CSU begins empty, so its bindings must, too
		"CSU_URL":                      s.csu.addr,
		"CSU_TOKEN_URL":                s.csu.addr + "/contoso/oauth2/token",
		"CSU_CLIENT_ID":                csu.DefaultClientID,
		"CSU_CLIENT_SECRET":            csu.DefaultClientSecret,
		"CSU_RESOURCE":                 s.csu.addr,
		"CSU_READ_TIMEOUT":             "2s",
		"CSU_WRITE_TIMEOUT":            "2s",
		"CSU_MAX_EXECUTION":            "3s",
		"CSU_SEARCH_LAG":               "100ms",
		"HASH_KEY":                     base64.StdEncoding.EncodeToString(key[:]),
		"ADMIN_LISTEN":                 s.admin.Addr().String(),
		"RUN_LEASE":                    "5s",
		"RUN_RENEW":                    "1s",
		"RUN_RETRY_FOR":                "5s",
		"RUN_RESCHEDULE":               "1s,2s,3s,5s,5s,5s",
		"WORKER_RECEIVE_WAIT":          "5s",
		"WORKER_DRAIN":                 "5s",
	}
	env["CHANNELS"] = inJSON([]map[string]any{{"name": channel, "csu": env["CSU_NAME"], "oun": oun, "legal_entity": "usrt", "currency": "USD", "language": "en-us",
		"sinks": []string{sinkOutcomes, sinkCatalogue}}})
	env["SINKS"], env["SCHEDULES"] = sinkTable(), scheduleTable()
	out := make([]string, 0, len(env))
	for k, v := range env {
		out = append(out, "SIGNALBOX_"+k+"="+v)
	}
	return out
}

// leave writes the environment for other commands, and removes it at the end.
func (s *stand) leave(env []string) error {
	dir := filepath.Dir(EnvFile())
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the state folder: %w", err)
	}
	if info, err := os.Lstat(dir); err != nil || !info.IsDir() || info.Mode().Perm() != 0o700 {
		return errors.Join(fmt.Errorf("the state folder %s is not a folder of this user's alone; remove it", dir), err)
	}
	for _, file := range []string{outcomes(), exported()} {
		if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("remove what an earlier run told: %w", err)
		}
	}
	if err := os.WriteFile(EnvFile(), []byte(strings.Join(env, "\n")+"\n"), 0o600); err != nil {
		return fmt.Errorf("write %s: %w", EnvFile(), err)
	}
	s.onStop(func() error { return os.Remove(EnvFile()) })
	return nil
}
