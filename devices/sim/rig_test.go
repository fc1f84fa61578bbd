package sim

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"labbox/devices/transport"
	"labbox/devices/transport/mem"
)

// heard is one line or message from the device.
type heard struct {
	text string // a line with its end, or a message
	kind transport.Kind
	at   time.Duration // since the line was opened
}

// talk is a box's end of a line to a running device; only for synctest bubbles,
// where time passes when everybody waits.
type talk struct {
	t     *testing.T
	box   *mem.Port
	began time.Time
	mu    sync.Mutex
	all   []heard
	seen  int
	rest  []byte
	stop  func() error
}

// plug runs a device on a new line until unplug, or the test's end.
func plug(t *testing.T, d Device, o mem.Options) *talk {
	t.Helper()
	box, device := mem.Pipe(o)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx, device) }()
	k := &talk{t: t, box: box, began: time.Now()}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		buf := make([]byte, 8192)
		for {
			n, kind, err := box.Receive(buf)
			if err != nil {
				return
			}
			k.take(buf[:n], kind)
		}
	}()
	stopped := false
	k.stop = func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		err := <-done
		_ = box.Close()
		<-ended
		return err
	}
	t.Cleanup(func() { _ = k.stop() })
	return k
}

func (k *talk) take(b []byte, kind transport.Kind) {
	k.mu.Lock()
	defer k.mu.Unlock()
	at := time.Since(k.began)
	if kind != transport.Stream {
		k.all = append(k.all, heard{string(b), kind, at})
		return
	}
	k.rest = append(k.rest, b...)
	for {
		i := bytes.IndexByte(k.rest, '\n')
		if i < 0 {
			return
		}
		k.all = append(k.all, heard{string(k.rest[:i+1]), kind, at})
		k.rest = k.rest[i+1:]
	}
}

func (k *talk) say(s string) {
	k.t.Helper()
	if err := k.box.Send([]byte(s), transport.Text); err != nil {
		k.t.Fatal(err)
	}
}

// after lets d pass and returns what was heard meanwhile.
func (k *talk) after(d time.Duration) []heard {
	time.Sleep(d)
	synctest.Wait()
	k.mu.Lock()
	defer k.mu.Unlock()
	out := append([]heard(nil), k.all[k.seen:]...)
	k.seen = len(k.all)
	return out
}

// programOf is the program behind a device.
func programOf[P program](t testing.TB, d Device) P {
	t.Helper()
	p, ok := d.(*board).prog.(P)
	if !ok {
		t.Fatalf("%T", d.(*board).prog)
	}
	return p
}

func texts(all []heard) []string {
	var out []string
	for _, h := range all {
		out = append(out, h.text)
	}
	return out
}

// scan reads a line of the plotter.
func scan(line string, raw, filtered *float64) (int, error) {
	return fmt.Sscanf(line, "Min:0,raw:%f,filtered:%f\r\n", raw, filtered)
}
