package main

import (
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"labbox/devices/devicetest/simchip"
)

// An emergency stop under load: 300 watchers of a device at 1 kHz in another
// process, commands queued up faster than a line of 9600 baud carries them. From
// the request to the heater's pin there is the time of one message on the line,
// and 20 ms. The chip's own clock tells.
func TestStopUnderLoad(t *testing.T) {
	const (
		stops   = 100
		message = 17 * 10 * time.Second / 9600 // a line feed and {"cmd":"safe"} with its own
		most    = message + 20*time.Millisecond
	)
	file, err := filepath.Abs("testdata/box/fast.yaml")
	if err != nil {
		t.Fatal(err)
	}
	chip := simchip.Start(t, simchip.Options{Firmware: "plate", Baud: 9600})
	b := startRelease(t, t.TempDir(), plateBox(chip, 9600)+fmt.Sprintf("  - {id: fast, type: %q, port: {sim: true}}\n", file))
	b.until("fast", "live", isLive)
	p, q := b.panel("Ann"), b.panel("Bob")
	fence := heat(t, b, chip, p)
	w := startWatchers(t, 300, 10*time.Minute, "fast", b.url)
	defer func() { _ = w.cmd.Process.Kill() }()
	again := false
	round := 0
	measure := func() (took []time.Duration) {
		round++
		for i := range stops {
			if again {
				p.ok(map[string]any{"op": "resume", "device": "plate"})
				b.until("plate", "live", isLive)
				p.until("duty", func() bool {
					return p.command("plate", "duty", fence, map[string]any{"duty": 40}).Op == "ok"
				})
			}
			p.mu.Lock()
			tick := p.tick
			p.mu.Unlock()
			again = true
			for k := range 20 {
				p.send(map[string]any{"id": 1000 + k, "op": "cmd", "device": "plate", "name": "duty", "args": map[string]any{"duty": 50 + k%2},
					"key": fmt.Sprintf("flood%d:%d:%d", round, i, k), "fence": fence, "tick": tick})
			}
			chip.Advance(time.Duration(10+7*i%40) * time.Millisecond) // at any moment of the line
			pressed := chip.Now()
			done := make(chan string, 1)
			go func() {
				res, err := q.http.Post(b.url+"/api/v1/devices/plate/estop", "application/json", nil)
				if err != nil {
					done <- err.Error()
					return
				}
				defer res.Body.Close()
				body, _ := io.ReadAll(res.Body)
				if res.StatusCode != http.StatusOK || !strings.Contains(string(body), `"confirmed":true`) {
					done <- fmt.Sprintf("%s %s", res.Status, body)
					return
				}
				done <- ""
			}()
			took = append(took, chip.WaitPin(heaterPort, heaterBit, false, 2*time.Second)-pressed)
			if said := <-done; said != "" {
				t.Fatalf("stop %d: %s", i, said)
			}
		}
		slices.Sort(took)
		return took
	}
	// The machine may be busy with other tests: one quiet minute of three will do.
	for {
		took := measure()
		p99 := took[len(took)*99/100-1]
		fmt.Printf("emergency stop to the pin at 9600 baud, 300 watchers of 1 kHz: median %v, p99 of %d %v (allowed %v)\n",
			took[len(took)/2].Round(100*time.Microsecond), stops, p99.Round(100*time.Microsecond), most.Round(100*time.Microsecond))
		if p99 <= most {
			return
		}
		if round == 3 {
			t.Fatalf("p99 %v, want %v", p99, most)
		}
	}
}

// until tries again for ten seconds.
func (p *panel) until(what string, ok func() bool) {
	p.t.Helper()
	for end := time.Now().Add(10 * time.Second); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			p.t.Fatalf("not within 10 s: %s", what)
		}
	}
}
