// Package redis starts real redis-servers from PATH, for local mode and for tests, each on a port of its own with a
// temporary folder: one server (Start), a primary with replicas and Sentinels (StartSentinels), or a Cluster
// (StartCluster), all with TLS, a password and ACL users if wanted. What it starts can be killed, frozen by its process
// id, restarted, failed over, and a slot can be moved half way.
//
// Concurrency: what has started may be used from several goroutines. Close ends the processes and removes their folders.
package redis

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

// ErrNoServer says that no redis-server is on PATH, and where to get one.
var ErrNoServer = errors.New("no redis-server on PATH; install it (Debian: apt-get install redis-server; macOS: brew install redis)")

// Options of a Server.
type Options struct {
	Dir      string        // data folder; empty: a temporary one, removed by Close
	Args     []string      // more arguments for redis-server, such as --appendonly yes
	TLS      *Certificates // speak TLS, and nothing else; clients must show a certificate of the same authority
	Password string        // of the default user, and of replicas at their primary
	Users    []string      // more users, each as ACL SETUSER takes it: name on >password ~keys +commands
}

// arguments are those that the options come to.
func (o Options) arguments() []string {
	var args []string
	if o.Password != "" {
		args = append(args, "--requirepass", o.Password, "--masterauth", o.Password)
	}
	for _, u := range o.Users {
		args = append(append(args, "--user"), strings.Fields(u)...)
	}
	if o.TLS != nil {
		args = append(args, "--tls-cert-file", o.TLS.Cert, "--tls-key-file", o.TLS.Key, "--tls-ca-cert-file", o.TLS.CA,
			"--tls-replication", "yes", "--tls-cluster", "yes")
	}
	return append(args, o.Args...)
}

// listening are the arguments that name the port.
func (o Options) listening(port string) []string {
	if o.TLS != nil {
		return []string{"--port", "0", "--tls-port", port}
	}
	return []string{"--port", port}
}

// Server is a running redis-server that this process started.
type Server struct {
	addr string
	dir  string
	temp bool
	opts Options

	config string // file of a Sentinel; empty: this is none

	mu  sync.Mutex
	cmd *exec.Cmd
	end chan struct{}
}

// Start runs a redis-server on a free port of the loopback interface and waits until it answers.
func Start(ctx context.Context, o Options) (*Server, error) {
	return start(ctx, &Server{dir: o.Dir, opts: o})
}

func start(ctx context.Context, s *Server) (*Server, error) {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, ErrNoServer
	}
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
	args := s.opts.listening(port)
	if s.config != "" {
		args = append([]string{s.config, "--sentinel"}, args...)
	} else {
		args = append(args, "--save", "", "--maxmemory-policy", "noeviction")
	}
	args = append(args, "--bind", "127.0.0.1", "--dir", s.dir, "--logfile", filepath.Join(s.dir, "redis.txt"), "--daemonize", "no")
	args = append(args, s.opts.arguments()...)
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
		if s.answers() {
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

// answers says whether the process that was started answers, and not another one that took the port a moment earlier: two servers
// in one place would be one memory for two worlds. It asks by hand: a client would log every refused connection of the first
// milliseconds. A server that wants a password it was not given does not say who it is. One that still loads its data answers INFO
// and little else; a Sentinel has none to load.
func (s *Server) answers() bool {
	c, err := s.dial()
	if err != nil {
		return false
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(time.Second))
	ask, loads := "INFO server\r\n", s.config == ""
	if loads {
		ask += "INFO persistence\r\n"
	}
	if s.opts.Password != "" {
		ask = "AUTH " + s.opts.Password + "\r\n" + ask
	}
	if _, err := c.Write([]byte(ask)); err != nil {
		return false
	}
	for lines := bufio.NewScanner(c); lines.Scan(); {
		line := lines.Text()
		switch id, found := strings.CutPrefix(line, "process_id:"); {
		case strings.HasPrefix(line, "-NOAUTH"):
			return true
		case found && (!loads || id != strconv.Itoa(s.Pid())):
			return id == strconv.Itoa(s.Pid())
		case strings.HasPrefix(line, "loading:"):
			return line == "loading:0"
		}
	}
	return false
}

func (s *Server) dial() (net.Conn, error) {
	d := &net.Dialer{Timeout: time.Second}
	if s.opts.TLS == nil {
		return d.Dial("tcp", s.addr)
	}
	c, err := s.opts.TLS.Client()
	if err != nil {
		return nil, err
	}
	return tls.DialWithDialer(d, "tcp", s.addr, c)
}

// Addr is host:port.
func (s *Server) Addr() string { return s.addr }

// URL is what SIGNALBOX_REDIS_URL takes. It names the default user.
func (s *Server) URL() string { return s.opts.url("redis", "", s.addr+"/0") }

// url builds a URL of a kind of server, with TLS and the credentials of a user; the default user if empty.
func (o Options) url(kind, user, rest string) string {
	query := ""
	if o.TLS != nil {
		query = "?" + o.TLS.query()
		kind = strings.Replace(kind, "redis", "rediss", 1)
	}
	if user == "" && o.Password != "" {
		user = ":" + o.Password
	}
	if user != "" {
		user += "@"
	}
	return kind + "://" + user + rest + query
}

// Client is a client of the default user, who may do everything, for tests that look behind the scenes. The caller closes it.
func (s *Server) Client() *redis.Client { return s.opts.client(s.addr) }

func (o Options) client(addr string) *redis.Client {
	options := &redis.Options{Addr: addr, Password: o.Password, Protocol: 2, MaxRetries: -1, DisableIdentity: true, PoolSize: 2}
	if o.TLS != nil {
		options.TLSConfig, _ = o.TLS.Client() // its files were read when the server was asked whether it answers
	}
	return redis.NewClient(options)
}

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

// Freeze stops the server where it is, as a machine that is out of breath does; Thaw lets it go on.
func (s *Server) Freeze() error { return syscall.Kill(s.Pid(), syscall.SIGSTOP) }

// Thaw lets a frozen server go on.
func (s *Server) Thaw() error { return syscall.Kill(s.Pid(), syscall.SIGCONT) }

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
