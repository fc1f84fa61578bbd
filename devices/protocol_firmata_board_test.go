package devices

import (
	"sync"
	"testing"
	"time"

	"labbox/devices/transport"
	"labbox/devices/transport/mem"
	"labbox/firmware-protocols/firmata"
)

// firmataBoard is a board at the far end of a line, with what a test does to it.
type firmataBoard struct {
	mu    sync.Mutex
	dev   *firmata.Device
	began time.Time
	port  *mem.Port
	deaf  bool
	twist func(in []byte) []byte // what arrives of what was sent
	got   []byte
}

func newFirmataBoard(t *testing.T, o firmata.DeviceOptions) *firmataBoard {
	t.Helper()
	d, err := firmata.NewDevice(o)
	if err != nil {
		t.Fatal(err)
	}
	return &firmataBoard{dev: d}
}

// do changes the board from outside, and has it say what it has to say.
func (b *firmataBoard) do(fn func(d *firmata.Device, now time.Duration)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.began.IsZero() {
		b.began = time.Now()
		b.dev.Boot(0)
		b.dev.Output()
	}
	fn(b.dev, time.Since(b.began))
	if out := b.dev.Output(); b.port != nil && len(out) > 0 {
		_ = b.port.Send(out, transport.Stream)
	}
}

func (b *firmataBoard) set(fn func()) { b.do(func(*firmata.Device, time.Duration) { fn() }) }

func (b *firmataBoard) pin(n int) (m firmata.Mode, v int) {
	b.do(func(d *firmata.Device, _ time.Duration) { m, v = d.Pin(n) })
	return m, v
}

func (b *firmataBoard) run(p *mem.Port) {
	b.set(func() { b.port = p })
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(10 * time.Millisecond):
				b.do(func(d *firmata.Device, now time.Duration) {
					if !b.deaf {
						d.Tick(now)
					}
				})
			}
		}
	}()
	buf := make([]byte, 1024)
	for {
		n, _, err := p.Receive(buf)
		if err != nil {
			return
		}
		b.do(func(d *firmata.Device, now time.Duration) {
			in := buf[:n]
			b.got = append(b.got, in...)
			if b.twist != nil {
				in = b.twist(in)
			}
			if !b.deaf {
				d.Feed(now, in)
			}
		})
	}
}

// moved says whether anything was sent that could move an output: a mode, a pin,
// a port, PWM.
func (b *firmataBoard) moved() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	sysex := false
	for _, c := range b.got {
		switch {
		case c == 0xF0 || c == 0xF7:
			sysex = c == 0xF0
		case !sysex && (c == 0xF4 || c == 0xF5 || c == 0xFF || c >= 0x90 && c < 0xA0 || c >= 0xE0 && c < 0xF0):
			return true
		}
	}
	return false
}

func withBoard(t *testing.T, typ *Type, o firmata.DeviceOptions, test func(t *testing.T, r *rig, b *firmataBoard)) {
	t.Helper()
	b := newFirmataBoard(t, o)
	inBubbleOf(t, typ, b.run, func(t *testing.T, r *rig) { test(t, r, b) })
}
