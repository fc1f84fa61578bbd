package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"labbox/devices/devicetest/simchip"
	"labbox/edge"
)

// labwireChip runs an example sketch of the labwire library on a simulated chip.
func labwireChip(t *testing.T, sketch string) *simchip.Chip {
	t.Helper()
	missing := t.Skipf
	if os.Getenv("LABBOX_REQUIRE_PEERS") == "1" {
		missing = t.Fatalf
	}
	if _, err := os.Stat("/usr/share/arduino/hardware/arduino/avr/cores/arduino/Arduino.h"); err != nil {
		missing("no Arduino core; on Debian: apt-get install --no-install-recommends arduino-core-avr")
	}
	for _, tool := range []string{"make", "avr-g++"} {
		if _, err := exec.LookPath(tool); err != nil {
			missing("no %s; on Debian: apt-get install --no-install-recommends make gcc-avr avr-libc binutils-avr", tool)
		}
	}
	out := t.TempDir()
	elf := filepath.Join(out, sketch+".elf")
	if text, err := exec.Command("make", "-s", "-C", "../../firmware-protocols/labwire/firmware/extras", "OUT="+out, elf).CombinedOutput(); err != nil {
		t.Fatalf("make: %v\n%s", err, text)
	}
	return simchip.Start(t, simchip.Options{Firmware: elf, ResetOnOpen: true})
}

func labwireBox(chip *simchip.Chip, more string) string {
	return fmt.Sprintf(`schema: 1
box: bench
devices:
  - {id: plate, type: labwire, port: {path: %q}%s}
`, chip.Path(), more)
}

// A sketch that nobody wrote a file for: its panel, its limits and its safe state
// appear by themselves, and hold.
func TestChipThatDescribesItself(t *testing.T) {
	chip := labwireChip(t, "plate")
	b := startBox(t, t.TempDir(), labwireBox(chip, ", limits: {power.power: {max: 60}}"))
	defer b.kill()
	p := b.panel("Ann")
	b.until("plate", "live", isLive)
	p.ok(map[string]any{"op": "subscribe", "device": "plate"})
	fence := p.take("plate")
	for _, tooMuch := range []float64{101, 61} { // the firmware's limit, and the bench's
		if r := p.command("plate", "power", fence, map[string]any{"power": tooMuch}); r.Code != edge.CodeOutOfRange {
			t.Errorf("power %g: %s %s", tooMuch, r.Op, r.Code)
		}
	}
	r := p.command("plate", "power", fence, map[string]any{"power": 40})
	if r.Op != "ok" || !strings.Contains(string(r.Args), `"outcome":"confirmed"`) {
		t.Fatalf("power: %s %s %s", r.Code, r.Msg, r.Args)
	}
	start := chip.Now()
	for chip.Now()-start < time.Second {
		chip.Advance(50 * time.Millisecond)
	}
	if !warm(chip) {
		t.Fatal("the command is confirmed, but nothing comes out of the heater's pin")
	}
	// Its driver dies: the box makes it safe within the grace.
	p.vanish()
	vanished := chip.Now()
	b.until("plate", "away and safe", func(st edge.Status) bool {
		return isLive(st) && st.Safe == edge.SafeConfirmed && (st.Lease == nil || st.Lease.Away)
	})
	if took := chip.Now() - vanished; took > 4*time.Second {
		t.Errorf("safe after %v of the chip's clock", took)
	}
	for range 4 {
		chip.Advance(50 * time.Millisecond)
	}
	if warm(chip) {
		t.Error("safe is confirmed, but the heater is driven")
	}
	// Unplugged and back: the same panel, at once safe.
	chip.HangUp()
	b.until("plate", "absent", func(st edge.Status) bool { return st.State == edge.StateAbsent || st.State == edge.StateOpening })
	chip.Plug()
	st := b.until("plate", "back", func(st edge.Status) bool { return isLive(st) && st.Safe == edge.SafeConfirmed })
	if st.Type != "plate" {
		t.Errorf("it came back as %s", st.Type)
	}
}

// warm says whether the heater's pin (PB1) is driven: by timer 1, which then has
// its output A connected (TCCR1A, 0x80), or as a plain high level.
func warm(chip *simchip.Chip) bool {
	level, _ := chip.Pin('B', 1)
	return level || chip.Peek(0x80)&0x80 != 0 && chip.Peek(0x88) > 0
}

// 1 kHz x 4 through a serial line, a box and a websocket: nothing is lost that is
// not told.
func TestFastChipThatDescribesItself(t *testing.T) {
	chip := labwireChip(t, "sampler")
	b := startBox(t, t.TempDir(), strings.Replace(labwireBox(chip, ""), "id: plate", "id: sampler", 1))
	defer b.kill()
	p := b.panel("Ann")
	b.until("sampler", "live", isLive)
	before := b.status("sampler").Counts
	p.ok(map[string]any{"op": "subscribe", "device": "sampler"})
	start := chip.Now()
	for chip.Now()-start < 8*time.Second {
		chip.Advance(100 * time.Millisecond)
	}
	st := b.status("sampler").Counts
	n, gaps := p.samples()
	t.Logf("%d samples in %v of the chip's time, %d of them seen by a panel", st.Samples-before.Samples, chip.Now()-start, n)
	if got := st.Samples - before.Samples; got < 6500 || // the status is a second old
		st.Lost > before.Lost || st.Garbage > before.Garbage {
		t.Errorf("%d samples in 8 s, %+v", got, st)
	}
	if n < 7500 || gaps > 0 || p.lost > 0 {
		t.Errorf("panel: %d samples, %d gaps, %d lost", n, gaps, p.lost)
	}
}
