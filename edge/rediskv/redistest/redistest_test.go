//go:build unix

package redistest_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"labbox/edge/rediskv/redistest"
)

func TestMain(m *testing.M) {
	if os.Getenv("REDISTEST_CHILD") != "" {
		m.Run()
		return
	}
	// go-redis ends its look for a dead server only at the next turn after Close.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/redis/go-redis/v9/internal/pool.(*ConnPool).tryDial"))
}

func TestRestartKeepsDataAndAddress(t *testing.T) {
	s := redistest.Start(t)
	addr := s.Addr()
	s.Do(t, "set", "k", "v")
	s.Kill()
	s.Restart(t)
	s.Do(t, "append", "k", "w")
	s.Restart(t)
	if v := s.Do(t, "get", "k"); v != "vw" || s.Addr() != addr {
		t.Fatalf("%v at %s", v, s.Addr())
	}
}

func TestPause(t *testing.T) {
	s := redistest.Start(t)
	c := s.Client()
	defer c.Close()
	s.Pause()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := c.Ping(ctx).Err(); err == nil {
		t.Fatal("a paused server answers")
	}
	s.Resume()
	s.Do(t, "ping")
	s.Pause() // it must end all the same
}

func TestTLSAndACL(t *testing.T) {
	s := redistest.StartWith(t, redistest.WithTLS(redistest.NewCerts(t)), redistest.WithACL("me", "secret", "~a:* +get"))
	s.Do(t, "set", "k", "v")
	b, err := os.ReadFile(s.PasswordFile)
	if err != nil || string(b) != "secret\n" {
		t.Fatalf("%q %v", b, err)
	}
}

func TestCluster(t *testing.T) {
	nodes := redistest.Cluster(t)
	nodes[0].Restart(t)
	redistest.AwaitCluster(t, nodes)
}

// TestChild is the part of TestNothingStays that is killed.
func TestChild(t *testing.T) {
	if os.Getenv("REDISTEST_CHILD") == "" {
		return
	}
	s := redistest.Start(t)
	pid := s.Pid()
	if _, err := os.Stdout.Write([]byte{byte(pid), byte(pid >> 8), byte(pid >> 16), byte(pid >> 24)}); err != nil {
		t.Fatal(err)
	}
	select {}
}

func TestNothingStays(t *testing.T) {
	redistest.Start(t).Kill() // skips where there is no peer
	cmd := exec.Command(os.Args[0], "-test.run=^TestChild$")
	cmd.Env = append(os.Environ(), "REDISTEST_CHILD=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var b [4]byte
	_, err = out.Read(b[:])
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if err != nil {
		t.Fatal(err)
	}
	pid := int(b[0]) | int(b[1])<<8 | int(b[2])<<16 | int(b[3])<<24
	for end := time.Now().Add(5 * time.Second); !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("redis-server %d is still there", pid)
		}
	}
}
