// Package redis starts a Redis for local mode and for tests: a real redis-server from PATH on a port of its own with a
// temporary folder, or miniredis where there is none.
package redis

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"time"
)

// ErrNoServer says that no redis-server is on PATH, and where to get one.
var ErrNoServer = errors.New("no redis-server on PATH; install it (Debian: apt-get install redis-server; macOS: brew install redis)")

// Options of a Server.
type Options struct {
	Dir  string   // data folder; empty: a temporary one, removed by Close
	Args []string // more arguments for redis-server, such as --appendonly yes
}

// Server is a running redis-server that this process started.
type Server struct {
	addr string
	dir  string
	temp bool
	opts Options

	mu  sync.Mutex
	cmd *exec.Cmd
	end chan struct{}
}

// Start runs a redis-server on a free port of the loopback interface and waits until it answers.
func Start(ctx context.Context, o Options) (*Server, error) {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, ErrNoServer
	}
	s := &Server{dir: o.Dir, opts: o}
	if s.dir == "" {
		if s.dir, err = os.MkdirTemp("", "signalbox-redis-"); err != nil {
			return nil, fmt.Errorf("make a folder for redis-server: %w", err)
		}
		s.temp = true
	}
	for try := 0; ; try++ { // another process may take the free port first
		if err = s.run(ctx, path); err == nil {
			return s, nil
		}
		if try == 2 || ctx.Err() != nil {
			return nil, errors.Join(err, s.Close())
		}
		s.addr = ""
	}
}

func (s *Server) run(ctx context.Context, path string) error {
	if s.addr == "" {
		port, err := freePort()
		if err != nil {
			return err
		}
		s.addr = net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	}
	_, port, _ := net.SplitHostPort(s.addr)
	args := append([]string{"--port", port, "--bind", "127.0.0.1", "--dir", s.dir, "--save", "", "--maxmemory-policy", "noeviction",
		"--logfile", filepath.Join(s.dir, "redis.txt"), "--daemonize", "no"}, s.opts.Args...)
	cmd := exec.Command(path, args...)
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start redis-server: %w", err)
	}
	end := make(chan struct{})
	go func() {
		_ = cmd.Wait() // its exit status says nothing that ping does not
		close(end)
	}()
	s.mu.Lock()
	s.cmd, s.end = cmd, end
	s.mu.Unlock()
	return s.ready(ctx, end)
}

func (s *Server) ready(ctx context.Context, end chan struct{}) error {
	ctx, done := context.WithTimeout(ctx, 5*time.Second)
	defer done()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if answers(s.addr) {
			return nil
		}
		select {
		case <-end:
			return errors.New("redis-server ended at once")
		case <-ctx.Done():
			return fmt.Errorf("redis-server does not answer: %w", ctx.Err())
		case <-tick.C:
		}
	}
}

// answers asks by hand: a client would log every refused connection of the first milliseconds.
func answers(addr string) bool {
	c, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return false
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(time.Second))
	if _, err := c.Write([]byte("PING\r\n")); err != nil {
		return false
	}
	answer := make([]byte, 5)
	_, err = io.ReadFull(c, answer)
	return err == nil && string(answer) == "+PONG"
}

// Addr is host:port.
func (s *Server) Addr() string { return s.addr }

// URL is what SIGNALBOX_REDIS_URL takes.
func (s *Server) URL() string { return "redis://" + s.addr + "/0" }

// Pid is the process id of the running server, for tests that freeze it.
func (s *Server) Pid() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cmd.Process.Pid
}

// Kill ends the server at once, as a crash would.
func (s *Server) Kill() error {
	s.mu.Lock()
	cmd, end := s.cmd, s.end
	s.mu.Unlock()
	if cmd == nil {
		return nil
	}
	err := cmd.Process.Kill()
	<-end
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}

// Restart starts the server again on the same port and folder.
func (s *Server) Restart(ctx context.Context) error {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		return ErrNoServer
	}
	return s.run(ctx, path)
}

// Close ends the server and removes its temporary folder.
func (s *Server) Close() error {
	err := s.Kill()
	if s.temp {
		err = errors.Join(err, os.RemoveAll(s.dir))
	}
	return err
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
