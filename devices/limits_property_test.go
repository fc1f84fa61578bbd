package devices

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"labbox/devices/transport/mem"
	"labbox/edge"
	"labbox/edge/config"
)

// limited drives one device by every path there is and judges each line that
// reaches it by the limits that are in force at that moment.
type limited struct {
	*rig
	rt    *rapid.T
	owner *Owner
	scale float64
	shift float64
	step  float64
	whole bool
	own   map[float64]bool // values of the type file's own sequences

	bench [2]float64
	fence uint64
	beat  func()
	cmds  sync.WaitGroup
	n     int
	asks  [][]byte // that were sent before

	mu     sync.Mutex
	forced [][2]float64 // limits in force, the newest last
	since  []time.Duration
	wrong  []string
	passed int
}

func (w *limited) force(min, max float64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.forced, w.since = append(w.forced, [2]float64{min, max}), append(w.since, w.clock.Mono())
}

func (w *limited) now() [2]float64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.forced[len(w.forced)-1]
}

// saw judges a line; stands is what the device had before.
func (w *limited) saw(line string, stands float64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	bad := func(format string, args ...any) {
		w.wrong = append(w.wrong, fmt.Sprintf("%v: %s: ", w.clock.Mono(), line)+fmt.Sprintf(format, args...))
	}
	var m struct {
		Cmd   string
		Param json.Number
	}
	if err := json.Unmarshal([]byte(line), &m); err != nil {
		bad("no whole message")
		return
	}
	if m.Cmd != "duty" {
		return
	}
	if strings.ContainsAny(string(m.Param), "eE") || m.Param == "-0" {
		bad("not as a small firmware reads it")
	}
	wire, err := m.Param.Float64()
	if err != nil {
		bad("%v", err)
		return
	}
	x := (wire - w.shift) / w.scale
	if !w.own[x] {
		w.passed++
	}
	in := false
	for i := len(w.forced) - 1; i >= 0; i-- {
		in = in || x >= w.forced[i][0]-1e-6 && x <= w.forced[i][1]+1e-6
		if w.since[i] < w.clock.Mono() { // what was in force before had ended
			break
		}
	}
	if !in {
		bad("%g is outside %v", x, w.forced[len(w.forced)-1])
	}
	if d := math.Abs(x - (stands-w.shift)/w.scale); w.step > 0 && d > w.step+1e-6 && stands != 0 && !w.own[x] {
		bad("a step of %g, at most %g", d, w.step)
	}
}

// build is the type with the bench's limits, as a box that starts has it.
func (w *limited) build() *Type {
	typ := catalogType(w.t, "plate")
	c := typ.command("duty")
	p := &c.Params[0]
	p.Type, p.Range, p.Default = "float", &Range{0, 1000}, 100
	p.Wire.Scale, p.Wire.Offset, p.MaxStep, p.Rest = w.scale, w.shift, w.step, ptr(100)
	p.Channel = ""
	if w.whole {
		p.Type = "int"
	} else {
		two := 2
		p.Wire.Decimals = &two
	}
	c.Rate, c.Reply = 0, &Reply{OK: Fields{"ok": "duty"}, Within: 100 * time.Millisecond}
	calm := Step{Command: "duty", Args: map[string]any{"duty": 100}}
	typ.On.Timeout = []Step{calm}
	typ.Safe.Steps = append(typ.Safe.Steps, calm)
	typ.Safe.Shows, typ.Safe.Tries = nil, 2
	typ.Between = &Between{Steps: []Step{{Command: "duty", Args: map[string]any{"duty": 110}}}, Within: 200 * time.Millisecond, Tries: 2}
	typ.Interlocks = []Interlock{{When: []When{{Channel: "temp", Above: ptr(60)}}, Safe: true}}
	typ.Grace, typ.Keep, typ.Stale = 300*time.Millisecond, time.Second, 400*time.Millisecond
	w.bench = [2]float64{float64(rapid.IntRange(0, 100).Draw(w.rt, "bench min")), float64(rapid.IntRange(110, 1000).Draw(w.rt, "bench max"))}
	scale := rapid.Float64Range(0.5, 2).Draw(w.rt, "calibration")
	n, err := typ.narrowed(&config.Device{ID: "p", Limits: limits(&w.bench[0], &w.bench[1], nil),
		Calibration: map[string]config.Calibration{"temp": {Scale: &scale}}})
	if err != nil {
		w.rt.Fatal(err)
	}
	return n
}

// restart is a box that dies and starts again with another box file.
func (w *limited) restart() {
	w.quit()
	w.cancel()
	<-w.done
	w.cmds.Wait()
	time.Sleep(storeTimeout)
	before, had := w.now(), w.Status().Limits
	typ := w.build()
	w.begin(typ, 0, w.own1)
	lim := w.Status().Limits["duty.duty"]
	min, max := w.bench[0], w.bench[1]
	if w.narrow.broken == nil && lim.Max != nil {
		min, max = *lim.Min, *lim.Max
		if len(had) > 0 && before != [2]float64{min, max} {
			w.rt.Fatalf("the limits were %v before the restart and are %g to %g", before, min, max)
		}
	}
	w.force(min, max)
}

func (w *limited) own1(s *Supervisor) {
	w.owner = NewOwner(OwnerConfig{Box: "b", Clock: w.clock, Logger: slog.New(slog.DiscardHandler)})
	w.owner.Add(s)
}

// No sequence of calls on any path puts a value outside the limits of this moment
// onto the port: asks as the web and an experiment send them, as they are and
// mangled, the same ones again, what the type file sends by itself, before and
// after live narrowing, restarts with other box files, replugs, faults.
func TestNothingOutsideTheLimitsReachesThePort(t *testing.T) {
	passed, refused := 0, 0
	if f := flag.Lookup("rapid.checks"); f.Value.String() == f.DefValue {
		_ = f.Value.Set("60")
		defer func() { _ = f.Value.Set(f.DefValue) }()
	}
	rapid.Check(t, func(rt *rapid.T) {
		var stopped any // rapid ends a run by a panic, which must not end the bubble
		synctest.Test(t, func(t *testing.T) {
			var w *limited
			defer func() {
				if stopped = recover(); w != nil {
					w.quit()
					w.cancel()
					<-w.done
					w.cmds.Wait()
					time.Sleep(storeTimeout)
				}
			}()
			w = newLimited(t, rt)
			for range rapid.IntRange(10, 60).Draw(rt, "steps") {
				w.act()
				w.check()
			}
			time.Sleep(2 * time.Second)
			w.check()
			st := w.Status()
			passed, refused = passed+w.passed, refused+int(st.Counts.Refused)
		})
		if stopped != nil {
			panic(stopped)
		}
	})
	t.Logf("%d values reached the device, %d commands were refused", passed, refused)
	if passed < 50 || refused < 100 {
		t.Error("the test drives too little to tell anything")
	}
}

func newLimited(t *testing.T, rt *rapid.T) *limited {
	w := &limited{rt: rt, beat: func() {}, own: map[float64]bool{100: true, 105: true, 110: true}}
	w.scale = rapid.SampledFrom([]float64{1, 10, 0.1, -1}).Draw(rt, "scale")
	w.shift = rapid.SampledFrom([]float64{0, -50, 7}).Draw(rt, "offset")
	w.step = rapid.SampledFrom([]float64{0, 0, 250}).Draw(rt, "max step")
	w.whole = rapid.Bool().Draw(rt, "whole") && w.scale != 0.1
	w.rig = &rig{t: t, plate: &plate{interval: 5 * time.Millisecond, saw: w.saw}, sink: &logSink{}, clock: edge.NewSystemClock(), kv: &memKV{m: map[string]string{}}}
	w.opener = mem.NewOpener(mem.Options{}, func(d *mem.Port) { go w.plate.run(d) })
	w.line = w.opener
	typ := w.build()
	w.force(w.bench[0], w.bench[1])
	w.begin(typ, 0, w.own1)
	w.drivable()
	return w
}

func (w *limited) check() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.wrong) > 0 {
		w.rt.Fatalf("%q\nlimits %v since %v\nthe device got %q", w.wrong, w.forced, w.since, w.plate.lines())
	}
}

func (w *limited) quit() { w.beat(); w.beat, w.fence = func() {}, 0 }

// drivable mends everything and takes a turn.
func (w *limited) drivable() {
	w.plate.set(func(p *plate) { p.deaf, p.frozen, p.slow, p.warmer = false, false, 0, 0 })
	for range 100 {
		_ = w.Resume(tea)
		switch st := w.Status(); {
		case st.State == edge.StateQuarantined:
			_ = w.Clear(context.Background(), tea)
		case st.Lease != nil && w.fence == st.Lease.Fence:
			return
		case st.State == edge.StateLive:
			if l, err := w.Take(context.Background(), ann); err == nil {
				w.quit()
				w.fence, w.beat = l.Fence, w.beats(ann, l.Fence)
				return
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func (w *limited) act() {
	rt := w.rt
	switch rapid.SampledFrom(strings.Fields("cmd cmd cmd cmd burst burst drive drive drive narrow narrow squeeze again again drive sleep sleep release restart plug fault stop")).Draw(rt, "step") {
	case "cmd":
		w.command()
	case "burst": // several wait for the line, and the limits change meanwhile
		w.drivable()
		w.plate.set(func(p *plate) { p.slow = 60 * time.Millisecond })
		w.ask(`"duty":105`, "panel") // it has the line
		for range rapid.IntRange(2, 6).Draw(rt, "burst") {
			w.command()
		}
		time.Sleep(time.Duration(rapid.IntRange(0, 100).Draw(rt, "ms")) * time.Millisecond)
		w.narrower()
	case "narrow":
		w.narrower()
	case "squeeze": // right below what was asked last
		w.command()
		w.narrower()
	case "again":
		if len(w.asks) > 0 {
			w.send(rapid.SampledFrom(w.asks).Draw(rt, "same"))
		}
	case "drive":
		w.drivable()
		w.command()
	case "sleep":
		time.Sleep(time.Duration(rapid.IntRange(0, 400).Draw(rt, "ms")) * time.Millisecond)
	case "release":
		_ = w.Release(ann, w.fence)
	case "restart":
		w.restart()
		w.drivable()
	case "plug":
		w.opener.Unplug()
		time.Sleep(time.Duration(rapid.IntRange(1, 300).Draw(rt, "ms")) * time.Millisecond)
		w.opener.Plug()
	case "fault":
		kind := rapid.IntRange(0, 3).Draw(rt, "fault")
		w.plate.set(func(p *plate) {
			p.deaf, p.frozen, p.warmer = kind == 0, kind == 1, []float64{0, 0, 60, math.NaN()}[kind]
		})
	case "stop":
		ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
		_, _ = w.Stop(ctx, bob)
		cancel()
		_ = w.Resume(tea)
	}
}

// narrower asks for other limits; those that are granted are in force from then.
func (w *limited) narrower() {
	num := rapid.OneOf(rapid.Float64Range(0, 250), rapid.SampledFrom([]float64{0, 100, 110, 1000, -1, 1001, math.NaN(), math.Inf(1), w.bench[0], w.bench[1]}))
	lim := within("duty.duty", num.Draw(w.rt, "min"), num.Draw(w.rt, "max"))
	if rapid.IntRange(0, 3).Draw(w.rt, "kind") == 0 {
		lim = nil
	} else if rapid.Bool().Draw(w.rt, "sane") {
		lim = within("duty.duty", w.bench[0], rapid.Float64Range(110, w.bench[1]).Draw(w.rt, "max"))
	}
	if w.Narrow(context.Background(), tea, lim) != nil {
		return
	}
	min, max := w.bench[0], w.bench[1]
	if lim != nil {
		min, max = *lim["duty.duty"].Min, *lim["duty.duty"].Max
		if min < w.bench[0] || max > w.bench[1] || !(min <= max) {
			w.rt.Fatalf("%g to %g was granted, the bench has %v", min, max, w.bench)
		}
	}
	w.force(min, max)
}

// command asks for a value by one of the paths.
func (w *limited) command() {
	lim, rt := w.now(), w.rt
	at := rapid.SampledFrom([]float64{lim[0], lim[1], lim[0], lim[1], w.bench[0], w.bench[1], 0, 1000}).Draw(rt, "near")
	off := rapid.SampledFrom([]float64{0, 0, 0, 0, 0, 0, 0.004, 0.005, 0.006, 0.01, 1, 50, -0.004, -0.005, -0.006, -0.01, -1, -50}).Draw(rt, "off")
	x := at + off
	if rapid.Bool().Draw(rt, "inside") {
		x = lim[0] + (lim[1]-lim[0])*float64(rapid.IntRange(0, 1000).Draw(rt, "x"))/1000
	}
	if w.whole {
		x = math.Round(x)
	}
	value := fmt.Sprint(x)
	if rapid.IntRange(0, 4).Draw(rt, "odd") == 0 {
		value = rapid.SampledFrom([]string{`1e999`, `-1e999`, `"NaN"`, `"200"`, `"1e3"`, `-0`, `1e-320`, `null`, `true`, `[200]`, `{"x":1}`, `""`, `9007199254740993`,
			`0x10`, `"Inf"`, `1e400000`, `100.0000000000000000001`}).Draw(rt, "value")
	}
	args := `"duty":` + value
	switch rapid.IntRange(0, 9).Draw(rt, "args") {
	case 0:
		args += `,"duty":` + fmt.Sprint(lim[1]+1)
	case 1:
		args = ""
	case 2:
		args += `,"dutY":5000`
	}
	w.ask(args, rapid.SampledFrom([]string{"panel", "api", "experiment", "console"}).Draw(rt, "via"))
}

func (w *limited) ask(args, via string) {
	w.n++
	tick, _ := json.Marshal(w.Status().Tick)
	w.asks = append(w.asks, fmt.Appendf(nil, `{"verb":"cmd","device":"p","actor":{"seat":"a","name":"Ann","role":"student","via":%q},"fence":%d,"command":{"name":"duty","key":"k%d","args":{%s},"tick":%s}}`,
		via, w.fence, w.n, args, tick))
	w.send(w.asks[len(w.asks)-1])
}

// send is what comes over the Bus, whoever asks.
func (w *limited) send(ask []byte) {
	o := w.owner
	w.cmds.Go(func() {
		_, _ = o.serve(context.Background(), edge.Msg{Subject: edge.Subject("b", "p", edge.KindDo), Data: ask})
	})
	synctest.Wait() // as far as it gets by now
}
