package devices

import (
	"math"
	"strings"
	"testing"
	"time"

	"labbox/devices/transport"
	"labbox/edge"
	"labbox/firmware-protocols/lines"
)

func TestWhatIsNoStageIsRefused(t *testing.T) {
	d := &instrument{end: "\n", reply: func(string) string { return "{\"t\":1}\r\n" }}
	inBubbleOf(t, stageType(t), d.run, func(t *testing.T, r *rig) {
		time.Sleep(3500 * time.Millisecond)
		d.prints(t, "HELLO\r\n")
		r.until("fault", func(st edge.Status) bool { return st.State == edge.StateFault })
		d.mu.Lock()
		defer d.mu.Unlock()
		if len(d.got) > 0 {
			t.Errorf("it was sent lines: %q", d.got)
		}
	})
}

const machine = `schema: 1
type: machine
label: {en: Machine}
protocol: {gcode: {status: M114, poll: 200ms}}
stale_after: 2s
connect: {identify: [{send: {parts: [$I]}, reply: {ok: {VER: "1.1h.20190825:"}, within: 300ms}}]}
channels:
  - {id: x, label: {en: X}, unit: mm}
  - {id: steps, from: count_x, label: {en: Steps}}
`

// A machine may be asked by a line, and say who it is.
func TestAMachineIsAskedByALine(t *testing.T) {
	version := "[VER:0.9j.20160303:]\r\nok\r\n"
	d := &instrument{end: "\n"}
	d.reply = func(req string) string {
		switch req {
		case "$I":
			return version
		case "M114":
			return "X:1.50 Y:0.00 Z:0.00 E:0.00 Count X:120 Y:0 Z:0\nok\n"
		}
		return "error:20\n"
	}
	withInstrument(t, machine, d, func(t *testing.T, r *rig) {
		st := r.until("fault", func(st edge.Status) bool { return st.State == edge.StateFault })
		if st.Reason == nil || !strings.Contains(st.Reason.Message, "0.9j") || d.saw("M114") > 0 {
			t.Errorf("%+v, asked %d times", st.Reason, d.saw("M114"))
		}
		d.on(func(req string) string {
			if req == "$I" {
				return "[VER:1.1h.20190825:]\r\n[OPT:V,15,128]\r\nok\r\n"
			}
			return "X:1.50 Y:0.00 Z:0.00 E:0.00 Count X:120 Y:0 Z:0\nok\n"
		})
		r.until("live", live)
		time.Sleep(3 * time.Second)
		st = r.Status()
		if r.stream.shown("x") != 1.5 || r.stream.shown("steps") != 120 || math.Abs(st.Stream.RateHz-5) > 0.5 || st.Counts.Garbage > 0 || st.Counts.Lost > 0 {
			t.Errorf("x %g, %+v, %g Hz", r.stream.shown("x"), st.Counts, st.Stream.RateHz)
		}
	})
}

func TestGcodeTypesAreChecked(t *testing.T) {
	data, err := catalogFS.ReadFile("catalog/stage.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for change, want := range map[[2]string]string{
		{"buffer: 127", "buffer: 3"}:                                      "buffer of 3 bytes",
		{"buffer: 127", "bufer: 127"}:                                     "buffer",
		{"buffer: 127", "numbered: true"}:                                 "not sent yet",
		{"from: feed", "from: fead"}:                                      "did you mean `feed`?",
		{"from: feed", "from: Feed Rate"}:                                 "no report has a field",
		{`{realtime: "~"}`, `{realtime: "~~"}`}:                           "no realtime byte",
		{`{realtime: "~"}`, `{realtime: "x"}`}:                            "no realtime byte",
		{`{realtime: "~"}`, "{realtime: \"~\"}\n    reply: {within: 1s}"}: "does not answer",
		{`["$H"]`, `["$H!"]`}:                                             "cannot be sent",
		{`["X0"]`, `["X", {field: sid}]`}:                                 "did you mean `side`?",
		{`["X0"]`, `["X", {field: side, decimal: 3}]`}:                    "decimals",
		{`{parts: ["$X"]}`, `{json: {a: 1}}`}:                             "have no `json`",
		{`["$X"]`, `["(` + strings.Repeat("0", 130) + `)"]`}:              "cannot be sent",
	} {
		text := strings.Replace(string(data), change[0], change[1], 1)
		_, ps := ParseType("stage.yaml", []byte(text))
		if err := ps.Err(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q", change, err, want)
		}
	}
}

// A status report costs no memory.
func TestStatusReportsAllocateNothing(t *testing.T) {
	typ := stageType(t)
	c, err := newCodec(typ)
	if err != nil {
		t.Fatal(err)
	}
	in := newIntake(typ, nil)
	n := 0
	out := func(time.Duration, float64, []float64) { n++ }
	take := func(r *lines.Record) { in.take(r, time.Second, nil, out) }
	text := []byte("<Run|MPos:1.000,2.000,3.000|FS:500,0|WCO:0.000,0.000,0.000|Pn:XP>\r\n")
	if a := testing.AllocsPerRun(100, func() { _ = c.feed(text, transport.Stream, take) }); a != 0 || n < 100 {
		t.Errorf("%g allocations for a report, %d samples", a, n)
	}
}
