package serial

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"labbox/devices/transport"
	"labbox/edge"
)

func TestParseMatch(t *testing.T) {
	for s, want := range map[string]Match{
		"2341:0043":                   {VID: "2341", PID: "0043"},
		"1a86:7523:":                  {VID: "1a86", PID: "7523"},
		"303a:1001:F4:12:FA:00:00:01": {VID: "303a", PID: "1001", Serial: "F4:12:FA:00:00:01"},
	} {
		if got, err := ParseMatch(s); got != want || err != nil {
			t.Errorf("%q: %v, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "2341", "2341:", ":0043", "234:0043", "2341:00430", "234g:0043", "/dev/ttyUSB0"} {
		if m, err := ParseMatch(s); edge.CodeOf(err) != edge.CodeBadConfig {
			t.Errorf("%q gave %v, %v", s, m, err)
		}
	}
}

func FuzzParseMatch(f *testing.F) {
	f.Add("2341:0043:F4:12")
	f.Fuzz(func(t *testing.T, s string) {
		if m, err := ParseMatch(s); err == nil {
			if err := (Options{USB: m}).check(); err != nil {
				t.Errorf("%q was read and then refused: %v", s, err)
			}
		}
	})
}

func TestBadOptions(t *testing.T) {
	usb := Match{VID: "2341", PID: "0043"}
	for name, o := range map[string]Options{
		"neither":       {},
		"both":          {Path: "/dev/ttyUSB0", USB: usb},
		"baud":          {Path: "x", Baud: 1},
		"negative baud": {Path: "x", Baud: -9600},
		"data bits":     {Path: "x", DataBits: 9},
		"stop bits":     {Path: "x", StopBits: 3},
		"parity":        {Path: "x", Parity: "maybe"},
		"vid":           {USB: Match{VID: "12"}},
		"pid":           {USB: Match{VID: "2341", PID: "zz"}},
		"serial only":   {USB: Match{Serial: "A1"}},
		"interface":     {USB: Match{VID: "2341", PID: "0043", Interface: "2"}},
	} {
		if _, err := New(o); edge.CodeOf(err) != edge.CodeBadConfig {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNoList(t *testing.T) {
	s, _ := New(Options{USB: Match{VID: "2341"}, List: func() ([]Info, error) { return nil, errors.New("no sysfs") }})
	if _, err := s.Open(t.Context()); edge.CodeOf(err) != edge.CodePortMissing {
		t.Errorf("no list: %v", err)
	}
}

func TestRegistry(t *testing.T) {
	r := NewRegistry()
	release, err := r.Claim("/dev/ttyUSB0", "pendulum")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Claim("/dev/ttyUSB0", "disk"); edge.CodeOf(err) != edge.CodePortBusy {
		t.Errorf("claimed twice: %v", err)
	}
	if who, ok := r.Owner("/dev/ttyUSB0"); who != "pendulum" || !ok {
		t.Errorf("owner %q, %v", who, ok)
	}
	release()
	if _, err := r.Claim("/dev/ttyUSB0", "disk"); err != nil {
		t.Errorf("claim after release: %v", err)
	}
	release() // the first owner's: must not take it from the second
	if who, _ := r.Owner("/dev/ttyUSB0"); who != "disk" {
		t.Errorf("a late release took the port from %q", who)
	}
}

// board is a line that notes what is done to it.
type board struct {
	transport.Port
	did   []string
	at    []time.Time
	noDTR bool
}

func (b *board) note(s string) { b.did, b.at = append(b.did, s), append(b.at, time.Now()) }

func (b *board) setDTR(on bool) error {
	if b.noDTR {
		return errNoModem
	}
	b.note(map[bool]string{true: "high", false: "low"}[on])
	return nil
}

func (b *board) discardInput() error { b.note("discard"); return nil }

func TestResetPulse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &board{}
		if err := pulse(t.Context(), b, resetPulse); err != nil {
			t.Fatal(err)
		}
		// the input is dropped before the board runs again, never after
		if want := []string{"low", "discard", "high"}; !slices.Equal(b.did, want) {
			t.Errorf("did %v, want %v", b.did, want)
		}
		if d := b.at[2].Sub(b.at[0]); d != resetPulse {
			t.Errorf("DTR was low for %v", d)
		}
		none := &board{noDTR: true}
		if err := pulse(t.Context(), none, resetPulse); err != nil || none.did != nil {
			t.Errorf("without DTR: %v, did %v", err, none.did)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := pulse(ctx, &board{}, resetPulse); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
	})
}
