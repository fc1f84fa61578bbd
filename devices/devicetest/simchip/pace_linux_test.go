package simchip

import (
	"errors"
	"os"
	"testing"
	"time"
)

func TestPauseStopsTimeAndBytes(t *testing.T) {
	t.Parallel()
	c := Start(t, Options{Baud: 9600})
	p := dial(t, c)
	p.reboot(c)
	c.Pause()
	before := c.Stats()
	if before.Simulated != c.Now() {
		t.Error("time goes on while paused")
	}
	// 20 512 bytes on Linux 6.18: the driver's 4 kB line buffer and the pty's own.
	held := fill(t, p, []byte("0123456789abcde\n"))
	if held < 4096 {
		t.Errorf("the kernel's buffer took %d bytes", held)
	}
	c.Resume()
	c.Advance(time.Second)
	c.Pause()
	after := c.Stats()
	taken := int(after.RxBytes - before.RxBytes)
	rate := float64(taken) / (after.Simulated - before.Simulated).Seconds()
	if rate < 930 || rate > 963 { // 9615 Bd, 10 bits a byte, and the time to take it
		t.Errorf("the chip took %.0f bytes/s of %d waiting, want 930 to 963", rate, held)
	}
	// The kernel gives room back in steps of up to 8 kB.
	if free := fill(t, p, []byte("y")); free > taken+8192 {
		t.Errorf("the kernel's buffer has %d bytes free after the chip took %d: the harness reads ahead", free, taken)
	}
}

// fill writes until the kernel has no more room and returns how much it took.
func fill(t *testing.T, p *term, what []byte) int {
	t.Helper()
	total := 0
	for {
		p.f.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
		n, err := p.f.Write(what)
		total += n
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return total
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// until polls the counters until the chip is as asked; its own time may be standing still.
func until(t *testing.T, c *Chip, what string, is func(Stats) bool) Stats {
	t.Helper()
	for end := time.Now().Add(readTimeout); ; time.Sleep(5 * time.Millisecond) {
		s := c.Stats()
		if is(s) {
			return s
		}
		if time.Now().After(end) {
			t.Fatalf("%s: never; %+v", what, s)
		}
	}
}

func TestTimeWaitsForASlowReader(t *testing.T) {
	t.Parallel()
	c := Start(t, Options{})
	p := dial(t, c)
	p.reboot(c)
	until(t, c, "held", func(s Stats) bool { return s.Held > 0 || s.TxBytes > 40000 })
	for want := uint32(0); want < 500; want++ { // 27 kB, more than the kernel holds
		if r := p.report(); *r.N != want {
			t.Fatalf("n = %d, want %d", *r.N, want)
		}
	}
	if s := c.Stats(); s.Held == 0 || s.TxLost > 4096 {
		t.Errorf("%+v: time did not wait", s)
	}
}

func TestLossyChipLosesWhatASlowReaderLeaves(t *testing.T) {
	t.Parallel()
	c := Start(t, Options{Lossy: true})
	p := dial(t, c)
	p.reboot(c)
	lost := c.Stats().TxLost
	until(t, c, "lost bytes", func(s Stats) bool { return s.TxLost > lost+1000 })
	gap, last := false, p.report()
	for range 500 {
		s := p.line()
		r, ok := parseReport(s)
		if !ok {
			continue // the line in which the loss began
		}
		gap = gap || *r.N != *last.N+1
		last = r
	}
	if !gap {
		t.Error("no gap in 500 reports")
	}
	if s := c.Stats(); s.Held != 0 {
		t.Errorf("a lossy chip waited for %v", s.Held)
	}
}
