package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
)

// stack is compose.yaml without containers: the same programs with the same
// settings, files, health checks and order. Service names stand for ports of this
// machine, and secrets and volumes for files of the test.
type stack struct {
	t       *testing.T
	p       *types.Project
	dir     string
	rewrite *regexp.Regexp    // SERVICE:PORT
	ports   map[string]string // SERVICE:PORT of the file to the port here
	secrets map[string]string // to files
	running map[string]*child
	proxy   func(*stack) *child
}

// child is a process that ends with the test, and with the test binary.
type child struct {
	t   testing.TB
	cmd *exec.Cmd
	log *lockedBuffer
}

func startChild(t testing.TB, cmd *exec.Cmd) *child {
	t.Helper()
	c := &child{t: t, cmd: cmd, log: &lockedBuffer{}}
	cmd.Stdout, cmd.Stderr = c.log, c.log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM, Setpgid: true}
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.end()
		if t.Failed() {
			t.Logf("log of %s:\n%s", filepath.Base(cmd.Path), tail(c.log.String(), 6000))
		}
	})
	return c
}

func tail(s string, n int) string { return s[max(0, len(s)-n):] }

// end is SIGTERM, and SIGKILL for what does not listen to it.
func (c *child) end() {
	if c.cmd.ProcessState != nil {
		return
	}
	_ = c.cmd.Process.Signal(syscall.SIGTERM)
	kill := time.AfterFunc(20*time.Second, func() { _ = syscall.Kill(-c.cmd.Process.Pid, syscall.SIGKILL) })
	_ = c.cmd.Wait()
	kill.Stop()
}

func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// newStack reads the file and makes the secrets as its head says.
func newStack(t *testing.T, proxy func(*stack) *child) *stack {
	t.Helper()
	s := &stack{t: t, p: loadCompose(t), dir: t.TempDir(), ports: map[string]string{}, secrets: map[string]string{},
		running: map[string]*child{}, proxy: proxy}
	made := filepath.Join(s.dir, "secrets")
	if out, err := exec.Command("../../docs/deploy/secrets.sh", made).CombinedOutput(); err != nil {
		t.Fatalf("secrets.sh: %v\n%s", err, out)
	}
	for name, secret := range s.p.Secrets {
		s.secrets[name] = filepath.Join(made, filepath.Base(secret.File))
	}
	s.rewrite = regexp.MustCompile(`\b(` + strings.Join(s.p.ServiceNames(), "|") + `):(\d+)\b`)
	return s
}

// port is where a service's port is here.
func (s *stack) port(service, port string) string {
	key := service + ":" + port
	if s.ports[key] == "" {
		s.ports[key] = freePort(s.t)
	}
	return s.ports[key]
}

// here turns SERVICE:PORT into an address of this machine.
func (s *stack) here(text string) string {
	return s.rewrite.ReplaceAllStringFunc(text, func(m string) string {
		name, port, _ := strings.Cut(m, ":")
		return "127.0.0.1:" + s.port(name, port)
	})
}

// setting turns an environment variable of a service into one of this machine.
func (s *stack) setting(svc types.ServiceConfig, name, v string) string {
	if file, ok := strings.CutPrefix(v, "/run/secrets/"); ok {
		return s.secrets[file]
	}
	for _, vol := range svc.Volumes {
		if v == vol.Target {
			return filepath.Join(s.dir, vol.Source)
		}
	}
	if port, ok := strings.CutPrefix(v, ":"); ok && name == "LABBOX_LISTEN" {
		return "127.0.0.1:" + s.port(svc.Name, port)
	}
	if name == "LABBOX_TRUSTED_PROXY" {
		return "127.0.0.1"
	}
	return s.here(v)
}

// start brings every service up, each when those before it are healthy.
func (s *stack) start() {
	s.t.Helper()
	for healthy := []string{}; len(healthy) < len(s.p.Services); {
		before := len(healthy)
		for _, name := range s.p.ServiceNames() {
			svc := s.p.Services[name]
			if slices.Contains(healthy, name) || !ready(svc, healthy) {
				continue
			}
			began := time.Now()
			s.run(name)
			s.healthy(name)
			s.t.Logf("%s is healthy after %v", name, time.Since(began).Round(time.Millisecond))
			healthy = append(healthy, name)
		}
		if len(healthy) == before {
			s.t.Fatalf("nothing can start after %v", healthy)
		}
	}
}

// run starts one service.
func (s *stack) run(name string) {
	s.t.Helper()
	switch svc := s.p.Services[name]; name {
	case "rabbitmq":
		s.running[name] = s.rabbitmq(svc)
	case "redis":
		s.running[name] = s.redis(svc)
	case "proxy":
		s.running[name] = s.proxy(s)
	default:
		cmd := exec.Command(os.Args[0], svc.Command...)
		cmd.Env = []string{"LABBOX_AS_MAIN=1", "PATH=" + os.Getenv("PATH"), "HOME=/nonexistent"}
		for k, v := range svc.Environment {
			cmd.Env = append(cmd.Env, k+"="+s.setting(svc, k, *v))
		}
		s.running[name] = startChild(s.t, cmd)
	}
}

// healthy asks by the service's own health check until it passes.
func (s *stack) healthy(name string) {
	s.t.Helper()
	h := s.p.Services[name].HealthCheck
	end := time.Now().Add(time.Duration(*h.StartPeriod) + time.Duration(*h.Interval)*time.Duration(*h.Retries))
	for {
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Duration(*h.Timeout))
		out, err := s.check(ctx, name, h.Test)
		cancel()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			s.t.Fatalf("%s is not healthy: %v\n%s", name, err, out)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

var localhost = regexp.MustCompile(`\blocalhost:(\d+)`)

func (s *stack) check(ctx context.Context, name string, test []string) ([]byte, error) {
	line := make([]string, len(test))
	for i, a := range test {
		line[i] = localhost.ReplaceAllStringFunc(a, func(m string) string { return "localhost:" + s.port(name, m[len("localhost:"):]) })
	}
	if url := regexp.MustCompile(`curl .*(http://\S+)`).FindStringSubmatch(line[1]); url != nil {
		return nil, get(ctx, url[1])
	}
	env := append(os.Environ(), "LABBOX_AS_MAIN=1")
	switch {
	case line[0] == "CMD-SHELL":
		line = []string{"", "sh", "-c", strings.ReplaceAll(line[1], "redis-cli", "redis-cli -p "+s.port(name, "6379"))}
	case line[1] == "/labbox":
		line[1] = os.Args[0]
	case name == "rabbitmq":
		env = s.rabbitEnv()
		line[1] = filepath.Join(rabbitPrograms(s.t), line[1])
	}
	cmd := exec.CommandContext(ctx, line[1], line[2:]...)
	cmd.Env = env
	return cmd.CombinedOutput()
}

// get stands for curl, which this machine need not have.
func get(ctx context.Context, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	res.Body.Close()
	if res.StatusCode >= 400 {
		return fmt.Errorf("%s: %s", url, res.Status)
	}
	return nil
}

func ready(svc types.ServiceConfig, healthy []string) bool {
	for d := range svc.DependsOn {
		if !slices.Contains(healthy, d) {
			return false
		}
	}
	return true
}
