package redistest

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// Server is one redis-server. Its methods are not safe for concurrent use.
type Server struct {
	Dir string // its data and its log

	// CAFile, CertFile and KeyFile are set by WithTLS: who signed the server's
	// certificate, and a client's own.
	CAFile, CertFile, KeyFile string
	// Username and PasswordFile are set by WithACL.
	Username, PasswordFile string

	port, busPort int
	args          []string
	acl           string
	tls           *tls.Config
	password      string
	cmd           *exec.Cmd
	watch         *exec.Cmd
	watchEnd      *os.File
}

// Option changes how a server is started.
type Option func(t testing.TB, s *Server)

// WithArgs adds arguments of redis-server.
func WithArgs(args ...string) Option {
	return func(_ testing.TB, s *Server) { s.args = append(s.args, args...) }
}

// WithACL lets only user in, who may do what rules say, such as "~lab:1:* +get".
// The password is in PasswordFile, with a newline at its end.
func WithACL(user, password, rules string) Option {
	return func(t testing.TB, s *Server) {
		s.Username, s.password = user, password
		s.PasswordFile = filepath.Join(s.Dir, "password")
		s.acl = filepath.Join(s.Dir, "users.acl")
		line := fmt.Sprintf("user default off\nuser %s on >%s %s\nuser test-admin on nopass ~* &* +@all\n", user, password, rules)
		for name, text := range map[string]string{s.PasswordFile: password + "\n", s.acl: line} {
			if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// Start starts a server with further arguments.
func Start(t testing.TB, args ...string) *Server {
	t.Helper()
	return StartWith(t, WithArgs(args...))
}

// StartWith starts a server with options.
func StartWith(t testing.TB, opts ...Option) *Server {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		if os.Getenv("LABBOX_REQUIRE_PEERS") == "1" {
			t.Fatal("redis-server is not installed, and LABBOX_REQUIRE_PEERS=1")
		}
		t.Skip("redis-server is not installed (Debian package redis-server)")
	}
	s := &Server{Dir: t.TempDir()}
	for _, o := range opts {
		o(t, s)
	}
	for try := 0; ; try++ {
		s.port, s.busPort = freePort(t), freePort(t)
		err := s.start(t)
		if err == nil {
			break
		}
		if try == 3 {
			t.Fatal(err)
		}
	}
	t.Cleanup(s.Kill)
	return s
}

func freePort(t testing.TB) int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func (s *Server) start(t testing.TB) error {
	t.Helper()
	port := []string{"--port", fmt.Sprint(s.port)}
	if s.tls != nil {
		port = []string{"--port", "0", "--tls-port", fmt.Sprint(s.port), "--tls-cluster", "yes", "--tls-replication", "yes"}
	}
	args := append(port, "--cluster-port", fmt.Sprint(s.busPort), "--bind", "127.0.0.1", "--dir", s.Dir, "--save", "",
		"--appendonly", "yes", "--appendfsync", "always", "--logfile", filepath.Join(s.Dir, "log"))
	if s.acl != "" {
		args = append(args, "--aclfile", s.acl)
	}
	cmd := exec.Command("redis-server", append(args, s.args...)...)
	if err := cmd.Start(); err != nil {
		return err
	}
	s.cmd = cmd
	if err := s.guard(); err != nil {
		s.Kill()
		return err
	}
	c := s.Client()
	defer c.Close()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if c.Ping(t.Context()).Err() == nil {
			return nil
		}
		if t.Context().Err() != nil {
			break
		}
	}
	s.Kill()
	text, _ := os.ReadFile(filepath.Join(s.Dir, "log"))
	return fmt.Errorf("redis-server does not answer: %s", bytes.TrimSpace(text))
}

// guard starts a shell that kills the server when this process is gone: the
// other end of the shell's input closes with it.
func (s *Server) guard() error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer r.Close()
	s.watch = exec.Command("sh", "-c", `read x; kill -9 "$0"`, fmt.Sprint(s.cmd.Process.Pid))
	s.watch.Stdin = r
	if err := s.watch.Start(); err != nil {
		_ = w.Close()
		s.watch = nil
		return err
	}
	s.watchEnd = w
	return nil
}

// Addr is the server's host:port.
func (s *Server) Addr() string { return fmt.Sprintf("127.0.0.1:%d", s.port) }

// URL is the server's url without user and password.
func (s *Server) URL() string {
	u := url.URL{Scheme: "redis", Host: s.Addr(), Path: "/0"}
	if s.tls != nil {
		u.Scheme = "rediss"
	}
	return u.String()
}

// Pid is the server's process id, 0 while it does not run.
func (s *Server) Pid() int {
	if s.cmd == nil {
		return 0
	}
	return s.cmd.Process.Pid
}

// Kill ends the server at once, as kill -9 does.
func (s *Server) Kill() { s.end(true) }

// Stop ends the server in order.
func (s *Server) Stop() { s.end(false) }

// Restart ends the server if it runs, and starts it on the same data and address.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	s.Stop()
	for try := 0; ; try++ { // an outgoing connection may hold the port for a moment
		err := s.start(t)
		if err == nil {
			return
		}
		if try == 3 {
			t.Fatal(err)
		}
	}
}

func (s *Server) end(now bool) {
	if s.cmd == nil {
		return
	}
	if s.watch != nil { // first: later the process id may be another's
		_ = s.watch.Process.Kill()
		_ = s.watch.Wait()
		_ = s.watchEnd.Close()
		s.watch = nil
	}
	if !now {
		s.Resume()
		t := time.AfterFunc(10*time.Second, func() { _ = s.cmd.Process.Kill() })
		defer t.Stop()
		_ = s.cmd.Process.Signal(os.Interrupt)
	} else {
		_ = s.cmd.Process.Kill()
	}
	_ = s.cmd.Wait()
	s.cmd = nil
}
