package main

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"labbox/devices/devicetest/simchip"
	"labbox/edge"
)

// Real firmware on a simulated ATmega328P behind a real pty, and labbox as a
// process of its own. Safe is what the chip's pins say: PD4 is the heater.
// Durations are the chip's own.

const heaterPort, heaterBit = 'D', 4

func plateBox(chip *simchip.Chip, baud int) string {
	return fmt.Sprintf(`schema: 1
box: bench
devices:
  - {id: plate, type: plate, port: {path: %q, baud: %d}}
`, chip.Path(), baud)
}

func heater(t *testing.T, chip *simchip.Chip) bool {
	t.Helper()
	on, _ := chip.Pin(heaterPort, heaterBit)
	return on
}

// heat takes control and turns the heater on; the device itself confirms.
func heat(t *testing.T, b *box, chip *simchip.Chip, p *panel) uint64 {
	t.Helper()
	b.until("plate", "live", isLive)
	fence := p.take("plate")
	r := p.command("plate", "duty", fence, map[string]any{"duty": 40})
	if r.Op != "ok" || !strings.Contains(string(r.Args), `"outcome":"confirmed"`) {
		t.Fatalf("duty: %s %s %s", r.Code, r.Msg, r.Args)
	}
	if !heater(t, chip) {
		t.Fatal("the command is confirmed, but the heater's pin is low")
	}
	return fence
}

func TestChipToBrowser(t *testing.T) {
	chip := simchip.Start(t, simchip.Options{Firmware: "plate"})
	b := startBox(t, t.TempDir(), plateBox(chip, 115200))
	p := b.panel("Ann")
	b.until("plate", "live", isLive)
	p.ok(map[string]any{"op": "subscribe", "device": "plate"})
	fence := heat(t, b, chip, p)
	p.ok(map[string]any{"op": "run.start", "device": "plate", "name": "warm up"})
	start := chip.Now()
	for chip.Now()-start < 3*time.Second {
		chip.Advance(100 * time.Millisecond)
	}
	for _, bad := range []any{101, -1, "x", 1e300, nil} {
		if r := p.command("plate", "duty", fence, map[string]any{"duty": bad}); r.Op == "ok" {
			t.Errorf("duty %v passed", bad)
		}
	}
	run := b.status("plate").Run
	p.ok(map[string]any{"op": "run.stop", "device": "plate", "run": run})
	p.ok(map[string]any{"op": "release", "device": "plate", "fence": fence})
	chip.WaitPin(heaterPort, heaterBit, false, 2*time.Second)

	n, gaps := p.samples()
	if n < 250 || gaps > 0 || p.lost > 0 {
		t.Errorf("%d samples, %d gaps, %d lost; want 300 and none", n, gaps, p.lost)
	}
	st := b.until("plate", "live again", isLive)
	if st.Counts.Lost != 0 || st.Counts.Garbage != 0 {
		t.Errorf("counts %+v", st.Counts)
	}
	res, err := p.http.Get(b.url + "/api/v1/runs/" + run + ".csv")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	csv, _ := io.ReadAll(res.Body)
	if rows := strings.Count(string(csv), "\n"); res.StatusCode != http.StatusOK || rows < 250 || !strings.Contains(string(csv), "temp_Cel") {
		t.Errorf("csv: %s, %d rows\n%.600s", res.Status, rows, csv)
	}
}

// The browser dies without a word: within the grace the heater goes off.
func TestBrowserVanishes(t *testing.T) {
	for _, baud := range []int{115200, 9600} {
		t.Run(fmt.Sprint(baud), func(t *testing.T) {
			chip := simchip.Start(t, simchip.Options{Firmware: "plate", Baud: baud})
			b := startBox(t, t.TempDir(), plateBox(chip, baud))
			p := b.panel("Ann")
			heat(t, b, chip, p)
			gone := chip.Now()
			p.vanish()
			at := chip.WaitPin(heaterPort, heaterBit, false, 6*time.Second)
			t.Logf("heater off %v after the browser died (grace 2s)", at-gone)
			if at-gone > 2*time.Second+750*time.Millisecond {
				t.Errorf("heater off only %v after the browser died", at-gone)
			}
			b.until("plate", "live and safe", func(st edge.Status) bool { return isLive(st) && st.Safe == edge.SafeConfirmed })
		})
	}
}

// The box is killed and started again: the heater goes off, by the firmware's
// own watchdog or by the new box, whoever is first.
func TestBoxKilledAndRestarted(t *testing.T) {
	for _, baud := range []int{115200, 9600} {
		t.Run(fmt.Sprint(baud), func(t *testing.T) {
			chip := simchip.Start(t, simchip.Options{Firmware: "plate", Baud: baud})
			data, file := t.TempDir(), plateBox(chip, baud)
			b := startBox(t, data, file)
			p := b.panel("Ann")
			fence := heat(t, b, chip, p)
			b.kill()
			killed := chip.Now()
			if !heater(t, chip) {
				t.Fatal("the heater is off before anybody could have done it")
			}
			b = startBox(t, data, file)
			restarted := chip.Now()
			at := chip.WaitPin(heaterPort, heaterBit, false, 4*time.Second)
			t.Logf("heater off %v after the kill, %v after the restart", at-killed, at-restarted)
			if at-restarted > time.Second {
				t.Errorf("heater off only %v after the restart", at-restarted)
			}
			b.until("plate", "live and safe", func(st edge.Status) bool { return isLive(st) && st.Safe == edge.SafeConfirmed })
			// Ann drove, and is the next for ten seconds more; a teacher need not wait.
			b.panel("Bob").ok(map[string]any{"op": "take", "device": "plate", "over": true})
			st := b.until("plate", "Bob's", func(st edge.Status) bool { return st.Lease != nil && st.Lease.Holder.Name == "Bob" })
			if again := st.Lease.Fence; again <= fence {
				t.Errorf("fencing number went from %d to %d over kill -9", fence, again)
			}
		})
	}
}

// The cable is pulled and put back while the heater is on.
func TestChipUnpluggedAndBack(t *testing.T) {
	chip := simchip.Start(t, simchip.Options{Firmware: "plate"})
	b := startBox(t, t.TempDir(), plateBox(chip, 115200))
	b.until("plate", "live", isLive)
	p := b.panel("Ann")
	p.ok(map[string]any{"op": "subscribe", "device": "plate"})
	for range 3 {
		heat(t, b, chip, p)
		chip.HangUp()
		b.until("plate", "absent", func(st edge.Status) bool { return st.State == edge.StateAbsent || st.State == edge.StateOpening })
		chip.Plug()
		b.until("plate", "live and safe", func(st edge.Status) bool { return isLive(st) && st.Safe == edge.SafeConfirmed })
		if heater(t, chip) {
			t.Fatal("live again, and the heater is on")
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.lost == 0 {
		t.Error("three hang-ups and no gap was declared")
	}
}

// The box stops in good order: the heater is off before the process has ended.
func TestBoxStopsSafely(t *testing.T) {
	chip := simchip.Start(t, simchip.Options{Firmware: "plate"})
	b := startBox(t, t.TempDir(), plateBox(chip, 115200))
	heat(t, b, chip, b.panel("Ann"))
	if err := b.stop(); err != nil {
		t.Errorf("exit: %v\n%s", err, b.log)
	}
	if heater(t, chip) {
		t.Error("labbox has ended, and the heater is on")
	}
}

// At 9600 baud, with commands queued up faster than the line carries them, the
// emergency stop goes first.
func TestStopAtFullQueue(t *testing.T) {
	chip := simchip.Start(t, simchip.Options{Firmware: "plate", Baud: 9600})
	b := startBox(t, t.TempDir(), plateBox(chip, 9600))
	p := b.panel("Ann")
	fence := heat(t, b, chip, p)
	for i := range 40 {
		p.send(map[string]any{"id": 1000 + i, "op": "cmd", "device": "plate", "name": "duty", "args": map[string]any{"duty": 50 + i%2},
			"key": fmt.Sprint("flood", i), "fence": fence, "tick": p.tick})
	}
	q := b.panel("Bob")
	pressed := chip.Now()
	done := make(chan reply, 1)
	go func() { done <- q.ask(map[string]any{"op": "estop", "device": "plate"}) }()
	at := chip.WaitPin(heaterPort, heaterBit, false, 2*time.Second)
	t.Logf("heater off %v after the stop was pressed", at-pressed)
	if at-pressed > 300*time.Millisecond {
		t.Errorf("heater off only %v after the stop was pressed", at-pressed)
	}
	if r := <-done; r.Op != "ok" || !strings.Contains(string(r.Args), `"confirmed":true`) {
		t.Errorf("stop: %s %s %s", r.Code, r.Msg, r.Args)
	}
	chip.Advance(500 * time.Millisecond)
	if heater(t, chip) {
		t.Error("a queued command turned the heater on after the stop")
	}
}
