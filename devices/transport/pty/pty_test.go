//go:build linux

package pty_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"labbox/devices/transport"
	"labbox/devices/transport/pty"
	"labbox/devices/transport/transporttest"
	"labbox/devices/transport/tty"
	"labbox/edge"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// program is another program that uses the pty: the suite's far end.
type program struct {
	transport.Port
	f *tty.File
}

func (p program) Receive(b []byte) (int, transport.Kind, error) {
	n, err := p.f.Receive(b)
	return n, transport.Stream, err
}
func (p program) Send(b []byte, _ transport.Kind) error { return p.f.Send(b) }
func (p program) Close() error                          { return p.f.Close(nil) }

func open(t *testing.T, o pty.Options) *pty.Port {
	t.Helper()
	p, err := pty.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

func dial(t *testing.T, path string) program {
	t.Helper()
	f, err := tty.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	p := program{f: f}
	t.Cleanup(func() { p.Close() })
	return p
}

func TestSuite(t *testing.T) {
	transporttest.Run(t, func(t *testing.T) transporttest.Line {
		p := open(t, pty.Options{})
		return transporttest.Line{Box: p, Device: dial(t, p.Name())} // a pty is never lost
	})
}

func TestSurvivesProgramsThatComeAndGo(t *testing.T) {
	link := filepath.Join(t.TempDir(), "pendulum")
	p := open(t, pty.Options{Link: link})
	for i := range 20 {
		if err := p.Send([]byte("nobody hears this\n"), transport.Stream); err != nil {
			t.Fatalf("send while nobody has it open: %v", err)
		}
		far := dial(t, link)
		down, up := fmt.Sprintf("down %d\n", i), fmt.Sprintf("up %d\n", i)
		if err := far.Send([]byte(down), transport.Stream); err != nil {
			t.Fatal(err)
		}
		if got := transporttest.ReadN(t, p, len(down)); string(got) != down {
			t.Fatalf("round %d: the device got %q", i, got)
		}
		if err := p.Send([]byte(up), transport.Stream); err != nil {
			t.Fatal(err)
		}
		if got := transporttest.ReadN(t, far, len(up)); string(got) != up {
			t.Fatalf("round %d: the program got %q", i, got)
		}
		if err := p.Send([]byte("left unread\n"), transport.Stream); err != nil {
			t.Fatal(err)
		}
		far.Close()
	}
	p.Close()
	if _, err := os.Lstat(link); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the link is still there: %v", err)
	}
}

func TestTellsWhoComesAndGoes(t *testing.T) {
	news := make(chan bool, 10)
	p := open(t, pty.Options{Opened: func(open bool) { news <- open }})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			if _, _, err := p.Receive(make([]byte, 64)); err != nil {
				return
			}
		}
	}()
	for range 3 {
		far := dial(t, p.Name())
		want(t, news, true)
		far.Close()
		want(t, news, false)
	}
	p.Close()
	<-done
}

func want(t *testing.T, news chan bool, open bool) {
	t.Helper()
	select {
	case got := <-news:
		if got != open {
			t.Fatalf("told open=%v, want %v", got, open)
		}
	case <-time.After(10 * time.Second):
		t.Fatalf("never told open=%v", open)
	}
}

func TestLink(t *testing.T) {
	dir := t.TempDir()
	stale := filepath.Join(dir, "stale")
	if err := os.Symlink("/dev/pts/99999", stale); err != nil {
		t.Fatal(err)
	}
	p := open(t, pty.Options{Link: stale})
	if to, err := os.Readlink(stale); to != p.Name() || err != nil {
		t.Errorf("the link leads to %q, %v; want %q", to, err, p.Name())
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(dir, "other")
	if err := os.Symlink(file, other); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{file, other, filepath.Join(dir, "no", "such", "dir")} {
		if _, err := pty.Open(pty.Options{Link: path}); edge.CodeOf(err) != edge.CodeBadConfig {
			t.Errorf("link %s: %v", filepath.Base(path), err)
		}
	}
	if b, _ := os.ReadFile(file); string(b) != "precious" {
		t.Errorf("the file holds %q now", b)
	}
}
