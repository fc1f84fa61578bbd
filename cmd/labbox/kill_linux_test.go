package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"labbox/devices/devicetest/simchip"
	"labbox/edge"
)

// Browsers and boxes that are killed, again and again, on the example firmware on
// a simulated chip behind a real pty: when the heater's pin goes low is the chip's
// own word.

const (
	kills     = 20
	killGrace = 400 * time.Millisecond
)

// killPlate is the plate's type with short graces; the firmware's own watchdog
// takes 2 s, so that it is the box that makes it safe.
func killPlate(t *testing.T, chip *simchip.Chip) string {
	t.Helper()
	text, err := os.ReadFile("../../devices/catalog/plate.yaml")
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "plate.yaml")
	if err := os.WriteFile(name, fmt.Appendf(text, "\ngrace: %v\nkeep: %v\n", killGrace, 2*killGrace), 0o600); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("schema: 1\nbox: bench\ndevices:\n  - {id: plate, type: %q, port: {path: %q}}\n", name, chip.Path())
}

func worst(t *testing.T, what string, took []time.Duration, most time.Duration) {
	t.Helper()
	slices.Sort(took)
	round := func(d time.Duration) time.Duration { return d.Round(time.Millisecond) }
	fmt.Printf("%s: median %v, worst of %d %v (allowed %v)\n", what, round(took[len(took)/2]), len(took), round(took[len(took)-1]), most)
	if last := took[len(took)-1]; last > most {
		t.Errorf("%s: %v, want %v at most", what, last, most)
	}
}

func free(st edge.Status) bool {
	return isLive(st) && st.Lease == nil && st.Safe == edge.SafeConfirmed
}

// The browser is killed with SIGKILL: the heater is off within the grace and 250 ms.
func TestBrowserKilled(t *testing.T) {
	chip := simchip.Start(t, simchip.Options{Firmware: "plate"})
	b := startBox(t, t.TempDir(), killPlate(t, chip))
	const most = killGrace + 250*time.Millisecond
	var took []time.Duration
	early := 0
	gone := func(kill func()) {
		on, at := heater(t, chip), chip.Now()
		kill()
		if on {
			took = append(took, chip.WaitPin(heaterPort, heaterBit, false, 3*time.Second)-at)
			return
		}
		// A machine that is too busy for a heartbeat in time is a reason to be safe, too.
		if early++; early > 3 {
			t.Fatal("the driver says that it drives, but the heater's pin is low")
		}
	}
	for i := 0; len(took) < kills-2; i++ {
		b.until("plate", "free", free)
		d := startDriver(t, b.url, fmt.Sprint("Ann", i))
		// At any moment between two heartbeats.
		chip.Advance(time.Duration(i*13) * time.Millisecond)
		gone(func() { _ = d.Process.Kill(); _ = d.Wait() })
	}
	worst(t, "a websocket's process killed, heater off", took, most)

	took = nil
	for len(took) < 2 {
		b.until("plate", "free", free)
		web := openBrowser(t)
		tb := web.tab(b, desktop)
		tb.open(strings.Replace(pendulumPage, "pendulum", "plate", 1))
		tb.join("Ann")
		tb.press("button", "Take control")
		tb.untilText(".turn", "You are driving")
		tb.write("form[aria-label='Set heater'] input", "40")
		tb.press("form[aria-label='Set heater'] button", "Send")
		tb.untilText("form[aria-label='Set heater'] .result", "Confirmed")
		process := chromedp.FromContext(web.ctx).Browser.Process()
		gone(func() { _ = process.Kill() })
	}
	worst(t, "Chromium killed, heater off", took, most)
}

// The box is killed and started again: the heater is off within 500 ms of the
// moment at which it listens, if the chip's own watchdog was not faster.
func TestBoxKilledAgainAndAgain(t *testing.T) {
	chip := simchip.Start(t, simchip.Options{Firmware: "plate"})
	data, file := t.TempDir(), killPlate(t, chip)
	b := startBox(t, data, file)
	client := b.panel("Ann").http
	var took, watchdog []time.Duration
	var last uint64
	for i := range kills {
		b.until("plate", "live", isLive)
		p := dialPanel(t, b.url, client) // the seat that drove is the next in line
		p.until("a turn", func() bool { return p.ask(map[string]any{"op": "take", "device": "plate"}).Op == "ok" })
		fence := heat(t, b, chip, p)
		if fence <= last {
			t.Errorf("fencing number went from %d to %d over kill -9", last, fence)
		}
		last = fence
		chip.Advance(time.Duration(i*7) * time.Millisecond)
		p.vanish()
		b.kill()
		killed := chip.Now()
		b = startBoxAt(t, strings.TrimPrefix(b.url, "http://"), data, file)
		listens := chip.Now()
		off := chip.WaitPin(heaterPort, heaterBit, false, 3*time.Second)
		if off-killed > 1900*time.Millisecond && off-listens < 0 { // its watchdog
			watchdog = append(watchdog, off-killed)
			continue
		}
		took = append(took, max(0, off-listens))
	}
	if len(watchdog) > 0 {
		fmt.Printf("box killed -9: %d times the chip's own watchdog was faster than the restart: %v\n", len(watchdog), watchdog)
	}
	if len(took) < kills/2 {
		t.Fatalf("the box took more than 2 s to start %d times of %d", len(watchdog), kills)
	}
	worst(t, "box killed -9 and started again, heater off after it listens", took, 500*time.Millisecond)
}
