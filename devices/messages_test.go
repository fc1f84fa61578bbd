package devices

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"labbox/devices/transport/mem"
	"labbox/edge"
)

const bath = `schema: 1
type: bath
label: {en: Water bath}
protocol:
  messages:
    in: {end: "\r\n"}
    out: {end: "\r"}
    receive:
      - {id: alarm, parts: ["!ALARM ", {field: alarm, as: int}]}
timing: {reply: 200ms, pause: 5ms}
busy: {parts: [BUSY], wait: 20ms}
stale_after: 2s
connect:
  identify:
    - {send: {parts: [ID]}, reply: {parts: ["BATH ", {skip: true, as: word}]}}
on:
  timeout: [{send: {parts: [RESET]}}]
polls:
  - {id: temperature, send: {parts: [T]}, reply: {parts: ["T=", {field: temperature, as: number}, " C"]}, every: 100ms}
  - {id: power, send: {parts: [P]}, reply: {parts: ["P=", {field: power, as: int}, ",", {field: heater, as: choice}]}, every: 100ms}
channels:
  - {id: temperature, label: {en: Temperature}, unit: Cel}
  - {id: power, label: {en: Power}, unit: "%"}
  - {id: heater, label: {en: Heater}, format: enum, choices: [{id: off, wire: "-"}, {id: on, wire: "+"}]}
  - {id: alarm, label: {en: Alarm}, optional: true}
commands:
  - id: set
    label: {en: Set}
    params: [{id: x, range: [0, 99.94], default: 0, channel: power}]
    send: {parts: ["SP ", {field: x, decimals: 1}]}
    reply: {parts: [OK], error_parts: ["ERR ", {field: code, as: int}]}
  - id: heat
    label: {en: Heat}
    params: [{id: how, choices: [{id: off, wire: "-"}, {id: on, wire: "+"}]}]
    send: {parts: ["H", {field: how, as: choice}]}
    reply: {parts: [OK]}
interlocks:
  - {when: [{channel: temperature, above: 60}], forbid: [heat], text: {en: too hot}}
  - {when: [{channel: temperature, above: 80}], safe: true, text: {en: much too hot}}
safe:
  steps: [{send: {parts: ["H-"]}, reply: {parts: [OK]}}]
  shows: [{channel: heater, equals: off}]
`

// instrument answers requests by a function, one line each.
type instrument struct {
	mu    sync.Mutex
	reply func(req string) string
	got   []string
	end   string // of requests, default "\r"
	port  *mem.Port
}

func (d *instrument) run(p *mem.Port) {
	d.mu.Lock()
	d.port = p
	d.mu.Unlock()
	var line []byte
	end := d.end
	if end == "" {
		end = "\r"
	}
	buf := make([]byte, 256)
	for {
		n, kind, err := p.Receive(buf)
		if err != nil {
			return
		}
		line = append(line, buf[:n]...)
		for {
			req, rest, ok := bytes.Cut(line, []byte(end))
			if !ok {
				break
			}
			d.mu.Lock()
			d.got = append(d.got, string(req))
			out := d.reply(string(req))
			d.mu.Unlock()
			line = append([]byte(nil), rest...)
			_ = p.Send([]byte(out), kind)
		}
	}
}

func (d *instrument) on(f func(req string) string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.reply = f
}

func (d *instrument) saw(s string) (n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, g := range d.got {
		if g == s {
			n++
		}
	}
	return n
}

// withInstrument runs a test on a type of its own in fake time.
func withInstrument(t *testing.T, text string, d *instrument, test func(t *testing.T, r *rig)) {
	t.Helper()
	typ, ps := ParseType("test.yaml", []byte(text))
	if err := ps.Err(); err != nil {
		t.Fatal(err)
	}
	inBubbleOf(t, typ, d.run, test)
}

// inBubbleOf is the same with any far end.
func inBubbleOf(t *testing.T, typ *Type, far func(*mem.Port), test func(t *testing.T, r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &rig{t: t, plate: &plate{}, sink: &logSink{}, clock: edge.NewSystemClock(), kv: &memKV{m: map[string]string{}}}
		r.opener = mem.NewOpener(mem.Options{}, func(p *mem.Port) { go far(p) })
		r.line = r.opener
		r.start(typ, 0)
		t.Cleanup(func() { r.cancel(); <-r.done; time.Sleep(time.Second) })
		test(t, r)
	})
}

// water is a well-behaved bath.
type water struct {
	temp   string
	power  string
	heater string
}

func (w *water) answer(req string) string {
	switch {
	case req == "ID":
		return "BATH 9000\r\n"
	case req == "T":
		return "T=" + w.temp + " C\r\n"
	case req == "P":
		return "P=" + w.power + "," + w.heater + "\r\n"
	case strings.HasPrefix(req, "SP "):
		w.power, _, _ = strings.Cut(req[3:], ".")
		return "OK\r\n"
	case req == "H+", req == "H-":
		w.heater = req[1:]
		return "OK\r\n"
	}
	return "ERR 1\r\n"
}

func TestAnInstrumentIsAskedAndObeys(t *testing.T) {
	w := &water{temp: "21.5", power: "0", heater: "-"}
	d := &instrument{reply: w.answer}
	withInstrument(t, bath, d, func(t *testing.T, r *rig) {
		r.until("live", live)
		if r.Status().Safe != edge.SafeConfirmed || d.saw("H-") == 0 {
			t.Fatalf("%+v", r.Status())
		}
		time.Sleep(3 * time.Second)
		if x := r.stream.shown("temperature"); x != 21.5 {
			t.Errorf("temperature %g", x)
		}
		if hz := r.Status().Stream.RateHz; hz < 8 || hz > 11 {
			t.Errorf("a round of polls every 100 ms makes %g samples a second", hz)
		}
		f := r.take(ann)
		defer r.beats(ann, f)()
		res, err := r.cmd(ann, f, "set", edge.Args{"x": edge.Number(40)})
		if err != nil || res.Outcome != edge.OutcomeConfirmed || res.Reply != "OK" || d.saw("SP 40.0") != 1 {
			t.Fatalf("%+v, %v", res, err)
		}
		// 99.94 is allowed, and would be written as 99.9; 99.93 too. What one decimal
		// makes greater than the limit is refused.
		if _, err := r.cmd(ann, f, "set", edge.Args{"x": edge.Number(99.94)}); err != nil || d.saw("SP 99.9") != 1 {
			t.Errorf("%v", err)
		}
		w2 := *w
		d.on(func(req string) string {
			if strings.HasPrefix(req, "SP") {
				return "ERR 7\r\n"
			}
			return w2.answer(req)
		})
		if _, err := r.cmd(ann, f, "set", edge.Args{"x": edge.Number(1)}); edge.CodeOf(err) != edge.CodeDeviceRefused {
			t.Errorf("refused by the device: %v", err)
		}
		d.on(func(req string) string {
			if strings.HasPrefix(req, "SP") {
				return "WHAT?\r\n"
			}
			return w2.answer(req)
		})
		if _, err := r.cmd(ann, f, "set", edge.Args{"x": edge.Number(1)}); edge.CodeOf(err) != edge.CodeGarbage || !strings.Contains(err.Error(), "byte 0") {
			t.Errorf("a wrong answer: %v", err)
		}
	})
}

func TestABusyInstrumentIsAskedAgain(t *testing.T) {
	w, n := &water{temp: "21.5", power: "0", heater: "-"}, 0
	d := &instrument{}
	d.reply = func(req string) string {
		if n++; n%3 != 0 {
			return "BUSY\r\n"
		}
		return w.answer(req)
	}
	withInstrument(t, bath, d, func(t *testing.T, r *rig) {
		r.until("live", live)
		f := r.take(ann)
		defer r.beats(ann, f)()
		if _, err := r.cmd(ann, f, "heat", edge.Args{"how": edge.Word("on")}); err != nil {
			t.Error(err)
		}
	})
}

func TestWhatComesByItselfIsNoAnswer(t *testing.T) {
	w := &water{temp: "21.5", power: "0", heater: "-"}
	d := &instrument{reply: func(req string) string { return "!ALARM 3\r\n" + w.answer(req) }}
	withInstrument(t, bath, d, func(t *testing.T, r *rig) {
		r.until("live", live)
		time.Sleep(300 * time.Millisecond)
		if r.stream.shown("alarm") != 3 || r.stream.shown("temperature") != 21.5 || r.Status().Counts.Garbage > 0 {
			t.Errorf("%+v", r.Status().Counts)
		}
	})
}

func TestAnInstrumentOfAnotherTypeIsRefused(t *testing.T) {
	w := &water{temp: "21.5", power: "0", heater: "-"}
	d := &instrument{reply: func(req string) string {
		if req == "ID" {
			return "SCALE 5\r\n"
		}
		return w.answer(req)
	}}
	withInstrument(t, bath, d, func(t *testing.T, r *rig) {
		st := r.until("fault", func(st edge.Status) bool { return st.State == edge.StateFault })
		if st.Reason == nil || !strings.Contains(st.Reason.Message, "SCALE 5") {
			t.Errorf("%+v", st.Reason)
		}
		if d.saw("T")+d.saw("H-") > 0 {
			t.Errorf("it was sent %q", d.got)
		}
		d.on(w.answer) // the right one is plugged into the same line
		r.until("live", live)
	})
}

func TestInterlocks(t *testing.T) {
	w := &water{temp: "21.5", power: "0", heater: "-"}
	d := &instrument{reply: w.answer}
	withInstrument(t, bath, d, func(t *testing.T, r *rig) {
		r.until("live", live)
		f := r.take(ann)
		defer r.beats(ann, f)()
		heat := func() edge.Code {
			_, err := r.cmd(ann, f, "heat", edge.Args{"how": edge.Word("on")})
			return edge.CodeOf(err)
		}
		if c := heat(); c != "" {
			t.Fatal(c)
		}
		hot := func(x string) {
			d.mu.Lock()
			w.temp = x
			d.mu.Unlock()
			time.Sleep(300 * time.Millisecond)
			r.until("live", live)
		}
		hot("61")
		if c := heat(); c != edge.CodeInterlock {
			t.Errorf("heated at 61: %q", c)
		}
		if w.heater != "+" {
			t.Error("a forbidden command made it safe")
		}
		hot("81")
		if w.heater != "-" || r.count("interlock", "text", "much too hot") != 1 {
			t.Errorf("heater %s", w.heater)
		}
		if _, err := r.cmd(ann, f, "set", edge.Args{"x": edge.Number(1)}); edge.CodeOf(err) != edge.CodeInterlock {
			t.Errorf("obeyed at 81: %v", err)
		}
		hot("50")
		if c := heat(); c != "" {
			t.Errorf("not heated at 50: %q", c)
		}
	})
}

func TestQuestionsWithoutAnswer(t *testing.T) {
	w := &water{temp: "21.5", power: "0", heater: "-"}
	d := &instrument{reply: w.answer}
	withInstrument(t, bath, d, func(t *testing.T, r *rig) {
		r.until("live", live)
		lost := r.Status().Counts.Lost
		d.on(func(req string) string {
			if req == "P" {
				return ""
			}
			return w.answer(req)
		})
		time.Sleep(700 * time.Millisecond)
		if d.saw("RESET") == 0 || r.Status().Counts.Lost == lost {
			t.Errorf("%d resets, %+v", d.saw("RESET"), r.Status().Counts)
		}
		d.on(w.answer)
		r.until("live", live)
	})
}

// What a type file says of a device is enough to stand in for it.
func TestABathIsSimulatedFromItsFile(t *testing.T) {
	text := strings.Replace(bath, `- {id: temperature, label: {en: Temperature}, unit: Cel}`,
		`- {id: temperature, label: {en: Temperature}, unit: Cel, resolution: 0.01, simulate: {mean: 20, follow: set.x, lag: 1}}`, 1)
	text = strings.Replace(text, `- {id: power, label: {en: Power}, unit: "%"}`, `- {id: power, label: {en: Power}, unit: "%", resolution: 1, simulate: {follow: set.x}}`, 1)
	text = strings.Replace(text, `- {id: heater, label: {en: Heater},`, `- {id: heater, label: {en: Heater}, simulate: {follow: heat.how},`, 1)
	typ, ps := ParseType("bath.yaml", []byte(text))
	if err := ps.Err(); err != nil {
		t.Fatal(err)
	}
	inSimulation(t, typ, func(t *testing.T, r *simRig) {
		let := r.seize()
		defer let()
		r.do("set", 30)
		if _, err := r.ask("heat", "on"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		if x := r.stream.shown("temperature"); x < 49 || x > 51 {
			t.Errorf("temperature %g", x)
		}
		if x := r.stream.shown("heater"); x != 1 {
			t.Errorf("heater %g", x)
		}
		if st := r.Status(); st.Counts.Garbage > 0 || st.Counts.Lost > 0 {
			t.Errorf("%+v", st.Counts)
		}
	})
}

// A banner that no message can be is a mistake in the file.
func TestABannerThatNeverComes(t *testing.T) {
	text := strings.Replace(bath, "connect:\n", "connect:\n  banner: {redy: 1}\n", 1)
	if _, ps := ParseType("bath.yaml", []byte(text)); len(ps) != 1 || ps[0].Code != "unknown_field" {
		t.Errorf("%v", ps)
	}
}
