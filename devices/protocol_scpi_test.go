package devices

import (
	"strings"
	"testing"
	"time"

	"labbox/edge"
)

const psu = `schema: 1
type: psu
label: {en: Power supply}
protocol: {scpi: {end: "\n"}}
timing: {reply: 300ms}
stale_after: 2s
connect:
  identify:
    - {send: {parts: ["*IDN?"]}, reply: {parts: ["labbox,simulated psu,", {skip: true, as: text, default: "0,1"}]}}
polls:
  - {id: readings, send: {parts: ["MEAS:VOLT?;CURR?"]}, reply: {parts: [{field: volts}, ";", {field: amps}]}, every: 100ms}
  - {id: output, send: {parts: ["OUTP?"]}, reply: {parts: [{field: output, as: int}]}, every: 100ms}
channels:
  - {id: volts, label: {en: Voltage}, unit: V, resolution: 0.001, simulate: {follow: volts.x}}
  - {id: amps, label: {en: Current}, unit: A}
  - {id: output, label: {en: Output}, format: enum, choices: [{id: off, wire: 0}, {id: on, wire: 1}], simulate: {follow: output.state}}
commands:
  - id: volts
    label: {en: Voltage}
    params: [{id: x, range: [0, 30], default: 0, channel: volts}]
    send: {parts: ["VOLT ", {field: x, decimals: 3}]}
  - id: over
    label: {en: Too much for the device}
    params: [{id: x, range: [0, 99], default: 0}]
    send: {parts: ["OVER ", {field: x, decimals: 3}]}
  - id: output
    label: {en: Output}
    params: [{id: state, choices: [{id: off, wire: 0}, {id: on, wire: 1}]}]
    send: {parts: ["OUTP ", {field: state, as: int}], done_within: 1s}
  - id: asks
    label: {en: Asks}
    send: {parts: ["WHAT?"]}
    reply: {parts: [{field: answer, as: int}]}
safe:
  steps: [{command: output, args: {state: off}}]
  shows: [{channel: output, equals: off}]
`

func TestAnSCPIInstrument(t *testing.T) {
	typ, ps := ParseType("psu.yaml", []byte(psu))
	if err := ps.Err(); err != nil {
		t.Fatal(err)
	}
	inSimulation(t, typ, func(t *testing.T, r *simRig) {
		let := r.seize()
		defer let()
		r.do("volts", 12.5)
		r.do("output", "on")
		time.Sleep(time.Second)
		if v, o := r.stream.shown("volts"), r.stream.shown("output"); v != 12.5 || o != 1 {
			t.Errorf("%g V, output %g", v, o)
		}
		if st := r.Status(); st.Counts.Garbage > 0 || st.Counts.Lost > 0 {
			t.Errorf("%+v", st.Counts)
		}
	})
}

// What an instrument refuses stands in its error queue, and only there.
func TestAnSCPIInstrumentSaysWhatItRefused(t *testing.T) {
	errs := []string{`-222,"Data out of range"`, `+100,"limited"`}
	left := []string{}
	output := "0"
	d := &instrument{}
	d.reply = func(req string) string {
		switch {
		case req == "*IDN?":
			return "labbox,simulated psu,0,1\n"
		case strings.HasPrefix(req, "MEAS"):
			return "1.5;0.25\n"
		case req == "OUTP?":
			return output + "\n"
		case strings.HasPrefix(req, "OUTP "):
			output = req[5:]
		case req == "*OPC?":
			return "1\n"
		case strings.HasPrefix(req, "OVER"):
			left = append(left, errs...)
		case req == "WHAT?":
			left = append(left, `-113,"Undefined header"`)
		case req == "SYST:ERR?":
			if len(left) == 0 {
				return "+0,\"No error\"\n"
			}
			e := left[0]
			left = left[1:]
			return e + "\n"
		}
		return ""
	}
	d.end = "\n"
	withInstrument(t, psu, d, func(t *testing.T, r *rig) {
		r.until("live", live)
		f := r.take(ann)
		defer r.beats(ann, f)()
		_, err := r.cmd(ann, f, "over", edge.Args{"x": edge.Number(50)})
		if edge.CodeOf(err) != edge.CodeDeviceRefused || !strings.Contains(err.Error(), `-222,"Data out of range"; +100`) {
			t.Errorf("%v", err)
		}
		if _, err := r.cmd(ann, f, "volts", edge.Args{"x": edge.Number(5)}); err != nil {
			t.Errorf("after it: %v", err)
		}
		if _, err := r.cmd(ann, f, "asks", nil); edge.CodeOf(err) != edge.CodeDeviceRefused || !strings.Contains(err.Error(), "-113") {
			t.Errorf("a query that it does not know: %v", err)
		}
		if _, err := r.cmd(ann, f, "output", edge.Args{"state": edge.Word("on")}); err != nil {
			t.Errorf("%v", err)
		}
		// An error queue that never ends is no yes.
		d.on(func(req string) string {
			if req == "SYST:ERR?" {
				return "-1,\"again\"\n"
			}
			return "1;1\n"
		})
		if _, err := r.cmd(ann, f, "volts", edge.Args{"x": edge.Number(6)}); edge.CodeOf(err) != edge.CodeDeviceRefused {
			t.Errorf("%v", err)
		}
	})
}
