package minikv

import (
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestPipeNeverBlocksAWriter(t *testing.T) {
	a, b := newPipe()
	text := strings.Repeat("x", 1<<20)
	for _, c := range []io.Writer{a, b} { // nobody reads yet, as in a pipeline
		if n, err := io.WriteString(c, text); n != len(text) || err != nil {
			t.Fatal(n, err)
		}
	}
	got := make([]byte, len(text))
	if _, err := io.ReadFull(b, got); err != nil || string(got) != text {
		t.Fatal("other bytes came out", err)
	}
	_ = a.Close()
	if _, err := a.Read(got); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("read after own close: %v", err)
	}
	if _, err := a.Write(got); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("write after own close: %v", err)
	}
	if _, err := b.Write(got); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("write to a closed peer: %v", err)
	}
	if _, err := b.Read(got); !errors.Is(err, io.EOF) {
		t.Errorf("read of a closed peer: %v", err)
	}
}

func TestPipeDeliversBeforeEOF(t *testing.T) {
	a, b := newPipe()
	_, _ = io.WriteString(a, "last words")
	_ = a.Close()
	if got, err := io.ReadAll(b); err != nil || string(got) != "last words" {
		t.Errorf("%q %v", got, err)
	}
}

func TestPipeDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newPipe()
		defer a.Close()
		defer b.Close()
		buf, start := make([]byte, 8), time.Now()
		wait := func(want time.Duration) {
			t.Helper()
			if _, err := a.Read(buf); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Fatalf("%v", err)
			}
			if took := time.Since(start); took != want {
				t.Fatalf("deadline came after %v, want %v", took, want)
			}
		}
		_ = a.SetDeadline(start.Add(3 * time.Second))
		wait(3 * time.Second)
		wait(3 * time.Second)
		_ = a.SetReadDeadline(start.Add(time.Hour)) // armed for an hour, then moved forward
		go func() {
			time.Sleep(time.Second)
			_ = a.SetReadDeadline(start.Add(5 * time.Second))
		}()
		wait(5 * time.Second)
		_ = a.SetReadDeadline(start.Add(6 * time.Second)) // armed, then moved back and off
		go func() {
			time.Sleep(time.Second / 2)
			_ = a.SetReadDeadline(time.Time{})
			time.Sleep(time.Hour)
			_, _ = io.WriteString(b, "late")
		}()
		if n, err := a.Read(buf); n != 4 || err != nil {
			t.Fatal(n, err)
		}
	})
}
