package rediskv_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// peer is a redis-server of the test's own, on a private port and directory.
type peer struct {
	dir  string
	port int
	args []string
	cmd  *exec.Cmd
}

// startRedis starts a redis-server, or skips the test where none is installed.
func startRedis(t testing.TB, args ...string) *peer {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		if os.Getenv("LABBOX_REQUIRE_PEERS") == "1" {
			t.Fatal("redis-server is not installed, and LABBOX_REQUIRE_PEERS=1")
		}
		t.Skip("redis-server is not installed (Debian package redis-server)")
	}
	p := &peer{dir: t.TempDir(), args: args}
	p.start(t)
	t.Cleanup(p.stop)
	return p
}

func (p *peer) addr() string { return fmt.Sprintf("127.0.0.1:%d", p.port) }

func (p *peer) start(t testing.TB) {
	t.Helper()
	for try := 0; ; try++ {
		if p.port == 0 || try > 0 {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			p.port = l.Addr().(*net.TCPAddr).Port
			_ = l.Close()
		}
		args := append([]string{"--port", fmt.Sprint(p.port), "--bind", "127.0.0.1", "--dir", p.dir, "--save", "",
			"--appendonly", "yes", "--appendfsync", "always", "--logfile", filepath.Join(p.dir, "log")}, p.args...)
		p.cmd = exec.Command("redis-server", args...)
		if err := p.cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if p.answers() {
			return
		}
		p.stop()
		if try == 3 {
			text, _ := os.ReadFile(filepath.Join(p.dir, "log"))
			t.Fatalf("redis-server does not answer: %s", bytes.TrimSpace(text))
		}
	}
}

func (p *peer) answers() bool {
	c := redis.NewClient(&redis.Options{Addr: p.addr(), MaxRetries: -1})
	defer c.Close()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if c.Ping(context.Background()).Err() == nil {
			return true
		}
	}
	return false
}

func (p *peer) stop() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}
