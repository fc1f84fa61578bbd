package devices

import (
	"strings"
	"testing"
	"time"

	"labbox/devices/transport"
	"labbox/devices/transport/mem"
	"labbox/edge"
	"labbox/firmware-protocols/modbus"
)

const controller = `schema: 1
type: controller
label: {en: Temperature controller}
serial: {baud: 19200, parity: even}
protocol:
  modbus:
    unit: 7
    poll: 100ms
    gap: 2
    registers:
      - {field: pv, table: input, at: 0, as: i16, scale: 0.1, missing: 0x7FFF}
      - {field: power, table: input, at: 2, as: f32}
      - {field: sv, table: holding, at: 0x10, as: i16, scale: 0.1}
      - {field: gain, table: holding, at: 0x11, as: f32, word_order: little}
      - {field: run, table: coil, at: 3}
      - {field: model, table: holding, at: 0x100, every: 10s}
timing: {reply: 200ms}
stale_after: 1s
connect:
  identify:
    - {send: {read: [model]}, reply: {ok: {model: 0}}}
channels:
  - {id: temperature, from: pv, label: {en: Temperature}, unit: Cel, resolution: 0.1, simulate: {mean: 20, follow: setpoint.t, lag: 2}}
  - {id: power, label: {en: Power}, unit: "%", simulate: {wave: sine, period: 5, amplitude: 10, mean: 50}}
  - {id: setpoint, from: sv, label: {en: Setpoint}, unit: Cel, resolution: 0.1}
  - {id: run, label: {en: Run}, format: enum, choices: [{id: off}, {id: on}]}
commands:
  - id: setpoint
    label: {en: Setpoint}
    params: [{id: t, range: [0, 120.04], default: 0, channel: setpoint}]
    send: {write: {sv: $t}}
    shows: [{channel: setpoint, equals: $t, tolerance: 0.06}]
  - id: tune
    label: {en: Tune}
    params: [{id: g, range: [0, 9], default: 1}]
    send: {write: {sv: 20, gain: $g}}
  - id: run
    label: {en: Run}
    params: [{id: state, choices: [{id: off, wire: 0}, {id: on, wire: 1}]}]
    send: {write: {run: $state}}
safe:
  steps: [{send: {write: {run: 0, sv: 0}}}]
  shows: [{channel: run, equals: off}]
`

func TestAModbusController(t *testing.T) {
	typ, ps := ParseType("controller.yaml", []byte(controller))
	if err := ps.Err(); err != nil {
		t.Fatal(err)
	}
	inSimulation(t, typ, func(t *testing.T, r *simRig) {
		let := r.seize()
		defer let()
		r.do("setpoint", 60.5)
		r.do("run", "on")
		r.do("tune", 2.5)
		time.Sleep(time.Second)
		if x := r.stream.shown("setpoint"); x != 20 {
			t.Errorf("setpoint %g: two registers were written in one command", x)
		}
		r.do("setpoint", 80)
		time.Sleep(12 * time.Second)
		if x := r.stream.shown("temperature"); x < 99 || x > 101 {
			t.Errorf("temperature %g", x)
		}
		if x := r.stream.shown("run"); x != 1 {
			t.Errorf("run %g", x)
		}
		if st := r.Status(); st.Counts.Garbage > 0 || st.Counts.Lost > 0 || st.Stream.RateHz < 8 {
			t.Errorf("%+v, %g Hz", st.Counts, st.Stream.RateHz)
		}
		// 120.04 is allowed; a register of tenths holds 120.0 or 120.1, and the
		// nearest is within the limits.
		r.do("setpoint", 120.04)
	})
	strict := strings.Replace(controller, "range: [0, 120.04]", "range: [0, 120.06]", 1)
	if typ, ps = ParseType("controller.yaml", []byte(strict)); ps.Err() == nil {
		t.Errorf("120.06 would be written as 120.1: %v", typ)
	}
}

// far plays a Modbus device by hand.
func far(t *testing.T, typ *Type, handle func(a modbus.Access) modbus.Exception) func(p *mem.Port) {
	t.Helper()
	bank, err := modbus.NewBank(typ.Protocol.Modbus.Registers, 2)
	if err != nil {
		t.Fatal(err)
	}
	bank.Before = handle
	return func(p *mem.Port) {
		srv := modbus.NewServer(modbus.RTU)
		srv.Attach(7, bank)
		buf := make([]byte, 512)
		for {
			n, _, err := p.Receive(buf)
			if err != nil {
				return
			}
			srv.Feed(buf[:n], func(adu []byte) { _ = p.Send(adu, transport.Stream) })
		}
	}
}

func TestAModbusDeviceThatRefuses(t *testing.T) {
	typ, ps := ParseType("controller.yaml", []byte(controller))
	if err := ps.Err(); err != nil {
		t.Fatal(err)
	}
	var say modbus.Exception
	n := 0
	serve := far(t, typ, func(a modbus.Access) modbus.Exception {
		if a.Write && a.Table == modbus.Holding && a.At == 0x10 && a.Count == 1 {
			if n++; say == modbus.ServerDeviceBusy && n%3 == 0 {
				return 0
			}
			return say
		}
		return 0
	})
	inBubbleOf(t, typ, serve, func(t *testing.T, r *rig) {
		r.until("live", live)
		f := r.take(ann)
		defer r.beats(ann, f)()
		set := func() error {
			_, err := r.cmd(ann, f, "setpoint", edge.Args{"t": edge.Number(float64(n))})
			return err
		}
		if err := set(); err != nil {
			t.Fatal(err)
		}
		say = modbus.IllegalDataValue
		if err := set(); edge.CodeOf(err) != edge.CodeDeviceRefused || !strings.Contains(err.Error(), "illegal data value") {
			t.Errorf("%v", err)
		}
		say = modbus.ServerDeviceBusy
		if err := set(); err != nil {
			t.Errorf("a busy device is asked again: %v", err)
		}
	})
}

// A device of another model is refused, and nothing is written to it.
func TestAModbusDeviceOfAnotherModel(t *testing.T) {
	typ, ps := ParseType("controller.yaml", []byte(strings.Replace(controller, "{model: 0}", "{model: 4711}", 1)))
	if err := ps.Err(); err != nil {
		t.Fatal(err)
	}
	wrote := 0
	serve := far(t, typ, func(a modbus.Access) modbus.Exception {
		if a.Write {
			wrote++
		}
		return 0
	})
	inBubbleOf(t, typ, serve, func(t *testing.T, r *rig) {
		st := r.until("fault", func(st edge.Status) bool { return st.State == edge.StateFault })
		if !strings.Contains(st.Reason.Message, "model 0") || wrote > 0 {
			t.Errorf("%v, %d writes", st.Reason, wrote)
		}
	})
}

// Noise on the line costs one answer, and is told.
func TestModbusNoise(t *testing.T) {
	typ, ps := ParseType("controller.yaml", []byte(controller))
	if err := ps.Err(); err != nil {
		t.Fatal(err)
	}
	serve := far(t, typ, func(modbus.Access) modbus.Exception { return 0 })
	var line *mem.Port
	inBubbleOf(t, typ, func(p *mem.Port) { line = p; serve(p) }, func(t *testing.T, r *rig) {
		r.until("live", live)
		for range 20 {
			_ = line.Send([]byte{7, 4, 200, 0, 1, 2, 3}, transport.Stream)
			time.Sleep(130 * time.Millisecond)
		}
		st := r.until("live", live)
		if st.Counts.Garbage == 0 || st.Stream.RateHz < 3 {
			t.Errorf("%+v, %g Hz", st.Counts, st.Stream.RateHz)
		}
	})
}
