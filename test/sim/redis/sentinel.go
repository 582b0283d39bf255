package redis

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// MasterName is what the Sentinels call the primary.
const MasterName = "mymaster"

// SentinelOptions says what to start.
type SentinelOptions struct {
	Options                    // of every server; Args not of the Sentinels. Dir must be empty
	Replicas     int           // default 1
	Sentinels    int           // default 3
	SentinelPass string        // that the Sentinels ask of clients, and of each other
	DownAfter    time.Duration // how long a primary is silent before it is down; default 500 ms
}

// SentinelSet is a primary, its replicas, and the Sentinels that watch over them.
type SentinelSet struct {
	Servers   []*Server // the primary it began with, then the replicas
	Sentinels []*Server
	o         SentinelOptions
}

// StartSentinels starts them, and waits until every Sentinel knows the replicas and the other Sentinels: from then on a
// fail-over can succeed.
func StartSentinels(ctx context.Context, o SentinelOptions) (*SentinelSet, error) {
	if o.Replicas == 0 {
		o.Replicas = 1
	}
	if o.Sentinels == 0 {
		o.Sentinels = 3
	}
	if o.DownAfter == 0 {
		o.DownAfter = 500 * time.Millisecond
	}
	s := &SentinelSet{o: o}
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *SentinelSet) start(ctx context.Context) error {
	for i := range s.o.Replicas + 1 {
		o := s.o.Options
		o.Args = append([]string{"--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1"}, o.Args...)
		if i > 0 {
			host, port, _ := net.SplitHostPort(s.Servers[0].Addr())
			o.Args = append(o.Args, "--replicaof", host+" "+port)
		}
		server, err := Start(ctx, o)
		if err != nil {
			return err
		}
		s.Servers = append(s.Servers, server)
	}
	for range s.o.Sentinels {
		one, err := s.startSentinel(ctx)
		if one != nil {
			s.Sentinels = append(s.Sentinels, one)
		}
		if err != nil {
			return err
		}
	}
	return s.WaitUntilSafe(ctx)
}

func (s *SentinelSet) startSentinel(ctx context.Context) (*Server, error) {
	dir, err := os.MkdirTemp("", "signalbox-sentinel-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for a Sentinel: %w", err)
	}
	file := filepath.Join(dir, "sentinel.conf")
	if err := os.WriteFile(file, []byte(s.configuration()), 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("configure a Sentinel: %w", err), os.RemoveAll(dir))
	}
	o := s.o.Options
	o.Args, o.Users, o.Password = nil, nil, ""
	if s.o.SentinelPass != "" {
		o.Args = []string{"--requirepass", s.o.SentinelPass}
	}
	one, err := start(ctx, &Server{dir: dir, temp: true, opts: o, config: file})
	if err != nil {
		return nil, err
	}
	return one, s.hurry(ctx, one)
}

// hurry has a Sentinel look around more often than every ten seconds, so that a test need not wait for it.
func (s *SentinelSet) hurry(ctx context.Context, one *Server) error {
	o := one.opts
	o.Password = s.o.SentinelPass
	client := o.client(one.Addr())
	defer client.Close()
	err := client.Do(ctx, "sentinel", "debug", "info-period", 200, "publish-period", 200, "ask-period", 100, "ping-period", 100).Err()
	if err != nil {
		return fmt.Errorf("hurry a Sentinel: %w", err)
	}
	return nil
}

func (s *SentinelSet) configuration() string {
	host, port, _ := net.SplitHostPort(s.Servers[0].Addr())
	lines := []string{
		fmt.Sprintf("sentinel monitor %s %s %s %d", MasterName, host, port, s.o.Sentinels/2+1),
		fmt.Sprintf("sentinel down-after-milliseconds %s %d", MasterName, s.o.DownAfter.Milliseconds()),
		fmt.Sprintf("sentinel failover-timeout %s %d", MasterName, max(3*time.Second, 4*s.o.DownAfter).Milliseconds()),
	}
	if s.o.Password != "" {
		lines = append(lines, fmt.Sprintf("sentinel auth-pass %s %s", MasterName, s.o.Password))
	}
	return strings.Join(lines, "\n") + "\n"
}

// URL is what SIGNALBOX_REDIS_URL takes, for a user ("name:password"); empty: the default user.
func (s *SentinelSet) URL(user string) string {
	var addrs []string
	for _, one := range s.Sentinels {
		addrs = append(addrs, one.Addr())
	}
	return s.o.url("redis+sentinel", user, strings.Join(addrs, ",")+"/"+MasterName+"/0")
}

// ask asks one Sentinel after the other until one answers.
func (s *SentinelSet) ask(use func(*redis.SentinelClient) error) error {
	var problems []error
	for _, one := range s.Sentinels {
		c := one.opts.client(one.Addr())
		o := *c.Options()
		o.Password = s.o.SentinelPass
		_ = c.Close()
		sentinel := redis.NewSentinelClient(&o)
		err := use(sentinel)
		_ = sentinel.Close()
		if err == nil {
			return nil
		}
		problems = append(problems, err)
	}
	return errors.Join(problems...)
}

// Master is the primary, as the Sentinels name it now; nil if it is none of the servers.
func (s *SentinelSet) Master(ctx context.Context) (master *Server, err error) {
	err = s.ask(func(c *redis.SentinelClient) error {
		at, err := c.GetMasterAddrByName(ctx, MasterName).Result()
		if err == nil && len(at) == 2 {
			master = serverAt(s.Servers, net.JoinHostPort(at[0], at[1]))
		}
		return err
	})
	return master, err
}

// FailOver has the Sentinels promote a replica, and waits until it is the primary. The old one goes on as its replica. To
// see what an unplanned one does, kill or freeze the Master instead and use WaitForAnother. Sentinels wait for six seconds between
// two fail-overs.
func (s *SentinelSet) FailOver(ctx context.Context) error {
	old, err := s.Master(ctx)
	if err != nil {
		return err
	}
	return again(ctx, func() error {
		return s.ask(func(c *redis.SentinelClient) error { return c.Failover(ctx, MasterName).Err() })
	}, func(ctx context.Context) error { return s.WaitForAnother(ctx, old) })
}

// again asks for a fail-over until there was one: on a busy machine one may be given up half way.
func again(ctx context.Context, ask func() error, wait func(context.Context) error) error {
	var last error
	for range 6 {
		last = ask()
		call, done := context.WithTimeout(ctx, 6*time.Second)
		err := wait(call)
		done()
		if err == nil || ctx.Err() != nil {
			return err
		}
	}
	return errors.Join(errors.New("redis: there was no fail-over"), last)
}

// WaitForAnother waits until a server other than old is the primary, and says so itself.
func (s *SentinelSet) WaitForAnother(ctx context.Context, old *Server) error {
	return until(ctx, "another primary", func() bool {
		m, err := s.Master(ctx)
		return err == nil && m != nil && m != old && m.says(ctx, "role") == "master"
	})
}

// WaitUntilSafe waits until every replica that runs is in step and known to each Sentinel, and the Sentinels know each other.
func (s *SentinelSet) WaitUntilSafe(ctx context.Context) error {
	return until(ctx, "the Sentinels", func() bool {
		m, err := s.Master(ctx)
		if err != nil || m == nil || m.says(ctx, "connected_slaves") != fmt.Sprint(s.o.Replicas) || !strings.Contains(m.says(ctx, "slave0"), "state=online") {
			return false
		}
		for _, one := range s.Sentinels {
			line := one.saysAs(ctx, s.o.SentinelPass, "sentinel", "master0")
			if !strings.HasSuffix(line, fmt.Sprintf("status=ok,address=%s,slaves=%d,sentinels=%d", m.Addr(), s.o.Replicas, len(s.Sentinels))) {
				return false
			}
		}
		return true
	})
}

// Close ends all of them.
func (s *SentinelSet) Close() error {
	return closeAll(append(append([]*Server(nil), s.Sentinels...), s.Servers...))
}

func closeAll(servers []*Server) error {
	var problems []error
	for _, one := range servers {
		problems = append(problems, one.Close())
	}
	return errors.Join(problems...)
}

func serverAt(servers []*Server, addr string) *Server {
	for _, one := range servers {
		if one.Addr() == addr {
			return one
		}
	}
	return nil
}

// says gives a field of INFO replication; empty if there is no answer.
func (s *Server) says(ctx context.Context, field string) string {
	return s.saysAs(ctx, s.opts.Password, "replication", field)
}

func (s *Server) saysAs(ctx context.Context, password, section, field string) string {
	o := s.opts
	o.Password = password
	c := o.client(s.addr)
	defer c.Close()
	call, done := context.WithTimeout(ctx, time.Second)
	defer done()
	text, _ := c.Info(call, section).Result() // no answer, no field
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(line, field+":"); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// until asks every 20 ms until something is so; at most for a minute.
func until(ctx context.Context, what string, so func() bool) error {
	ctx, done := context.WithTimeout(ctx, time.Minute)
	defer done()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("redis: waited for %s: %w", what, ctx.Err())
		case <-tick.C:
		}
	}
	return nil
}
