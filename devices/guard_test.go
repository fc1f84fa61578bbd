package devices

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"

	"labbox/devices/transport"
	"labbox/devices/transport/mem"
	"labbox/edge"
	"labbox/firmware-protocols/lines"
)

// brittle is a codec with a fault: a certain byte kills it.
type brittle struct{ codec }

func (b brittle) feed(p []byte, kind transport.Kind, emit func(*lines.Record)) error {
	if bytes.IndexByte(p, 0x07) >= 0 {
		panic("a fault of ours")
	}
	return b.codec.feed(p, kind, emit)
}

// A fault of a codec costs the connection, not the box; the device is opened
// again and made safe.
func TestAFaultOfACodecEndsTheConnectionOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, mem.Options{}, nil)
		t.Cleanup(func() { time.Sleep(2 * storeTimeout) })
		r.until("live", live)
		r.cancel()
		<-r.done
		c := r.Supervisor.codec
		var line *mem.Port
		r.opener = mem.NewOpener(mem.Options{}, func(d *mem.Port) { line = d; go r.plate.run(d) })
		r.line = r.opener
		r.begin(r.typ(), 0, func(s *Supervisor) { s.codec = brittle{c} })
		r.until("live", live)
		before := r.Status().Counts.Reconnects
		_ = line.Send([]byte{7}, transport.Stream)
		st := r.until("live again", func(st edge.Status) bool {
			return live(st) && st.Counts.Reconnects > before && st.Safe == edge.SafeConfirmed
		})
		if st.Counts.Reconnects != before+1 {
			t.Errorf("%+v", st.Counts)
		}
	})
}
