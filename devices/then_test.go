package devices

import (
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"labbox/devices/transport/mem"
	"labbox/edge"
)

// gauge acknowledges a request, and says the value when it is asked for it
// (Pfeiffer TPG 26x, "Communication protocol"): two exchanges are one.
const gauge = `schema: 1
type: gauge
label: {en: Vacuum gauge}
protocol:
  messages:
    in: {end: "\r\n"}
    out: {silence: 1ms}
polls:
  - id: pressure
    send: {parts: ["PR1\r"]}
    reply:
      parts: ["\x06"]
      error_parts: ["\x15"]
      then:
        - {send: {parts: ["\x05"]}, reply: {parts: [{field: status, as: int}, ",", {field: pressure}]}}
    every: 100ms
channels:
  - {id: pressure, label: {en: Pressure}, unit: mbar}
  - {id: status, label: {en: Status}}
commands:
  - id: sensor
    label: {en: Sensor}
    params: [{id: to, choices: [{id: off, wire: "1"}, {id: on, wire: "2"}]}]
    send: {parts: ["SEN,", {field: to, as: choice}, "\r"]}
    reply:
      parts: ["\x06"]
      error_parts: ["\x15"]
      then: [{send: {parts: ["\x05"]}, reply: {parts: [{equals: $to, as: choice}]}}]
safe:
  resync: "\x03"
  steps: [{command: sensor, args: {to: off}}]
`

// gaugeEnd is such a gauge.
type gaugeEnd struct {
	mu            sync.Mutex
	ready, sensor string
	refuses       bool
}

func (g *gaugeEnd) reply(req string) string {
	req = strings.TrimLeft(req, "\x03\r")
	switch {
	case req == "PR1":
		g.ready = "0,1.5E-3"
	case req == "\x05":
		return g.ready + "\r\n"
	case strings.HasPrefix(req, "SEN,") && !g.refuses:
		g.sensor = req[4:]
		g.ready = g.sensor
	default:
		return "\x15\r\n"
	}
	return "\x06\r\n"
}

// run is its line: ENQ has no terminator.
func (g *gaugeEnd) run(p *mem.Port) {
	buf, line := make([]byte, 256), ""
	for {
		n, kind, err := p.Receive(buf)
		if err != nil {
			return
		}
		for _, c := range string(buf[:n]) {
			if line += string(c); c == '\x05' || c == '\r' {
				g.mu.Lock()
				out := g.reply(strings.TrimRight(line, "\r"))
				g.mu.Unlock()
				_ = p.Send([]byte(out), kind)
				line = ""
			}
		}
	}
}

func TestAskThenEnquire(t *testing.T) {
	g := &gaugeEnd{}
	typ, ps := ParseType("test.yaml", []byte(gauge))
	if err := ps.Err(); err != nil {
		t.Fatal(err)
	}
	inBubbleOf(t, typ, g.run, func(t *testing.T, r *rig) {
		r.until("live", live)
		if r.Status().Safe != edge.SafeConfirmed || r.stream.shown("pressure") != 1.5e-3 {
			t.Fatalf("%+v, %g", r.Status(), r.stream.shown("pressure"))
		}
		if err := r.drive("sensor", "to", "on"); err != nil || g.sensor != "2" {
			t.Fatal(err, g.sensor)
		}
		g.mu.Lock()
		g.refuses = true
		g.mu.Unlock()
		if err := r.drive("sensor", "to", "on"); edge.CodeOf(err) != edge.CodeDeviceRefused || !strings.Contains(err.Error(), `\x15`) {
			t.Fatal(err)
		}
		if c := r.Status().Counts; c.Lost != 0 {
			t.Fatalf("%+v", c)
		}
	})
}

// block answers in several lines, and says BUSY now and then.
const block = `schema: 1
type: block
label: {en: Oven}
protocol: {messages: {in: {end: "\r\n"}}}
busy: {parts: [BUSY], wait: 20ms}
polls:
  - id: status
    send: {parts: [STATUS]}
    reply:
      parts: ["TEMP ", {field: temp}, " C"]
      then:
        - {reply: {parts: ["HEAT ", {field: heat, as: choice}]}}
        - {reply: {parts: [END]}}
    every: 500ms
channels:
  - {id: temp, label: {en: Temperature}, unit: Cel}
  - {id: heat, label: {en: Heater}, format: enum, choices: [{id: off, wire: "OFF"}, {id: on, wire: "ON"}]}
commands:
  - id: heat
    label: {en: Heater}
    params: [{id: to, choices: [{id: off, wire: "OFF"}, {id: on, wire: "ON"}]}]
    send: {parts: ["HEAT ", {field: to, as: choice}]}
    reply: {parts: [OK], error_parts: ["ERR ", {skip: true, as: text}]}
safe:
  resync: "\r\n"
  steps: [{command: heat, args: {to: off}}]
  shows: [{channel: heat, equals: off}]
`

func blockReply(heat *string, busy *int) func(string) string {
	return func(req string) string {
		switch {
		case *busy > 0:
			*busy--
			return "BUSY\r\n"
		case req == "STATUS":
			return "TEMP 21.5 C\r\nHEAT " + *heat + "\r\nEND\r\n"
		case strings.HasPrefix(req, "HEAT "):
			*heat = req[5:]
			return "OK\r\n"
		}
		return "ERR 1 unknown\r\n" // an empty line, too
	}
}

func TestAnswerOfSeveralLines(t *testing.T) {
	heat, busy := "ON", 2
	d := &instrument{end: "\r\n", reply: blockReply(&heat, &busy)}
	withInstrument(t, block, d, func(t *testing.T, r *rig) {
		r.until("live", live) // though the empty line before the safe step is refused
		if heat != "OFF" {
			t.Fatal("it heats")
		}
		before := r.Status().Counts
		time.Sleep(5 * time.Second)
		synctest.Wait()
		after := r.Status().Counts
		if n := after.Samples - before.Samples; n < 9 || n > 11 || after.Lost != before.Lost {
			t.Fatalf("%d samples of ten answers, %d lost", n, after.Lost-before.Lost)
		}
		d.on(func(req string) string {
			if req == "STATUS" {
				return "TEMP 21.5 C\r\nHE?T\r\nEND\r\n"
			}
			return blockReply(&heat, &busy)(req)
		})
		time.Sleep(1200 * time.Millisecond)
		synctest.Wait()
		if c := r.Status().Counts; c.Lost == after.Lost {
			t.Fatal("a line that was damaged is no loss")
		}
	})
}

// The safe sequence begins while a question is under way, again and again: what
// is asked goes on, for it shows that the device is safe.
func TestSafeWithinAQuestion(t *testing.T) {
	heat, busy := "OFF", 0
	d := &instrument{end: "\r\n", reply: blockReply(&heat, &busy)}
	withInstrument(t, block, d, func(t *testing.T, r *rig) {
		r.until("live", live)
		d.on(func(req string) string {
			time.Sleep(100 * time.Millisecond)
			return blockReply(&heat, &busy)(req)
		})
		teacher := edge.Actor{Seat: "s", Role: edge.RoleTeacher}
		for i := range 20 {
			time.Sleep(530 * time.Millisecond)
			res, err := r.Stop(t.Context(), teacher)
			if err != nil || !res.Confirmed {
				t.Fatalf("stop %d: %+v, %v", i, res, err)
			}
			if err := r.Resume(teacher); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestDefaultsFollowThePolls(t *testing.T) {
	typ, ps := ParseType("test.yaml", []byte(strings.Replace(block, "every: 500ms", "every: 3s", 1)))
	if err := ps.Err(); err != nil {
		t.Fatal(err)
	}
	if typ.Stale != 7*time.Second || typ.Safe.Within != 7*time.Second {
		t.Fatalf("stale after %v, shows within %v: two answers do not fit in", typ.Stale, typ.Safe.Within)
	}
}

func TestThenIsChecked(t *testing.T) {
	for name, c := range map[string]struct{ from, to, code string }{
		"nothing":   {"- {reply: {parts: [END]}}", "- {}", "missing"},
		"nested":    {"{reply: {parts: [END]}}", "{reply: {parts: [END], then: [{reply: {parts: [X]}}]}}", "bad_value"},
		"own time":  {"{reply: {parts: [END]}}", "{reply: {parts: [END], within: 1s}}", "bad_value"},
		"parameter": {"{reply: {parts: [END]}}", "{send: {parts: [{field: x}]}}", "unknown_param"},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(block, c.from, c.to, 1)
			if text == block {
				t.Fatal("nothing replaced")
			}
			_, ps := ParseType("test.yaml", []byte(text))
			if len(ps) != 1 || ps[0].Code != c.code {
				t.Fatalf("%v", ps)
			}
		})
	}
}

// A device that only answers, such as a lamp that is told its colour, is known by
// what it answers at the start; that it is quiet then is no reason for anything.
func TestADeviceThatOnlyAnswers(t *testing.T) {
	const lamp = `schema: 1
type: lamp
label: {en: Lamp}
protocol: {messages: {in: {end: "\r\n"}, out: {end: "\r"}}}
connect: {identify: [{send: {parts: ["0"]}, reply: {parts: [OFF]}}]}
channels: [{id: level, label: {en: Level}}]
commands:
  - id: set
    label: {en: Set}
    params: [{id: x, type: int, range: [0, 99]}]
    send: {parts: [{field: x, as: int}]}
    reply: {parts: ["ON ", {field: level, as: int}]}
safe: {steps: [{send: {parts: ["0"]}, reply: {parts: [OFF]}}]}
`
	d := &instrument{reply: func(req string) string {
		if req == "0" {
			return "OFF\r\n"
		}
		return "ON " + req + "\r\n"
	}}
	withInstrument(t, lamp, d, func(t *testing.T, r *rig) {
		r.until("live", live)
		time.Sleep(time.Minute)
		synctest.Wait()
		if st := r.Status(); st.State != edge.StateLive || st.Counts.Lost != 0 || d.saw("0") != 2 {
			t.Fatalf("%+v, %q", st, d.got)
		}
		f := r.take(ann)
		defer r.beats(ann, f)()
		_, err := r.cmd(ann, f, "set", edge.Args{"x": edge.Number(40)})
		synctest.Wait() // the value is shown after the answer
		if err != nil || r.stream.shown("level") != 40 {
			t.Fatal(err, r.stream.shown("level"))
		}
	})
}
