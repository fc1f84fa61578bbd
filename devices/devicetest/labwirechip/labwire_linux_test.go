package labwirechip

import (
	"math"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"labbox/firmware-protocols/labwire"
)

func TestOnTheChip(t *testing.T) {
	dir := build(t)
	for name, test := range map[string]func(*testing.T, string){
		"a thousand rows a second": sampler, "garbage both ways": garbage, "dead-man": deadMan, "reset in mid-frame": reset, "opened in mid-frame": reopened,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, dir)
		})
	}
}

// witness compares the sketch's own count with the row numbers. A row that was not taken is in the numbers only; a
// count that jumps by more than the numbers is a gap that was hidden.
type witness struct {
	t        *testing.T
	b        *box
	rows     uint64
	lost     uint64
	lastRow  uint32
	lastUS   uint64
	count    float64
	started  bool
	a0       float64
	unbroken bool // no gap may be there at all
}

func watch(b *box) *witness {
	w := &witness{t: b.t, b: b}
	b.samples = w.samples
	return w
}

func (w *witness) samples(m *labwire.Message) {
	s := &m.Samples
	if s.Stale {
		return
	}
	w.rows += uint64(s.Rows)
	if w.started {
		w.lost += uint64(s.LostRows)
	}
	for i := range s.Rows {
		row, us, count := s.First+uint32(i), s.TimeUS+uint64(i)*uint64(s.StepUS), s.Columns[3][i]
		if w.started {
			dr, dc := float64(row-w.lastRow), count-w.count
			if dc <= 0 {
				dc += 65535
			}
			if dc > dr || i > 0 && dc != 1 || w.unbroken && dc != dr {
				w.t.Errorf("row %d: the count went on by %g, the rows by %g", row, dc, dr)
			}
			if i == 0 && uint32(dr) != s.LostRows+1 || float64(us-w.lastUS) != 1000*dr {
				w.t.Errorf("row %d: %g rows and %d us on, %d lost", row, dr, us-w.lastUS, s.LostRows)
			}
		}
		w.lastRow, w.lastUS, w.count, w.started = row, us, count, true
		w.a0 = s.Columns[0][i]
	}
}

// 1 kHz of four int16 at 115200 Bd for 20 s: each row is there, or counted.
func sampler(t *testing.T, dir string) {
	b := start(t, elf(dir, "sampler"))
	b.chip.SetADC(0, 2500)
	b.hello()
	w := watch(b)
	b.fast()
	from := b.chip.Now()
	b.live(10 * time.Second)
	if r := b.command("switch", 1); !r.OK() {
		t.Errorf("switch: %v", r.Code)
	}
	b.live(10500 * time.Millisecond)
	took := b.chip.Now() - from
	b.until(labwire.AppendSafe(nil), func(m *labwire.Message) bool {
		if m.Kind == labwire.KindStatus && m.Status.Safe {
			t.Logf("%v on the chip: %d rows, %d counted as lost, the device says it missed %d", took, w.rows, w.lost, m.Status.Missed)
			if uint64(m.Status.Missed) != w.lost {
				t.Errorf("the device missed %d rows, the box counts %d", m.Status.Missed, w.lost)
			}
			return true
		}
		return false
	})
	s, st := b.dec.Stats(), b.chip.Stats()
	t.Logf("%d bytes, %.0f a second; %+v", st.TxBytes, float64(s.Bytes)/took.Seconds(), s)
	if w.rows < 20000 || w.lost > w.rows/1000 || s.LostFrames != 0 || s.Garbage != 0 || st.TxLost != 0 {
		t.Errorf("%d rows, %d lost, %+v", w.rows, w.lost, s)
	}
	if v := b.dict.Channels[0].Shown(w.a0); math.Abs(v-2.5) > 0.02 {
		t.Errorf("2.5 V reads %g", v)
	}
}

// Bytes are changed, lost and added in both directions: no value is wrong, no gap hidden, and the device obeys.
func garbage(t *testing.T, dir string) {
	b := start(t, elf(dir, "sampler"))
	b.hello()
	w := watch(b)
	b.fast()
	random := rand.New(rand.NewPCG(4, 115200))
	spoiled := 0
	b.spoil = func(p []byte) []byte {
		if len(p) == 0 || random.IntN(40) > 0 {
			return p
		}
		spoiled++
		at := random.IntN(len(p))
		switch random.IntN(3) {
		case 0:
			p[at] ^= byte(1 + random.IntN(255))
			return p
		case 1:
			return append(p[:at:at], p[min(len(p), at+1+random.IntN(30)):]...)
		default:
			noise := make([]byte, random.IntN(40))
			for i := range noise {
				noise[i] = byte(random.IntN(256))
			}
			return append(append(p[:at:at], noise...), p[at:]...)
		}
	}
	for range 40 {
		noise := make([]byte, random.IntN(100))
		for i := range noise {
			noise[i] = byte(random.IntN(256))
		}
		b.send(noise)
		on := float64(random.IntN(2))
		if r := b.command("switch", on); !r.OK() {
			t.Fatalf("after noise: %v", r.Code)
		}
		if level, _ := b.chip.Pin('D', 6); level != (on == 1) {
			t.Fatalf("the switch is %v after %g", level, on)
		}
		b.live(50 * time.Millisecond)
	}
	s := b.dec.Stats()
	t.Logf("%d times spoiled: %d rows, %d lost; %+v", spoiled, w.rows, w.lost, s)
	if w.lost == 0 || s.Garbage == 0 || w.rows < 1000 {
		t.Error("the garbage proves nothing")
	}
}

// The heater goes off by itself, by the chip's clock, one second after the last message.
func deadMan(t *testing.T, dir string) {
	b := start(t, elf(dir, "plate"))
	if n := b.chip.PinChanges('B', 1); n != 0 {
		t.Errorf("the heater moved %d times at boot", n)
	}
	b.hello()
	for _, typed := range []bool{false, true} {
		hold := time.Second
		if typed {
			hold = 10 * time.Second
			b.send([]byte("\nset power 100\n"))
			b.until(nil, func(m *labwire.Message) bool { return m.Kind == labwire.KindText && string(m.Raw) == "ok" })
		} else if r := b.command("power", 100); !r.OK() {
			t.Fatalf("power: %v", r.Code)
		}
		level, on := b.chip.Pin('B', 1)
		if !level {
			t.Fatal("the heater is off")
		}
		if !typed {
			b.live(3 * time.Second) // pings keep it on
			if n := b.chip.PinChanges('B', 1); n != 1 {
				t.Fatalf("the heater changed %d times while the box was there", n)
			}
			b.command("power", 100) // the last message
			on = b.chip.Now()
		}
		off := b.chip.WaitPin('B', 1, false, hold+2*time.Second)
		t.Logf("typed %v: off %v after the last message", typed, off-on)
		if silence := off - on; silence < hold-60*time.Millisecond || silence > hold+60*time.Millisecond {
			t.Errorf("typed %v: off after %v", typed, silence)
		}
		b.until(nil, func(m *labwire.Message) bool {
			return m.Event.Cause == labwire.DeadMan || string(m.Raw) == "!safe deadman"
		})
	}
	b.hello()
	b.command("power", 100)
	b.chip.Reset()
	if level, _ := b.chip.Pin('B', 1); level {
		t.Error("the heater is on in reset")
	}
}

// A reset in mid-frame is seen, and the device met anew; no row is mistaken for one of the earlier stream.
func reset(t *testing.T, dir string) {
	b := start(t, elf(dir, "sampler"))
	b.hello()
	for range 5 {
		w := watch(b)
		b.fast()
		b.live(300 * time.Millisecond)
		if w.rows == 0 {
			t.Fatal("no rows")
		}
		b.chip.Reset()
		b.until(nil, func(m *labwire.Message) bool { return m.Kind == labwire.KindText && m.Boot })
		b.samples = nil
		if h := b.hello(); h.UptimeMS > 5000 || !h.Safe {
			t.Errorf("%+v", h)
		}
	}
}

// A port that is opened in the middle of a frame takes the next one.
func reopened(t *testing.T, dir string) {
	b := start(t, elf(dir, "sampler"))
	b.hello()
	b.fast()
	for range 20 {
		b.live(30 * time.Millisecond)
		b.port.Close()
		b.open()
		w := watch(b)
		for end := b.chip.Now() + 5*time.Second; w.rows == 0 && b.chip.Now() < end; {
			b.read()
		}
		if s := b.dec.Stats(); w.rows == 0 || s.Garbage != 0 || s.LostRows != 0 {
			t.Fatalf("%d rows, %+v", w.rows, s)
		}
	}
	if _, err := os.Stat(b.chip.Path()); err != nil {
		t.Fatal(err)
	}
}
