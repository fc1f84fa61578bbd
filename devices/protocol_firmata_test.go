package devices

import (
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"labbox/devices/transport"
	"labbox/devices/transport/mem"
	"labbox/edge"
	"labbox/firmware-protocols/firmata"
)

const bench = `schema: 1
type: bench
label: {en: Bench}
serial: {baud: 57600}
protocol:
  firmata:
    sampling: 20ms
    poll: 200ms
    pins:
      - {field: lamp, pin: 12, mode: output}
      - {field: valve, pin: 13, mode: output}
      - {field: fan, pin: 9, mode: pwm, max: 100}
      - {field: arm, pin: 10, mode: servo}
      - {field: key, pin: 2, mode: pullup}
      - {field: light, pin: A0, mode: analog, max: 5}
connect: {boot: 1s}
timing: {reply: 300ms}
stale_after: 1s
channels:
  - {id: lamp, label: {en: Lamp}, format: enum, choices: [{id: off}, {id: on}]}
  - {id: valve, label: {en: Valve}}
  - {id: fan, label: {en: Fan}, unit: "%"}
  - {id: arm, label: {en: Arm}, unit: deg}
  - {id: key, label: {en: Key}, simulate: {wave: sine, period: 1, amplitude: 1, mean: 0.5}}
  - {id: light, label: {en: Light}, unit: V, simulate: {follow: fan.x, mean: 1, amplitude: 0.02}}
commands:
  - id: lamp
    label: {en: Lamp}
    params: [{id: state, choices: [{id: off}, {id: on}]}]
    send: {write: {lamp: $state}}
  - id: valve
    label: {en: Valve}
    params: [{id: open, type: int, range: [0, 1], default: 0}]
    send: {write: {valve: $open}}
  - id: fan
    label: {en: Fan}
    params: [{id: x, range: [0, 33.2], default: 0, channel: fan}]
    send: {write: {fan: $x}}
  - id: pose
    label: {en: Pose}
    params: [{id: deg, range: [10, 170.4], default: 90}]
    send: {write: {arm: $deg, fan: 20, lamp: 1, valve: true}}
safe:
  steps: [{send: {write: {lamp: 0, valve: 0, fan: 0, arm: 90}}}]
`

func benchType(t *testing.T, old ...string) *Type {
	t.Helper()
	typ, ps := ParseType("bench.yaml", []byte(strings.NewReplacer(old...).Replace(bench)))
	if err := ps.Err(); err != nil {
		t.Fatal(err)
	}
	return typ
}

func TestAFirmataBoardIsSimulated(t *testing.T) {
	inSimulation(t, benchType(t), func(t *testing.T, r *simRig) {
		r.seize()
		if st := r.Status(); st.Safe != edge.SafeConfirmed {
			t.Errorf("safe %s", st.Safe)
		}
		r.shows("arm", 90)
		r.do("lamp", "on")
		r.do("valve", 1)
		r.do("fan", 20)
		for channel, want := range map[string]float64{"lamp": 1, "valve": 1, "fan": 20, "light": 1.4} {
			r.until(channel, func(edge.Status) bool { return math.Abs(r.stream.shown(channel)-want) < 0.21 })
		}
		r.do("lamp", "off")
		r.do("pose", 30)
		for channel, want := range map[string]float64{"lamp": 1, "valve": 1, "fan": 20, "arm": 30} {
			r.until(channel, func(edge.Status) bool { return math.Abs(r.stream.shown(channel)-want) < 0.21 })
		}
		// 33.2 % is step 84.66 of 255: step 85 would be beyond the limit.
		r.do("fan", 33.2)
		r.until("fan", func(edge.Status) bool { return math.Abs(r.stream.shown("fan")-84*100.0/255) < 1e-3 })
		r.do("pose", 170.4)
		r.shows("arm", 170)
		if _, err := r.ask("fan", 33.3); edge.CodeOf(err) != edge.CodeOutOfRange {
			t.Errorf("33.3 %%: %v", err)
		}
		time.Sleep(3 * time.Second)
		st := r.Status()
		if st.Counts.Garbage+st.Counts.Lost > 0 || st.Stream.RateHz < 49 || st.Stream.RateHz > 56 {
			t.Errorf("%+v, %g Hz", st.Counts, st.Stream.RateHz)
		}
		r.opener.Unplug()
		r.until("absent", func(st edge.Status) bool { return st.State == edge.StateAbsent })
		r.opener.Plug()
		r.until("live", live)
		r.mode("lamp", "off")
		r.shows("arm", 90)
	})
}

// firmataBoard is a board at the far end of a line, with what a test does to it.
type firmataBoard struct {
	mu    sync.Mutex
	dev   *firmata.Device
	began time.Time
	port  *mem.Port
	deaf  bool
	twist func(in []byte) []byte // what arrives of what was sent
	got   []byte
}

func newFirmataBoard(t *testing.T, o firmata.DeviceOptions) *firmataBoard {
	t.Helper()
	d, err := firmata.NewDevice(o)
	if err != nil {
		t.Fatal(err)
	}
	return &firmataBoard{dev: d}
}

// do changes the board from outside, and has it say what it has to say.
func (b *firmataBoard) do(fn func(d *firmata.Device, now time.Duration)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.began.IsZero() {
		b.began = time.Now()
		b.dev.Boot(0)
		b.dev.Output()
	}
	fn(b.dev, time.Since(b.began))
	if out := b.dev.Output(); b.port != nil && len(out) > 0 {
		_ = b.port.Send(out, transport.Stream)
	}
}

func (b *firmataBoard) set(fn func()) { b.do(func(*firmata.Device, time.Duration) { fn() }) }

func (b *firmataBoard) pin(n int) (m firmata.Mode, v int) {
	b.do(func(d *firmata.Device, _ time.Duration) { m, v = d.Pin(n) })
	return m, v
}

func (b *firmataBoard) run(p *mem.Port) {
	b.set(func() { b.port = p })
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(10 * time.Millisecond):
				b.do(func(d *firmata.Device, now time.Duration) {
					if !b.deaf {
						d.Tick(now)
					}
				})
			}
		}
	}()
	buf := make([]byte, 1024)
	for {
		n, _, err := p.Receive(buf)
		if err != nil {
			return
		}
		b.do(func(d *firmata.Device, now time.Duration) {
			in := buf[:n]
			b.got = append(b.got, in...)
			if b.twist != nil {
				in = b.twist(in)
			}
			if !b.deaf {
				d.Feed(now, in)
			}
		})
	}
}

// moved says whether anything was sent that could move an output: a mode, a pin,
// a port, PWM.
func (b *firmataBoard) moved() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	sysex := false
	for _, c := range b.got {
		switch {
		case c == 0xF0 || c == 0xF7:
			sysex = c == 0xF0
		case !sysex && (c == 0xF4 || c == 0xF5 || c == 0xFF || c >= 0x90 && c < 0xA0 || c >= 0xE0 && c < 0xF0):
			return true
		}
	}
	return false
}

func withBoard(t *testing.T, typ *Type, o firmata.DeviceOptions, test func(t *testing.T, r *rig, b *firmataBoard)) {
	t.Helper()
	b := newFirmataBoard(t, o)
	inBubbleOf(t, typ, b.run, func(t *testing.T, r *rig) { test(t, r, b) })
}

func (r *rig) drive(name, param string, v any) error {
	r.t.Helper()
	f := r.take(ann)
	defer r.beats(ann, f)()
	args := edge.Args{}
	if s, ok := v.(string); ok {
		args[param] = edge.Word(s)
	} else {
		x, _ := number(v)
		args[param] = edge.Number(x)
	}
	_, err := r.cmd(ann, f, name, args)
	return err
}

// A board that was left running by a box that died is taken over as it is, and
// made safe.
func TestAFirmataBoardLeftRunning(t *testing.T) {
	withBoard(t, benchType(t), firmata.DeviceOptions{}, func(t *testing.T, r *rig, b *firmataBoard) {
		b.do(func(d *firmata.Device, now time.Duration) {
			d.Feed(now, firmata.AppendAnalog(firmata.AppendPinMode(firmata.AppendPinValue(nil, 13, true), 9, firmata.PWM), 9, 200))
			d.Feed(now, []byte{0xF0, 0x71, 1}) // half a message
		})
		st := r.until("live", live)
		if _, v := b.pin(13); v != 0 || st.Safe != edge.SafeConfirmed {
			t.Errorf("valve %d, %s", v, st.Safe)
		}
		if m, v := b.pin(9); m != firmata.PWM || v != 0 {
			t.Errorf("fan %s %d", m, v)
		}
		if m, v := b.pin(10); m != firmata.Servo || v != 90 {
			t.Errorf("arm %s %d", m, v)
		}
	})
}

// What the board cannot do is found when it is connected, and nothing is moved.
func TestAFirmataBoardThatCannot(t *testing.T) {
	few := firmata.Uno(5)
	few[10].Abilities = few[2].Abilities[:3]
	for _, tt := range []struct {
		name, want string
		o          firmata.DeviceOptions
		old        []string
	}{
		{"no such pin", "it has no pin 40", firmata.DeviceOptions{}, []string{"pin: 12", "pin: 40"}},
		{"no such mode", `pin 10 (field "arm") cannot be servo`, firmata.DeviceOptions{Pins: few}, nil},
		{"no such channel", "it has no pin A7", firmata.DeviceOptions{}, []string{"pin: A0", "pin: A7"}},
		{"resolution", "fan: 300 for fan, which takes 0 to 255", firmata.DeviceOptions{}, []string{", max: 100", "", "33.2", "300"}},
		{"old", "it speaks Firmata 2.3, which does not report", firmata.DeviceOptions{Major: 2, Minor: 3}, nil},
		{"older", "it speaks Firmata 2.1", firmata.DeviceOptions{Major: 2, Minor: 1}, nil},
		{"all", "it has no A9", firmata.DeviceOptions{}, []string{"    pins:", "    analog: true\n    pins:", "- {id: valve,", "- {id: nine, from: A9, label: {en: Nine}}\n  - {id: valve,"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			withBoard(t, benchType(t, tt.old...), tt.o, func(t *testing.T, r *rig, b *firmataBoard) {
				st := r.until("fault", func(st edge.Status) bool { return st.State == edge.StateFault })
				if st.Reason.Code != edge.CodeContract || !strings.Contains(st.Reason.Message, tt.want) {
					t.Errorf("%s: %v", st.Reason.Code, st.Reason)
				}
				setUp := tt.name == "resolution" || tt.name == "old" || tt.name == "all" // found out last: the modes are set
				if b.moved() != setUp {
					t.Errorf("moved %t: % x", b.moved(), b.got)
				}
				if _, v := b.pin(13); v != 0 {
					t.Error("an output is on")
				}
				time.Sleep(5 * time.Second)
				if r.Status().State != edge.StateFault {
					t.Error(r.Status().State)
				}
			})
		})
	}
}

// Whoever presses the reset button gets a board that is safe, and not one whose
// outputs the box takes for what they were.
func TestAFirmataBoardThatStartsAgain(t *testing.T) {
	for _, away := range []time.Duration{0, 300 * time.Millisecond, 1800 * time.Millisecond} {
		withBoard(t, benchType(t, "reply: 300ms", "reply: 1s"), firmata.DeviceOptions{}, func(t *testing.T, r *rig, b *firmataBoard) {
			r.until("live", live)
			if err := r.drive("lamp", "state", "on"); err != nil {
				t.Fatal(err)
			}
			before := r.count("safe", "outcome", "confirmed")
			b.set(func() { b.deaf = true })
			time.Sleep(away)
			b.do(func(d *firmata.Device, now time.Duration) { b.deaf = false; d.Boot(now) })
			r.until("noticed", func(st edge.Status) bool { return r.count("safe", "outcome", "confirmed") > before })
			st := r.until("live", live)
			if m, v := b.pin(12); m != firmata.Output || v != 0 || st.Safe != edge.SafeConfirmed {
				t.Errorf("after %v: lamp %s %d, %s", away, m, v, st.Safe)
			}
			if m, _ := b.pin(10); m != firmata.Servo {
				t.Errorf("arm is %s", m)
			}
			if err := r.drive("lamp", "state", "on"); err != nil {
				t.Errorf("after %v: %v", away, err)
			}
			time.Sleep(2 * time.Second)
			if r.Status().Stream.RateHz < 45 || !live(r.Status()) {
				t.Errorf("after %v: %g Hz", away, r.Status().Stream.RateHz)
			}
		})
	}
}

func TestAFirmataBoardThatDoesNotObey(t *testing.T) {
	withBoard(t, benchType(t), firmata.DeviceOptions{}, func(t *testing.T, r *rig, b *firmataBoard) {
		r.until("live", live)
		b.set(func() { // the written value gets lost, the question arrives
			b.twist = func(in []byte) []byte {
				if at := strings.Index(string(in), "\xF5\x0C\x01"); at >= 0 {
					return append(append([]byte(nil), in[:at]...), in[at+3:]...)
				}
				return in
			}
		})
		if err := r.drive("lamp", "state", "on"); edge.CodeOf(err) != edge.CodeGarbage || !strings.Contains(err.Error(), "lamp output 0, not output 1") {
			t.Errorf("%v", err)
		}
		b.set(func() { b.twist = func([]byte) []byte { return nil } })
		if err := r.drive("lamp", "state", "on"); edge.CodeOf(err) != edge.CodeNoAnswer {
			t.Errorf("%v", err)
		}
		if st := r.Status(); !live(st) {
			t.Errorf("%s: the analog inputs still come", st.State)
		}
		res, err := r.Stop(t.Context(), ann)
		if err != nil || res.Confirmed {
			t.Errorf("a stop that the board did not take: %+v, %v", res, err)
		}
		r.until("quarantined", func(st edge.Status) bool { return st.State == edge.StateQuarantined })
		b.set(func() { b.twist = nil })
		operator := edge.Actor{Seat: "o", Name: "Op", Role: edge.RoleOperator, Via: "panel"}
		if err := r.Clear(t.Context(), operator); err != nil {
			t.Errorf("%v", err)
		}
	})
}

// Before 2.5 eight outputs are written at a time. What one command writes of them
// is what stands there when it goes out, and a command that is refused leaves no
// trace.
func TestAnOldFirmataBoard(t *testing.T) {
	withBoard(t, benchType(t), firmata.DeviceOptions{Major: 2, Minor: 4}, func(t *testing.T, r *rig, b *firmataBoard) {
		r.until("live", live)
		f := r.take(ann)
		defer r.beats(ann, f)()
		do := func(name, param string, v edge.Value, want edge.Code) {
			t.Helper()
			_, err := r.cmd(ann, f, name, edge.Args{param: v})
			code(t, err, want)
		}
		level := func(lamp, valve int) {
			t.Helper()
			if _, v := b.pin(12); v != lamp {
				t.Errorf("lamp %d", v)
			}
			if _, v := b.pin(13); v != valve {
				t.Errorf("valve %d", v)
			}
		}
		do("lamp", "state", edge.Word("on"), "")
		level(1, 0)
		// Not sent: its time is over before it can go out.
		out, err := r.codec.encode(nil, r.typ().command("valve").Send, nil, []argument{{param: &r.typ().command("valve").Params[0], num: 1, out: 1}})
		if err != nil || out == nil {
			t.Fatal(err)
		}
		do("lamp", "state", edge.Word("off"), "")
		level(0, 0)
		do("valve", "open", edge.Number(1), "")
		level(0, 1)
		do("lamp", "state", edge.Word("on"), "")
		level(1, 1)
		var both sync.WaitGroup // encoded at the same time, written one after the other
		for range 2 {
			both.Go(func() { _, _ = r.cmd(ann, f, "valve", edge.Args{"open": edge.Number(0)}) })
			both.Go(func() { _, _ = r.cmd(ann, f, "lamp", edge.Args{"state": edge.Word("off")}) })
			both.Wait()
			level(0, 0)
			both.Go(func() { _, _ = r.cmd(ann, f, "valve", edge.Args{"open": edge.Number(1)}) })
			both.Go(func() { _, _ = r.cmd(ann, f, "lamp", edge.Args{"state": edge.Word("on")}) })
			both.Wait()
			level(1, 1)
		}
		if _, v := b.pin(2); v != 1 {
			t.Error("the pull-up is gone")
		}
	})
}

// An emergency stop that comes while the board is being asked is confirmed by the
// answers to its own question.
func TestAStopBetweenFirmataQuestions(t *testing.T) {
	withBoard(t, benchType(t, "poll: 200ms", "poll: 10ms"), firmata.DeviceOptions{}, func(t *testing.T, r *rig, b *firmataBoard) {
		r.until("live", live)
		for range 20 {
			if err := r.drive("lamp", "state", "on"); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			res, err := r.Stop(t.Context(), ann)
			if err != nil || !res.Confirmed || time.Since(began) > 100*time.Millisecond {
				t.Errorf("%+v, %v after %v", res, err, time.Since(began))
			}
			if _, v := b.pin(12); v != 0 {
				t.Error("confirmed, and the lamp is on")
			}
			operator := edge.Actor{Seat: "o", Name: "Op", Role: edge.RoleOperator, Via: "panel"}
			if err := r.Resume(operator); err != nil {
				t.Fatal(err)
			}
			r.until("live", live)
			time.Sleep(7 * time.Millisecond)
		}
	})
}

func TestFirmataGarbageAndWords(t *testing.T) {
	withBoard(t, benchType(t), firmata.DeviceOptions{}, func(t *testing.T, r *rig, b *firmataBoard) {
		r.until("live", live)
		b.do(func(d *firmata.Device, _ time.Duration) {
			_ = b.port.Send([]byte("garbage\xE0\xE0\x01"), transport.Stream)
			_ = b.port.Send(firmata.AppendString(nil, "I am tired"), transport.Stream)
		})
		time.Sleep(time.Second)
		if st := r.Status(); st.Counts.Garbage == 0 || st.Counts.Lost == 0 || !live(st) {
			t.Errorf("%s, %+v", st.State, st.Counts)
		}
		if r.count("text", "text", "I am tired") != 1 {
			t.Error("its words are lost")
		}
		for _, high := range []bool{true, false, true} { // between two scans
			before := r.Status().Counts.Samples
			b.do(func(d *firmata.Device, _ time.Duration) { d.SetDigital(2, high) })
			want := map[bool]float64{true: 1}[high]
			r.until("key", func(st edge.Status) bool { return r.stream.shown("key") == want && st.Counts.Samples > before })
		}
	})
}

// What is no Firmata board is told so, and is sent nothing but questions.
func TestNoFirmataBoard(t *testing.T) {
	for said, want := range map[string]string{"": "no answer while asking for the version", "T=21.5\r\n": "T=21.5"} {
		var mu sync.Mutex
		var got []byte
		inBubbleOf(t, benchType(t), func(p *mem.Port) {
			go func() {
				for range 1000 {
					if p.Send([]byte(said), transport.Stream) != nil {
						return
					}
					time.Sleep(100 * time.Millisecond)
				}
			}()
			buf := make([]byte, 64)
			for {
				n, _, err := p.Receive(buf)
				if err != nil {
					return
				}
				mu.Lock()
				got = append(got, buf[:n]...)
				mu.Unlock()
			}
		}, func(t *testing.T, r *rig) {
			st := r.until("fault", func(st edge.Status) bool { return st.State == edge.StateFault })
			if !strings.Contains(st.Reason.Error(), want) {
				t.Errorf("%v", st.Reason)
			}
			time.Sleep(20 * time.Second)
			mu.Lock()
			defer mu.Unlock()
			if s := strings.NewReplacer("\xF7", "", "\xF9", "").Replace(string(got)); s != "" || len(got) == 0 {
				t.Errorf("it was sent % x", got)
			}
		})
	}
}

// A board without analog inputs in use says its values with the answers.
func TestAFirmataBoardOfSwitches(t *testing.T) {
	typ := benchType(t, "      - {field: light, pin: A0, mode: analog, max: 5}\n", "",
		"  - {id: light, label: {en: Light}, unit: V, simulate: {follow: fan.x, mean: 1, amplitude: 0.02}}\n", "")
	withBoard(t, typ, firmata.DeviceOptions{}, func(t *testing.T, r *rig, b *firmataBoard) {
		r.until("live", live)
		before := r.Status().Counts.Samples
		if err := r.drive("lamp", "state", "on"); err != nil {
			t.Fatal(err)
		}
		if r.stream.shown("lamp") != 1 {
			t.Error("the answer to a command shows nothing")
		}
		b.do(func(d *firmata.Device, _ time.Duration) { d.SetDigital(2, true) })
		r.until("key", func(edge.Status) bool { return r.stream.shown("key") == 1 })
		time.Sleep(2 * time.Second)
		if st := r.Status(); st.Counts.Samples < before+10 || !live(st) || st.Counts.Lost+st.Counts.Garbage > 0 {
			t.Errorf("%s, %+v", st.State, st.Counts)
		}
	})
}

// The board's own analog inputs become channels, besides those that the file has.
func TestFirmataChannelsOfTheBoard(t *testing.T) {
	typ := benchType(t, "    pins:", "    analog: true\n    volts: 3.3\n    pins:", "{field: light, pin: A0, mode: analog, max: 5}", "{field: light, pin: A1, mode: analog, max: 5}")
	withBoard(t, typ, firmata.DeviceOptions{}, func(t *testing.T, r *rig, b *firmataBoard) {
		r.until("live", live)
		b.do(func(d *firmata.Device, _ time.Duration) { d.SetAnalog(0, 1023); d.SetAnalog(1, 1023) })
		r.until("a0", func(edge.Status) bool { return math.Abs(r.stream.shown("a0")-3.3) < 1e-3 })
		r.until("light", func(edge.Status) bool { return r.stream.shown("light") == 5 })
		var ids []string
		for _, ch := range r.Contract().Channels {
			ids = append(ids, ch.ID)
		}
		if got := strings.Join(ids, " "); got != "lamp valve fan arm key light a0 a2 a3 a4 a5" {
			t.Error(got)
		}
	})
}

func TestFirmataTypesAreChecked(t *testing.T) {
	for _, tt := range []struct{ old, text, want string }{
		{"sampling: 20ms", "sampling: 20s", "sampling 20s"},
		{"poll: 200ms", "poll: 1ms", "poll 1ms"},
		{"poll: 200ms", "volts: -1", "volts -1"},
		{"field: lamp, pin: 12", "field: lamp, pin: x12", "no pin is called `x12`"},
		{"field: lamp, pin: 12", "field: lamp, pin: AD12", "no pin is called `AD12`"},
		{"field: lamp, pin: 12", "field: lamp, pin: D13", "pin 13 is `lamp` already"},
		{"field: lamp, pin: 12", "field: valve, pin: 12", "a second pin `valve`"},
		{"field: lamp, pin: 12", "pin: 12", "a pin needs a name"},
		{"mode: output", "mode: outputs", "did you mean `output`?"},
		{"mode: output}", "mode: output, max: 5}", "only analog and pwm have a full scale"},
		{"max: 100", "max: -1", "max -1"},
		{"mode: servo", "mode: servo, pulse: [5]", "pulse [5]"},
		{"mode: pwm, max: 100", "mode: pwm, pulse: [5, 6]", "only servo has pulses"},
		{"id: valve, label", "id: valve, from: valv, label", "did you mean `valve`?"},
		{"write: {fan: $x}", "write: {fam: $x}", "did you mean `fan`?"},
		{"write: {fan: $x}", "write: {key: $x}", "`key` is pullup, no output"},
		{"write: {fan: $x}", "write: {lamp: $x}", "`lamp` is on or off, `x` any number"},
		{"write: {fan: $x}", "write: {fan: $y}", "`$y` names no parameter"},
		{"write: {fan: $x}", "write: {fan: word}", "word is no number"},
		{"fan: 20, lamp", "fan: 101, lamp", "101 for fan, which takes 0 to 100"},
		{"valve: true", "valve: 0.5", "0.5 for valve, which is 0 or 1"},
		{"range: [0, 33.2]", "range: [0, 101]", "101 for fan, which takes 0 to 100"},
		{"range: [10, 170.4], default: 90", "range: [10.1, 10.2], default: 10.1", "would be written as 10, outside 10.1 to 10.2"},
		{"valve: 0, fan: 0", "fan: 0", "the safe sequence leaves valve as it is"},
		{"connect: {boot: 1s}", "connect: {banner: {x: 1}}", "a Firmata board needs no `banner`"},
		{"safe:\n", "safe:\n  resync: x\n", "a Firmata board needs no `resync`"},
		{"send: {write: {fan: $x}}", "send: {write: {fan: $x}}\n    reply: {ok: {a: 1}}", "a Firmata board needs no `reply`"},
		{"stale_after: 1s", "auto_channels: {}", "a Firmata board needs no `auto_channels`"},
		{"write: {fan: $x}", "parts: [x]", "this protocol's messages have no `parts`"},
	} {
		text := strings.Replace(bench, tt.old, tt.text, 1)
		if text == bench {
			t.Fatalf("%q is not there", tt.old)
		}
		_, ps := ParseType("t.yaml", []byte(text))
		if got := ps.Err(); got == nil || !strings.Contains(got.Error(), tt.want) {
			t.Errorf("%s: %v, want %s", tt.text, got, tt.want)
		}
	}
	for _, good := range []string{
		"schema: 1\ntype: x\nlabel: {en: X}\nprotocol: {firmata: {}}\n",
		"schema: 1\ntype: x\nlabel: {en: X}\nprotocol: {firmata: {}}\nchannels: [{id: x, from: A3, label: {en: X}}]\n",
	} {
		if _, ps := ParseType("t.yaml", []byte(good)); ps.Err() != nil {
			t.Error(ps.Err())
		}
	}
	for _, bad := range []string{
		"schema: 1\ntype: x\nlabel: {en: X}\nprotocol: {firmata: {pins: [{field: a, pin: 2, mode: input}]}}\n",
		"schema: 1\ntype: x\nlabel: {en: X}\nprotocol: {firmata: {}}\nchannels: [{id: x, from: A03, label: {en: X}}]\n",
	} {
		if _, ps := ParseType("t.yaml", []byte(bad)); ps.Err() == nil {
			t.Errorf("passed: %s", bad)
		}
	}
}
