package devices

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"labbox/devices/transport/mem"
	"labbox/devices/transport/pty"
	"labbox/devices/transport/serial"
	"labbox/edge"
)

func openFiles(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("no /proc:", err)
	}
	return len(list)
}

// The same on real ptys through the serial transport: safe first each time, and
// no descriptor is left open.
func TestReplugsOfARealPort(t *testing.T) {
	link := filepath.Join(t.TempDir(), "port")
	r := newRig(t, mem.Options{}, func(typ *Type) { typ.Keep = time.Hour })
	r.cancel()
	<-r.done
	var err error
	if r.line, err = serial.New(serial.Options{Path: link, Baud: 115200, ResetOnOpen: true}); err != nil {
		t.Fatal(err)
	}
	plug := func() *pty.Port {
		p, err := pty.Open(pty.Options{Link: link})
		if err != nil {
			t.Skip("no pty:", err)
		}
		go r.plate.run(p)
		return p
	}
	p := plug()
	defer func() { p.Close() }()
	r.start(r.t2(), 115200)
	f := r.driven(50)
	defer r.beats(ann, f)()
	before := openFiles(t)
	for round := range 20 {
		p.Close()
		r.until("absent", func(st edge.Status) bool { return st.State == edge.StateAbsent })
		n := len(r.plate.lines())
		p = plug()
		r.until("live", live)
		if got := r.plate.lines()[n:]; len(got) == 0 || got[0] != safeLine {
			t.Fatalf("round %d: the device got %q", round, got)
		}
		if err := r.duty(ann, f, 50); err != nil {
			t.Fatal(err)
		}
	}
	if after := openFiles(t); after > before {
		t.Errorf("%d open files, %d at first", after, before)
	}
}
