package devices

import (
	"math"
	"strings"
	"sync"
	"testing"
	"time"

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

// Setting a board up moves no output that has its mode already.
func TestFirmataIsSetUpWithoutMoving(t *testing.T) {
	text := strings.Replace(bench[:strings.Index(bench, "commands:")], ", simulate: {follow: fan.x, mean: 1, amplitude: 0.02}", "", 1)
	typ, ps := ParseType("bench.yaml", []byte(text))
	if err := ps.Err(); err != nil {
		t.Fatal(err)
	}
	for minor := 4; minor <= 5; minor++ {
		withBoard(t, typ, firmata.DeviceOptions{Major: 2, Minor: minor}, func(t *testing.T, r *rig, b *firmataBoard) {
			b.do(func(d *firmata.Device, now time.Duration) {
				d.Feed(now, firmata.AppendDigitalPort(nil, 1, 0x30)) // 12 and 13
				d.Feed(now, firmata.AppendDigitalPort(nil, 0, 0x80)) // 7, on the port of the pull-up
				d.Feed(now, firmata.AppendAnalog(firmata.AppendPinMode(nil, 9, firmata.PWM), 9, 200))
			})
			r.until("live", live)
			time.Sleep(2 * time.Second)
			for pin, want := range map[int]int{12: 1, 13: 1, 7: 1, 9: 200} {
				if _, v := b.pin(pin); v != want {
					t.Errorf("2.%d: pin %d has %d", minor, pin, v)
				}
			}
			if x := r.stream.shown("valve"); x != 1 {
				t.Errorf("valve shows %g", x)
			}
		})
	}
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
			b.do(func(d *firmata.Device, now time.Duration) { d.Feed(now, []byte{0xF0, 0x71, 1}) }) // what was discarded was half out
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
		// Its questions get lost: they must not wait on for the answers to the stop's.
		b.set(func() {
			b.twist = func(in []byte) []byte {
				if strings.HasPrefix(string(in), "\xF7\xF0\x6D") {
					return nil
				}
				return in
			}
		})
		time.Sleep(100 * time.Millisecond)
		began := time.Now()
		if res, err := r.Stop(t.Context(), ann); err != nil || !res.Confirmed || time.Since(began) > 100*time.Millisecond {
			t.Errorf("%+v, %v after %v", res, err, time.Since(began))
		}
	})
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
