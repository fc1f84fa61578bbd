package devices

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"labbox/devices/transport"
	"labbox/devices/transport/mem"
	"labbox/edge"
	"labbox/edge/config"
)

// watched is a device that takes down everything that reaches it and judges it
// by the safety rules. Each command's value is unlike every other, so that it
// tells who asked for it, under which fencing number and when.
type watched struct {
	t     *testing.T
	clock edge.Clock
	sup   *Supervisor
	sink  *logSink
	grace time.Duration

	mu        sync.Mutex
	duty      float64
	n         int
	deaf      bool // obeys nothing, answers nothing
	nonsense  bool // answers the safe sequence with something else
	frozen    bool
	garbage   bool
	late      time.Duration            // of every answer
	asked     map[string][]request     // by value; each may be carried out once
	alive     map[string]time.Duration // seat: last heartbeat that the owner took
	stoppedAt time.Duration            // the newest emergency stop; -1 none
	mustBy    time.Duration            // a safe sequence is on the wire by then; 0: nobody drives
	dirty     bool                     // driven since the last safe line
	fresh     bool                     // nothing has reached it on this line yet
	confirmed int                      // safe sequences confirmed when the last safe line came
	lines     []string
	wrong     []string
	driven    int
	safes     int
}

type request struct {
	seat  string
	fence uint64
	at    time.Duration // when it was asked last
	done  bool
}

func (d *watched) bad(format string, args ...any) {
	d.wrong = append(d.wrong, fmt.Sprintf("%v: ", d.clock.Mono())+fmt.Sprintf(format, args...))
}

func (d *watched) run(port transport.Port) {
	var out sync.Mutex
	say := func(s string) { out.Lock(); _ = port.Send([]byte(s+"\r\n"), transport.Stream); out.Unlock() }
	stop := make(chan struct{})
	defer close(stop)
	d.set(func() { d.fresh, d.dirty = true, false })
	go func() {
		say(`{"id":"labbox-plate","fw":"1.0"}`)
		for {
			select {
			case <-stop:
				return
			case <-time.After(50 * time.Millisecond):
			}
			d.mu.Lock()
			d.n++
			frozen, garbage := d.frozen, d.garbage
			line := fmt.Sprintf(`{"n":%d,"t":%d,"temp":25.31,"duty":%g,"fan":0,"safe":0}`, d.n, d.n*50, d.duty)
			d.mu.Unlock()
			if garbage {
				say("\x00\xff{\"duty\":NaN,\"temp\":")
			}
			if !frozen {
				say(line)
			}
		}
	}()
	for sc := bufio.NewScanner(portReader{port}); sc.Scan(); {
		if line := sc.Text(); line != "" {
			if reply, late := d.take(line); reply != "" {
				time.AfterFunc(late, func() { say(reply) })
			}
		}
	}
}

func (d *watched) set(f func()) { d.mu.Lock(); f(); d.mu.Unlock() }

// take judges one line, and obeys.
func (d *watched) take(line string) (reply string, late time.Duration) {
	newest := d.newest()
	confirmed := d.confirmations()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, line)
	now := d.clock.Mono()
	var m struct {
		Cmd   string      `json:"cmd"`
		Param json.Number `json:"param"`
	}
	if err := json.Unmarshal([]byte(line), &m); err != nil {
		d.bad("not a whole message: %q", line)
		return "", 0
	}
	if m.Cmd == "safe" {
		d.fresh, d.dirty, d.mustBy, d.confirmed = false, false, 0, confirmed
		d.safes++
		if d.deaf {
			return "", 0
		}
		d.duty = 0
		if d.nonsense {
			return `{"ok":"perhaps"}`, d.late
		}
		return `{"ok":"safe"}`, d.late
	}
	if d.fresh {
		d.bad("%s before the device was made safe", line)
	}
	if confirmed <= d.confirmed {
		d.bad("%s before the safe state was confirmed", line)
	}
	if m.Cmd == "beat" {
		return map[bool]string{false: `{"ok":"beat"}`}[d.deaf], d.late
	}
	if m.Cmd != "duty" {
		d.bad("what is %s?", line)
		return "", 0
	}
	x, _ := m.Param.Float64()
	d.judge(line, x, now, newest)
	d.driven++
	d.dirty = true
	if d.deaf {
		return "", 0
	}
	d.duty = x
	return fmt.Sprintf(`{"ok":"duty","param":%s}`, m.Param), d.late
}

func (d *watched) judge(line string, x float64, now time.Duration, newest uint64) {
	value := fmt.Sprint(x)
	if x < 100 || x > 500 {
		d.bad("%s is outside the bench's limits, 100 to 500", line)
	}
	if d.stoppedAt >= 0 && now > d.stoppedAt {
		d.bad("%s after the emergency stop at %v", line, d.stoppedAt)
	}
	why := "nobody asked for it, or it came twice"
	for i := range d.asked[value] {
		switch q := &d.asked[value][i]; {
		case q.done:
		case q.fence != newest:
			why = fmt.Sprintf("it has number %d, the newest is %d", q.fence, newest)
		case now-q.at > maxWithin:
			why = fmt.Sprintf("it is %v late", now-q.at)
		case now-d.alive[q.seat] > d.grace:
			why = fmt.Sprintf("%s is silent for %v", q.seat, now-d.alive[q.seat])
		default:
			q.done = true
			return
		}
	}
	d.bad("%s: %s", line, why)
}

// ask notes who may have asked for a value: the same key again is the same request.
func (d *watched) ask(v edge.Value, seat string, fence uint64) {
	x, ok := v.Number()
	if !ok {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	value := fmt.Sprint(x)
	for i := range d.asked[value] {
		if q := &d.asked[value][i]; q.seat == seat && q.fence == fence {
			q.at = d.clock.Mono()
			return
		}
	}
	d.asked[value] = append(d.asked[value], request{seat: seat, fence: fence, at: d.clock.Mono()})
}

func (d *watched) newest() uint64 {
	d.sup.mu.Lock()
	defer d.sup.mu.Unlock()
	return d.sup.keeper.Fence()
}

func (d *watched) confirmations() (n int) {
	d.sink.mu.Lock()
	defer d.sink.mu.Unlock()
	for i := range d.sink.events {
		if e := &d.sink.events[i]; e.Code == "safe" && e.Args["outcome"] == "confirmed" {
			n++
		}
	}
	return n
}

// world is one run of the property.
type world struct {
	*watched
	rt     *rapid.T
	opener *mem.Opener
	seats  []edge.Actor
	fences map[string]uint64
	given  map[uint64]string // fencing number: seat
	last   uint64
	n      int
	cmds   sync.WaitGroup
	ticks  []edge.Tick
	tickMu sync.Mutex
	keys   []edge.Command
}

// Never a value outside the narrowed limits, never anything but the safe
// sequence until it is confirmed, never a command that is late, of an old
// fencing number or of a silent driver, never two drivers, never a number that
// does not grow, and after each end of a lease the safe sequence within the
// grace and 250 ms: under any order of calls, faults and times.
func TestNoOrderOfCallsBreaksARule(t *testing.T) {
	drove, saved := 0, 0
	if f := flag.Lookup("rapid.checks"); f.Value.String() == f.DefValue { // a run is some seconds of a lab
		_ = f.Value.Set("50")
		defer func() { _ = f.Value.Set(f.DefValue) }()
	}
	rapid.Check(t, func(rt *rapid.T) {
		keep := rapid.SampledFrom([]time.Duration{300 * time.Millisecond, time.Second}).Draw(rt, "keep")
		var stopped any // rapid ends a run by a panic, which must not end the bubble
		synctest.Test(t, func(t *testing.T) {
			w, end := newWorld(t, rt, keep)
			end = sync.OnceFunc(end)
			defer func() { stopped = recover(); end() }()
			w.steps(rt)
			end()
			w.check(rt)
			drove, saved = drove+w.driven, saved+w.safes
		})
		if stopped != nil {
			panic(stopped)
		}
	})
	t.Logf("%d commands and %d safe lines reached the device", drove, saved)
	if drove < 50 || saved < 100 {
		t.Error("the test drives too little to tell anything")
	}
}

func (w *world) steps(rt *rapid.T) {
	do := map[string]func(*rapid.T){"take": w.take1, "beat": w.beat, "command": w.command, "release": w.release, "stop": w.stop,
		"resume": w.resume, "clear": w.clear, "plug": w.plug, "fault": w.fault, "sleep": w.sleep, "well": w.well, "drive": w.drive}
	names := []string{"drive", "sleep", "drive", "command", "well", "drive", "sleep", "beat", "take", "command", "release", "drive", "plug",
		"well", "fault", "resume", "stop", "clear"}
	w.well(rt)
	w.takeBy(rt, ann)
	for range rapid.IntRange(5, 40).Draw(rt, "steps") {
		do[rapid.SampledFrom(names).Draw(rt, "step")](rt)
		w.check(rt)
	}
}

func newWorld(t *testing.T, rt *rapid.T, keep time.Duration) (*world, func()) {
	typ := catalogType(t, "plate")
	p := &typ.command("duty").Params[0]
	p.Type, p.Range, p.Default, p.Wire.Decimals = "float", &Range{0, 1000}, 0, new(int)
	*p.Wire.Decimals = 2
	typ.command("duty").Rate = 0
	typ.Safe.Tries, typ.Safe.Within = 2, 300*time.Millisecond
	typ.Grace, typ.Keep, typ.Stale, typ.Connect.Boot = 300*time.Millisecond, keep, 400*time.Millisecond, time.Second
	typ, err := typ.narrowed(&config.Device{ID: "p", Limits: limits(ptr(100), ptr(500), nil)})
	if err != nil {
		rt.Fatal(err)
	}
	clock, sink := edge.NewSystemClock(), &logSink{}
	d := &watched{t: t, clock: clock, sink: sink, grace: typ.Grace, asked: map[string][]request{}, alive: map[string]time.Duration{}, stoppedAt: -1}
	w := &world{watched: d, rt: rt, fences: map[string]uint64{}, given: map[uint64]string{},
		seats: []edge.Actor{ann, bob, {Seat: "c", Name: "Cat", Role: edge.RoleStudent}}}
	w.opener = mem.NewOpener(mem.Options{}, func(dev *mem.Port) { go d.run(dev) })
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	ledger, err := NewLedger(context.Background(), "b", &memKV{m: map[string]string{}}, nil, log)
	if err != nil {
		rt.Fatal(err)
	}
	d.sup, err = New(Config{Box: "b", ID: "p", Type: typ, Opener: w.opener, Clock: clock, Ledger: ledger, Sinks: []edge.Sink{sink}, Logger: log})
	if err != nil {
		rt.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended, beaten := make(chan struct{}), make(chan struct{})
	go func() { d.sup.Run(ctx); close(ended) }()
	go func() {
		defer close(beaten)
		for n := uint64(1); ; n++ {
			tick := edge.Tick{Owner: 1, N: n, MonoMS: clock.Mono().Milliseconds()}
			d.sup.Beat(tick, n%5 == 0)
			w.tickMu.Lock()
			w.ticks = append(w.ticks, tick)
			w.tickMu.Unlock()
			select {
			case <-time.After(50 * time.Millisecond):
				w.watch()
			case <-ended:
				return
			}
		}
	}()
	end := func() {
		time.Sleep(time.Millisecond) // a cable that was just pulled is noticed
		was := d.sup.Status().State
		d.set(func() { d.deaf, d.nonsense, d.late = false, false, 0 })
		cancel()
		<-ended
		<-beaten
		w.cmds.Wait()
		time.Sleep(time.Second) // for a device that is late
		d.mu.Lock()
		defer d.mu.Unlock()
		if was == edge.StateLive && len(d.lines) > 0 && d.lines[len(d.lines)-1] != safeLine {
			d.bad("the last word was %s", d.lines[len(d.lines)-1])
		}
	}
	return w, end
}

// watch looks for a safe sequence that did not come.
func (w *world) watch() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if now := w.clock.Mono(); w.dirty && w.mustBy > 0 && now > w.mustBy {
		w.bad("no safe sequence, it was due at %v", w.mustBy)
		w.mustBy = 0
	}
}

func (w *world) check(rt *rapid.T) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.wrong) > 0 {
		rt.Fatalf("%q\nthe device got %q", w.wrong, w.lines)
	}
}

func (w *world) who(rt *rapid.T) edge.Actor {
	return w.seats[rapid.SampledFrom([]int{0, 0, 0, 1, 2}).Draw(rt, "who")]
}

func (w *world) take1(rt *rapid.T) { w.takeBy(rt, w.who(rt)) }

func (w *world) takeBy(rt *rapid.T, a edge.Actor) {
	l, err := w.sup.Take(context.Background(), a)
	if err != nil {
		return
	}
	if by, again := w.given[l.Fence]; again && by != a.Seat || !again && l.Fence <= w.last {
		rt.Fatalf("number %d for %s, it was %q's, the newest was %d", l.Fence, a.Name, by, w.last)
	}
	w.fences[a.Seat], w.given[l.Fence], w.last = l.Fence, a.Seat, max(w.last, l.Fence)
	w.lives(a)
}

func (w *world) lives(a edge.Actor) {
	w.set(func() { w.alive[a.Seat], w.mustBy = w.clock.Mono(), w.clock.Mono()+w.grace+250*time.Millisecond })
}

func (w *world) beat(rt *rapid.T) {
	if a := w.who(rt); w.sup.HeartBeat(a, w.fences[a.Seat]) == nil {
		w.lives(a)
	}
}

func (w *world) release(rt *rapid.T) {
	if a := w.who(rt); w.sup.Release(a, w.fences[a.Seat]) == nil {
		w.set(func() { w.mustBy = w.clock.Mono() + 250*time.Millisecond })
	}
}

func (w *world) command(rt *rapid.T) {
	a := w.who(rt)
	fence := w.fences[a.Seat]
	switch rapid.IntRange(0, 5).Draw(rt, "fence") {
	case 0:
		fence = w.last
	case 1:
		fence = rapid.Uint64Range(0, w.last+1).Draw(rt, "number")
	}
	v := edge.Number(w.value())
	if rapid.IntRange(0, 3).Draw(rt, "odd") == 0 {
		v = rapid.SampledFrom([]edge.Value{edge.Number(99.99), edge.Number(99.9999), edge.Number(500.01), edge.Number(500.0001), edge.Number(0),
			edge.Number(math.Copysign(0, -1)), edge.Number(-1), edge.Number(1000), edge.Number(1e300), edge.Number(math.NaN()),
			edge.Number(math.Inf(1)), edge.Number(5e-324), edge.Word("200"), edge.Word("NaN"), edge.Word("")}).Draw(rt, "value")
	}
	w.send(rt, a, fence, v)
}

// drive is what a driver does: beat, and ask for something that is allowed.
func (w *world) drive(rt *rapid.T) {
	for _, a := range w.seats {
		if w.sup.HeartBeat(a, w.fences[a.Seat]) == nil {
			w.lives(a)
			w.send(rt, a, w.fences[a.Seat], edge.Number(w.value()))
			return
		}
	}
	w.takeBy(rt, w.who(rt))
}

func (w *world) value() float64 {
	w.n++
	return math.Round(10000+float64(w.n)) / 100
}

func (w *world) send(rt *rapid.T, a edge.Actor, fence uint64, v edge.Value) {
	w.tickMu.Lock()
	ticks := append([]edge.Tick{{Owner: 7, N: 1}}, w.ticks...)
	w.tickMu.Unlock()
	tick := ticks[len(ticks)-1]
	if rapid.IntRange(0, 9).Draw(rt, "tick") == 0 {
		tick = rapid.SampledFrom(ticks).Draw(rt, "old tick")
	}
	c := edge.Command{Name: "duty", Args: edge.Args{"duty": v}, Tick: tick, Key: fmt.Sprint(w.n)}
	if len(w.keys) > 0 && rapid.IntRange(0, 9).Draw(rt, "again") == 0 {
		c = rapid.SampledFrom(w.keys).Draw(rt, "same")
		c.Tick = tick
	} else {
		w.keys = append(w.keys, c)
	}
	w.ask(c.Args["duty"], a.Seat, fence)
	w.cmds.Go(func() { _, _ = w.sup.Command(context.Background(), a, fence, &c) })
}

func (w *world) stop(*rapid.T) {
	w.set(func() { w.stoppedAt, w.mustBy = w.clock.Mono(), w.clock.Mono()+250*time.Millisecond })
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	_, _ = w.sup.Stop(ctx, bob)
}

func (w *world) resume(*rapid.T) {
	if w.sup.Resume(tea) == nil {
		w.set(func() { w.stoppedAt = -1 })
	}
}

func (w *world) clear(*rapid.T) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = w.sup.Clear(ctx, tea)
}

func (w *world) plug(rt *rapid.T) {
	w.opener.Unplug()
	time.Sleep(time.Millisecond)      // it still reads what had arrived
	w.set(func() { w.dirty = false }) // what reaches it next must be safe
	time.Sleep(time.Duration(rapid.IntRange(0, 300).Draw(rt, "out ms")) * time.Millisecond)
	w.opener.Plug()
}

func (w *world) fault(rt *rapid.T) {
	kind := rapid.IntRange(0, 4).Draw(rt, "fault")
	w.set(func() {
		switch kind {
		case 0:
			w.deaf = true
		case 1:
			w.nonsense = true
		case 2:
			w.frozen = true
		case 3:
			w.garbage = true
		case 4:
			w.late = 250 * time.Millisecond
		}
	})
}

// well mends the device and waits until it can be driven again.
func (w *world) well(*rapid.T) {
	w.set(func() { w.deaf, w.nonsense, w.frozen, w.garbage, w.late = false, false, false, false, 0 })
	w.resume(nil)
	for range 100 {
		switch w.sup.Status().State {
		case edge.StateLive:
			return
		case edge.StateQuarantined:
			w.clear(nil)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func (w *world) sleep(rt *rapid.T) {
	time.Sleep(time.Duration(rapid.IntRange(0, 400).Draw(rt, "ms")) * time.Millisecond)
}
