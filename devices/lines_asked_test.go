package devices

import (
	"strings"
	"testing"
	"time"

	"labbox/edge"
)

const scanner = `schema: 1
type: scanner
label: {en: Scanner}
protocol: {lines: {format: json}}
timing: {reply: 200ms}
stale_after: 2s
connect:
  identify:
    - {send: {json: {cmd: who}}, reply: {ok: {name: scanner}}}
polls:
  - {id: level, every: 100ms, send: {json: {id: lv, cmd: get, of: {part: level, raw: false}}}, reply: {ok: {id: lv, now.level: "*"}}}
channels:
  - {id: level, from: now.level, label: {en: Level}, simulate: {follow: level.x}}
  - {id: peak, from: now.peak, label: {en: Peak}, optional: true, simulate: {mean: 7}}
commands:
  - id: level
    label: {en: Level}
    params: [{id: x, range: [0, 10], default: 0, channel: level}]
    send: {json: {id: set, set: {level: $x}}}
    reply: {ok: {id: set, now.peak: "*"}, error: {error: "*"}}
safe: {text: {en: nothing moves}, steps: []}
`

// A device that speaks JSON only when it is asked: its answers are values, and
// answers to something else are none.
func TestLinesThatAreAskedFor(t *testing.T) {
	level := "3"
	d := &instrument{end: "\n"}
	d.reply = func(req string) string {
		switch {
		case strings.Contains(req, "who"):
			return `{"name":"scanner"}` + "\n"
		case req == `{"id":"lv","cmd":"get","of":{"part":"level","raw":false}}`:
			return `{"id":"other"}{"id":"lv","now":{"level":` + level + "}}\n"
		case req == `{"id":"set","set":{"level":5}}`:
			level = "5"
			return `{"id":"set","now":{"peak":8}}` + "\n"
		}
		return `{"error":"what?"}` + "\n"
	}
	withInstrument(t, scanner, d, func(t *testing.T, r *rig) {
		r.until("live", live)
		if x := r.stream.shown("level"); x != 3 {
			t.Errorf("level %g", x)
		}
		f := r.take(ann)
		defer r.beats(ann, f)()
		if _, err := r.cmd(ann, f, "level", edge.Args{"x": edge.Number(5)}); err != nil {
			t.Error(err)
		}
		time.Sleep(300 * time.Millisecond)
		if l, p := r.stream.shown("level"), r.stream.shown("peak"); l != 5 || p != 8 {
			t.Errorf("level %g, peak %g", l, p)
		}
		if _, err := r.cmd(ann, f, "level", edge.Args{"x": edge.Number(6)}); edge.CodeOf(err) != edge.CodeDeviceRefused {
			t.Errorf("refused by the device: %v", err)
		}
	})
	typ, ps := ParseType("scanner.yaml", []byte(scanner))
	if err := ps.Err(); err != nil {
		t.Fatal(err)
	}
	inSimulation(t, typ, func(t *testing.T, r *simRig) {
		let := r.seize()
		defer let()
		r.do("level", 4)
		r.shows("level", 4)
		r.shows("peak", 7)
		if st := r.Status(); st.Counts.Garbage > 0 || st.Counts.Lost > 0 {
			t.Errorf("%+v", st.Counts)
		}
	})
}

func TestNestedPlaceholdersAreChecked(t *testing.T) {
	for from, to := range map[string]string{"level: $x}": "level: $y}", "raw: false": "raw: [1]"} {
		if _, ps := ParseType("scanner.yaml", []byte(strings.Replace(scanner, from, to, 1))); len(ps) == 0 {
			t.Errorf("%s is taken", to)
		}
	}
}
