package devices

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"labbox/devices/transport"
	"labbox/devices/transport/mem"
	"labbox/edge"
	"labbox/firmware-protocols/gcode"
)

// stageEnd is a stage at the far end of a line, in the bubble's time.
type stageEnd struct {
	mu    sync.Mutex
	stage *gcode.Stage
	says  func(string) string // changes what it says; nil: as it is
	got   []byte
	port  *mem.Port
}

func newStageEnd(t *testing.T, o gcode.StageOptions) *stageEnd {
	t.Helper()
	if o.Min == o.Max {
		o.Max = [3]float64{100, 100, 50}
	}
	o.ReportBuffer = true
	s, err := gcode.NewStage(o)
	if err != nil {
		t.Fatal(err)
	}
	return &stageEnd{stage: s}
}

func (d *stageEnd) run(p *mem.Port) {
	d.mu.Lock()
	d.port = p
	out := d.stage.Start(nil)
	d.mu.Unlock()
	d.say(p, out)
	ended := make(chan struct{})
	go func() {
		last := time.Now()
		for {
			select {
			case <-ended:
				return
			case now := <-time.After(2 * time.Millisecond):
				d.mu.Lock()
				out := d.stage.Advance(now.Sub(last), nil)
				d.mu.Unlock()
				d.say(p, out)
				last = now
			}
		}
	}()
	buf := make([]byte, 512)
	for {
		n, _, err := p.Receive(buf)
		if err != nil {
			close(ended)
			return
		}
		d.mu.Lock()
		d.got = append(d.got, buf[:n]...)
		out := d.stage.Feed(buf[:n], nil)
		d.mu.Unlock()
		d.say(p, out)
	}
}

func (d *stageEnd) say(p *mem.Port, out []byte) {
	d.mu.Lock()
	if d.says != nil && len(out) > 0 {
		out = []byte(d.says(string(out)))
	}
	d.mu.Unlock()
	if len(out) > 0 {
		_ = p.Send(out, transport.Stream)
	}
}

func (d *stageEnd) do(f func(s *gcode.Stage)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f(d.stage)
}

func (d *stageEnd) saw() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return strings.ReplaceAll(string(d.got), "?", "")
}

func (d *stageEnd) at() (p [3]float64) {
	d.do(func(s *gcode.Stage) { p = s.Position() })
	return p
}

func (d *stageEnd) moving() (yes bool) {
	d.do(func(s *gcode.Stage) { yes = s.Moving() })
	return yes
}

// stageType is the catalogue's stage with commands that a stage refuses.
func stageType(t *testing.T) *Type {
	t.Helper()
	data, err := catalogFS.ReadFile("catalog/stage.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var many strings.Builder
	for i := range 40 {
		fmt.Fprintf(&many, "        - [\"G1X%d.%03dY%dZ0F3000\"]\n", i%50, i, 20+i%2)
	}
	text := strings.Replace(string(data), "commands:\n", `commands:
  - {id: unknown, label: {en: U}, send: {parts: ["G5"]}}
  - {id: outside, label: {en: O}, send: {parts: ["G21G90G0X500"]}}
  - {id: restart, label: {en: R}, send: {realtime: "\x18"}, reply: {ok: {banner: "*"}, within: 1s}}
  - {id: asks, label: {en: A}, send: {parts: ["$$"]}, reply: {ok: {$130: 100}}}
  - {id: asks-else, label: {en: A}, send: {parts: ["$$"]}, reply: {ok: {$130: 99}}}
  - {id: stumbles, label: {en: S}, send: {lines: [[G21G90G1X1F3000], [G1X2], [G5], [G1X4]]}, reply: {within: 3s}}
  - id: many
    label: {en: M}
    send:
      lines:
`+many.String()+"    reply: {within: 3s}\n", 1)
	typ, ps := ParseType("stage.yaml", []byte(text))
	if err := ps.Err(); err != nil {
		t.Fatal(err)
	}
	return typ
}

// withStage runs a test with a stage that is homed, and driven.
func withStage(t *testing.T, d *stageEnd, test func(r *rig, ask func(name string, args edge.Args) error)) {
	t.Helper()
	inBubbleOf(t, stageType(t), d.run, func(t *testing.T, r *rig) {
		r.until("live", live)
		f := r.take(ann)
		defer r.beats(ann, f)()
		test(r, func(name string, args edge.Args) error {
			res, err := r.cmd(ann, f, name, args)
			if err == nil && res.Outcome != edge.OutcomeConfirmed {
				t.Errorf("%s: %+v", name, res)
			}
			return err
		})
	})
}

func to(x, y, z, feed float64) edge.Args {
	return edge.Args{"x": edge.Number(x), "y": edge.Number(y), "z": edge.Number(z), "feed": edge.Number(feed)}
}

func TestAStageMovesWithinItsLimits(t *testing.T) {
	d := newStageEnd(t, gcode.StageOptions{Rate: 3000, HomeRate: 3000, Homing: true})
	withStage(t, d, func(r *rig, ask func(string, edge.Args) error) {
		if x := r.stream.shown("state"); x != 4 {
			t.Errorf("state %g before it was homed", x)
		}
		if err := ask("move", to(1, 1, 1, 1000)); edge.CodeOf(err) != edge.CodeDeviceRefused || !strings.Contains(err.Error(), "error:9: ") {
			t.Errorf("while it is locked: %v", err)
		}
		if err := ask("home", nil); err != nil {
			t.Fatal(err)
		}
		if err := ask("move", to(20, 30.5, 10.25, 3000)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		if p := d.at(); p != [3]float64{20, 30.5, 10.25} {
			t.Errorf("it is at %v", p)
		}
		for ch, want := range map[string]float64{"x": 20, "y": 30.5, "z": 10.25, "state": 0, "moving": 0} {
			if x := r.stream.shown(ch); x != want {
				t.Errorf("%s is %g, want %g", ch, x, want)
			}
		}
		if hz := r.Status().Stream.RateHz; math.Abs(hz-10) > 0.5 {
			t.Errorf("%g samples a second", hz)
		}
		before := d.saw()
		if err := ask("move", to(100.001, 0, 0, 1000)); edge.CodeOf(err) != edge.CodeOutOfRange || d.saw() != before {
			t.Errorf("beyond the range: %v", err)
		}
		if err := ask("unknown", nil); edge.CodeOf(err) != edge.CodeDeviceRefused || !strings.Contains(err.Error(), "error:20: "+gcode.ErrorText(20)) {
			t.Errorf("a line that it does not know: %v", err)
		}
		if err := ask("asks", nil); err != nil {
			t.Errorf("settings: %v", err)
		}
		if err := ask("asks-else", nil); edge.CodeOf(err) != edge.CodeDeviceRefused || !strings.Contains(err.Error(), "$130 100") {
			t.Errorf("other settings: %v", err)
		}
		// A reset that was asked for is no restart.
		if err := ask("restart", nil); err != nil || r.count("text", "text", "the device started again") != 0 {
			t.Errorf("reset: %v", err)
		}
		if st := r.Status(); st.Counts.Garbage > 0 || st.Counts.Lost > 0 {
			t.Errorf("%+v", st.Counts)
		}
		if err := ask("outside", nil); edge.CodeOf(err) != edge.CodeDeviceRefused || !strings.Contains(err.Error(), "ALARM:2: ") {
			t.Errorf("beyond its own limits: %v", err)
		}
		time.Sleep(time.Second)
		if x := r.stream.shown("state"); x != 4 {
			t.Errorf("state %g after an alarm", x)
		}
	})
}

// Pause stops a motion at once, though a line waits for its ok; resume goes on.
func TestAPauseOvertakesLines(t *testing.T) {
	d := newStageEnd(t, gcode.StageOptions{Rate: 3000})
	withStage(t, d, func(r *rig, ask func(string, edge.Args) error) {
		if err := ask("move", to(0, 0, 0, 2000)); err != nil {
			t.Fatal(err)
		}
		second := make(chan error, 1)
		go func() { second <- ask("move", to(10, 10, 10, 3000)) }()
		time.Sleep(500 * time.Millisecond)
		if !d.moving() {
			t.Fatal("it stands")
		}
		began := time.Now()
		if err := ask("pause", nil); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took > time.Second || d.moving() {
			t.Errorf("paused after %v", took)
		}
		p := d.at()
		time.Sleep(time.Second)
		if r.stream.shown("state") != 2 || d.at() != p {
			t.Errorf("state %g at %v, then %v", r.stream.shown("state"), p, d.at())
		}
		if err := ask("resume", nil); err != nil {
			t.Error(err)
		}
		if err := <-second; err != nil {
			t.Error(err)
		}
		time.Sleep(10 * time.Second)
		if p := d.at(); p != [3]float64{10, 10, 10} {
			t.Errorf("at last it is at %v", p)
		}
	})
}

// The emergency stop holds a stage in motion within one status period; then it is
// reset, and has not lost its position.
func TestAStageIsStopped(t *testing.T) {
	for _, name := range []string{"move", "square", "home"} {
		t.Run(name, func(t *testing.T) {
			d := newStageEnd(t, gcode.StageOptions{Rate: 3000, Homing: true, HomeRate: 600})
			withStage(t, d, func(r *rig, ask func(string, edge.Args) error) {
				_ = ask("home", nil)
				if err := ask("move", to(0, 0, 0, 3000)); err != nil {
					t.Fatal(err)
				}
				time.Sleep(5 * time.Second)
				args := map[string]edge.Args{"move": to(100, 100, 50, 500), "square": {"side": edge.Number(100), "feed": edge.Number(600)}}[name]
				left := make(chan struct{})
				go func() { defer close(left); _ = ask(name, args) }()
				time.Sleep(time.Second)
				if !d.moving() {
					t.Fatal("it does not move")
				}
				stopped := make(chan *edge.StopResult, 1)
				began := time.Now()
				go func() {
					res, err := r.Stop(context.Background(), ann)
					if err != nil {
						t.Error(err)
					}
					stopped <- res
				}()
				if name != "home" { // which only a reset ends
					time.Sleep(100 * time.Millisecond)
					if d.moving() {
						t.Error("it moves on after one status period")
					}
				}
				res := <-stopped
				p := d.at()
				if took := time.Since(began); !res.Confirmed || d.moving() || took > 4*time.Second {
					t.Errorf("%+v after %v", res, took)
				}
				time.Sleep(5 * time.Second)
				if d.at() != p {
					t.Errorf("it moved from %v to %v after the stop", p, d.at())
				}
				want := 0.0 // idle: it stood when it was reset
				if name == "home" {
					want = 4 // its position is lost, and that is shown
				}
				if x := r.stream.shown("state"); x != want || !bytes.Contains([]byte(d.saw()), []byte("!\x18")) {
					t.Errorf("state %g, it saw %q", x, d.saw())
				}
				<-left
			})
		})
	}
}

// Forty lines go through a buffer of 127 bytes: none is lost, and more than one is
// under way.
func TestALongMacroNeverOverflowsTheStage(t *testing.T) {
	d := newStageEnd(t, gcode.StageOptions{Rate: 3000})
	withStage(t, d, func(r *rig, ask func(string, edge.Args) error) {
		least := 127.0
		done := make(chan error, 1)
		go func() { done <- ask("many", nil) }()
		for busy := true; busy; {
			select {
			case err := <-done:
				busy = false
				if err != nil {
					t.Error(err)
				}
			case <-time.After(3 * time.Millisecond):
				d.mu.Lock()
				out := d.stage.Feed([]byte("?"), nil)
				d.mu.Unlock()
				if _, after, ok := strings.Cut(string(out), "|Bf:15,"); ok {
					var free float64
					_, _ = fmt.Sscanf(after, "%g", &free)
					least = min(least, free)
				}
			}
		}
		d.do(func(s *gcode.Stage) {
			if s.Lost() > 0 {
				t.Errorf("%d bytes lost", s.Lost())
			}
		})
		if least > 60 || least < 0 {
			t.Errorf("at the fullest, %g of 127 bytes were free", least)
		}
		time.Sleep(5 * time.Second)
		if p := d.at(); math.Abs(p[0]-39.039) > 1e-6 || p[1] != 21 {
			t.Errorf("it is at %v", p)
		}
		if st := r.Status(); st.Counts.Garbage > 0 || st.Counts.Lost > 0 {
			t.Errorf("%+v", st.Counts)
		}
		if err := ask("stumbles", nil); edge.CodeOf(err) != edge.CodeDeviceRefused || !strings.Contains(err.Error(), "line 3 of 4 (G5)") {
			t.Errorf("an error in the middle: %v", err)
		}
		time.Sleep(time.Second)
		if err := ask("move", to(5, 5, 5, 3000)); err != nil {
			t.Errorf("after it: %v", err)
		}
	})
}

// A lost ok is no answer, and does not shift the answers to later lines.
func TestALostOkAndARestart(t *testing.T) {
	d := newStageEnd(t, gcode.StageOptions{Rate: 3000})
	withStage(t, d, func(r *rig, ask func(string, edge.Args) error) {
		says := func(f func(string) string) { d.mu.Lock(); d.says = f; d.mu.Unlock() }
		says(func(s string) string { return strings.ReplaceAll(s, "ok\r\n", "") })
		if err := ask("unlock", nil); edge.CodeOf(err) != edge.CodeNoAnswer {
			t.Errorf("a lost ok: %v", err)
		}
		says(func(s string) string { return strings.ReplaceAll(s, "ok\r\n", "o\x01k\r\n") })
		time.Sleep(time.Second)
		if err := ask("unlock", nil); edge.CodeOf(err) != edge.CodeNoAnswer {
			t.Errorf("a damaged ok: %v", err)
		}
		if st := r.Status(); st.Counts.Garbage != 1 {
			t.Errorf("%+v", st.Counts)
		}
		says(nil)
		time.Sleep(2 * time.Second)
		if err := ask("unknown", nil); edge.CodeOf(err) != edge.CodeDeviceRefused {
			t.Errorf("the answers are shifted: %v", err)
		}
		if err := ask("unlock", nil); err != nil {
			t.Errorf("the answers are shifted: %v", err)
		}
		// The board starts again by itself, in the middle of a motion and of a line.
		says(func(s string) string { return strings.ReplaceAll(s, "ok\r\n", "") })
		left := make(chan error, 1)
		time.Sleep(time.Second)
		go func() { left <- ask("move", to(0, 0, 0, 500)) }()
		time.Sleep(300 * time.Millisecond)
		says(nil)
		safes := r.count("safe", "outcome", "confirmed")
		var out []byte
		d.do(func(s *gcode.Stage) { out = s.Start(nil) })
		d.say(d.port, out)
		if err := <-left; edge.CodeOf(err) != edge.CodeUnknownOutcome {
			t.Errorf("a line under way: %v", err)
		}
		time.Sleep(3 * time.Second)
		if n := r.count("safe", "outcome", "confirmed"); n != safes+1 || r.count("text", "text", "the device started again") != 1 {
			t.Errorf("%d safe sequences after a restart", n-safes)
		}
		if err := ask("unlock", nil); err != nil {
			t.Errorf("after it: %v", err)
		}
	})
}
