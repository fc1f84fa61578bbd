package firmatatest

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"labbox/devices/devicetest/simchip"
	"labbox/firmware-protocols/firmata"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// host joins a session and the chip's port. Its clock is the chip's.
type host struct {
	t      *testing.T
	c      *simchip.Chip
	f      *os.File
	s      *firmata.Session
	sent   int
	events []string
	scans  int
	values map[string]float64
}

func dial(t *testing.T, c *simchip.Chip, o firmata.Options) *host {
	t.Helper()
	f, err := os.OpenFile(c.Path(), os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if !c.Stats().Open {
		t.Fatal("the harness does not see that the port is open")
	}
	s, err := firmata.NewSession(o)
	if err != nil {
		t.Fatal(err)
	}
	h := &host{t: t, c: c, f: f, s: s, values: map[string]float64{}}
	s.Start(c.Now())
	return h
}

func (h *host) event(e *firmata.Event) {
	switch e.Kind {
	case firmata.ValueEvent:
		h.values[e.Field] = e.Value
	case firmata.ScanEvent:
		h.scans++
	case firmata.PinStateEvent:
		h.events = append(h.events, fmt.Sprintf("%s is %s %v", e.Field, e.Mode, e.Value))
	case firmata.TextEvent:
		h.events = append(h.events, "text "+string(e.Text))
	case firmata.SysexEvent:
		h.events = append(h.events, fmt.Sprintf("sysex %x", e.Command))
	case firmata.ReadyEvent:
		h.events = append(h.events, "ready")
	case firmata.RebootEvent:
		h.events = append(h.events, "reboot")
	}
}

// step writes what is to be written and reads what has come.
func (h *host) step() {
	h.t.Helper()
	now := h.c.Now()
	h.s.Tick(now)
	h.write(h.s.Output())
	if err := h.f.SetReadDeadline(time.Now().Add(3 * time.Millisecond)); err != nil {
		h.t.Fatal(err)
	}
	var buf [1024]byte
	n, err := h.f.Read(buf[:])
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		h.t.Fatal(err)
	}
	h.s.Feed(now, buf[:n], h.event)
	h.write(h.s.Output())
}

func (h *host) write(b []byte) {
	h.t.Helper()
	if len(b) == 0 {
		return
	}
	h.sent += len(b)
	if _, err := h.f.Write(b); err != nil {
		h.t.Fatal(err)
	}
}

// until waits for something, so much of the chip's time.
func (h *host) until(what string, within time.Duration, done func() bool) {
	h.t.Helper()
	for end := h.c.Now() + within; !done(); h.step() {
		if h.c.Now() > end {
			h.t.Fatalf("%s: not within %v; the session is %s (%v); events %q", what, within, h.s.State(), h.s.Err(), h.events)
		}
	}
}

func (h *host) ready() {
	h.t.Helper()
	h.until("ready", 8*time.Second, func() bool { return h.s.State() == firmata.Ready })
}

// told waits for one event and forgets all.
func (h *host) told(want string) {
	h.t.Helper()
	h.until(want, 3*time.Second, func() bool { return strings.Contains(strings.Join(h.events, "; "), want) })
	h.events = nil
}

// set writes a field and waits until the board says it has it.
func (h *host) set(field string, value float64, want string) {
	h.t.Helper()
	if err := h.s.Write(field, value); err != nil {
		h.t.Fatal(err)
	}
	h.events = nil
	if err := h.s.Query(field); err != nil {
		h.t.Fatal(err)
	}
	h.told(field + " is " + want)
}
