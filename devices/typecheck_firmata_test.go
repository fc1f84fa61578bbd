package devices

import (
	"strings"
	"testing"
	"time"

	"labbox/devices/transport"
	"labbox/firmware-protocols/firmata"
	"labbox/firmware-protocols/lines"
)

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

// Whatever a board sends once it is set up, cut as it may be, ends in samples,
// words or gaps.
func FuzzFirmata(f *testing.F) {
	f.Add([]byte("\xE0\x01\x02\xE0\x01\x02\x90\x04\x00"), uint8(1))
	f.Add([]byte("\xF9\x02\x05\xF9\x02\x04\xE0\x01"), uint8(3))
	f.Add(firmata.AppendPinState(firmata.AppendString(nil, "x"), 12, firmata.Output, 1), uint8(9))
	f.Add(firmata.AppendPinState(nil, 9, firmata.PWM, 255), uint8(0))
	f.Add([]byte("\xF0\x6C\x7F\xF7\xF0\x6A\xF7\xE0\xFF"), uint8(2))
	typ, ps := ParseType("bench.yaml", []byte(bench))
	if err := ps.Err(); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte, cut uint8) {
		c, err := newFirmataCodec(typ)
		if err != nil {
			t.Fatal(err)
		}
		dev, err := firmata.NewDevice(firmata.DeviceOptions{})
		if err != nil {
			t.Fatal(err)
		}
		in, s, w := newIntake(typ, nil), newStream("b", "d", nil), &watchers{}
		s.restart(1, typ.contract(nil), false)
		take := func(p []byte) {
			_ = c.feed(p, transport.Stream, func(r *lines.Record) {
				if w.record(r) != nil {
					return
				}
				if c.sort(r); r.Kind == lines.Values {
					in.take(r, time.Millisecond, s.lose, s.add)
				}
				clip(r.Raw)
			})
		}
		c.reset()
		dev.Boot(0)
		for done := false; !done; {
			take(dev.Output())
			var out []byte
			if out, done, err = c.greet(0); err != nil {
				t.Fatal(err)
			}
			dev.Feed(0, out)
		}
		out, err := c.encode(nil, typ.Safe.Steps[0].Send, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		e := newAnswer(out.answer, nil)
		w.add(e)
		w.arm(e, 0)
		out.begin()
		for rest := data; len(rest) > 0; {
			p := rest[:min(int(cut)+1, len(rest))]
			rest = rest[len(p):]
			take(p)
			_, _ = c.question([]string{"lamp"}, []string{"lamp", "key"})
		}
		if len(c.out) > mostWaiting {
			t.Errorf("%d bytes wait to be sent", len(c.out))
		}
		s.flush()
	})
}
