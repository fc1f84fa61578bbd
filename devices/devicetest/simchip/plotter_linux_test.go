package simchip

import (
	"errors"
	"fmt"
	"math"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

func TestPlotterPrintsFiftyLinesASecond(t *testing.T) {
	t.Parallel()
	c := Start(t, Options{Firmware: "plotter"})
	c.SetADC(0, 2500)
	c.Advance(2 * time.Second) // the filter settles, the lines have one length
	checkPlotter(t, c)
}

// TestHexFile runs the same sketch from a plain hex file, as third-party firmware comes.
func TestHexFile(t *testing.T) {
	t.Parallel()
	_, elf, err := build(t, Options{Firmware: "plotter"})
	if err != nil {
		refuse(t, err)
	}
	hex := filepath.Join(t.TempDir(), "sketch.hex")
	if out, err := exec.Command("avr-objcopy", "-O", "ihex", "-R", ".eeprom", elf, hex).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	c := Start(t, Options{Firmware: hex})
	c.SetADC(0, 2500)
	c.Advance(2 * time.Second)
	checkPlotter(t, c)
}

func checkPlotter(t *testing.T, c *Chip) {
	t.Helper()
	p := dial(t, c)
	p.line()
	s := p.line()
	var low, raw int
	var filtered float64
	if n, err := fmt.Sscanf(s, "Min:%d\traw:%d\tfiltered:%g", &low, &raw, &filtered); n != 3 {
		t.Fatalf("%q: %v", s, err)
	}
	if low != 0 || raw != 511 || math.Abs(filtered-511) > 1 {
		t.Errorf("%q at 2500 mV", s)
	}
	// Lines per second of the chip's own time, from its own count of bytes.
	before := c.Stats()
	c.Advance(2 * time.Second)
	after := c.Stats()
	lines := float64(after.TxBytes-before.TxBytes) / float64(len(s)+2)
	if rate := lines / (after.Simulated - before.Simulated).Seconds(); rate < 49 || rate > 51 {
		t.Errorf("%.1f lines/s, want 50", rate)
	}
}

func TestMissingToolsAreNamed(t *testing.T) {
	t.Parallel()
	if err := compileError("x", []byte("plate.c:14:10: fatal error: avr/io.h: No such file"), nil); !errors.Is(err, errMissing) {
		t.Errorf("%v is no missing package", err)
	}
	if err := compileError("x", []byte("plate.c:14:10: error: expected ';'"), nil); errors.Is(err, errMissing) {
		t.Errorf("%v passes for a missing package", err)
	}
	if _, err := compile(t.TempDir(), "x", t.TempDir(), []string{"no-such-compiler"}, nil); !errors.Is(err, errMissing) {
		t.Errorf("%v is no missing package", err)
	}
}
