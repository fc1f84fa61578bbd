package devices

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"time"

	"labbox/devices/transport"
	"labbox/devices/transport/mem"
	"labbox/edge"
	"labbox/firmware-protocols/modbus"
)

// slowly plays an instrument that takes its time over each answer, one after the
// other, and notes what came while it was at one.
type slowly struct {
	mu    sync.Mutex
	takes time.Duration
	reply func(req string) string
	got   []string

	silent map[string]bool // requests that get no answer
}

func (d *slowly) set(f func()) { d.mu.Lock(); defer d.mu.Unlock(); f() }

func (d *slowly) run(p *mem.Port) {
	reqs := make(chan string, 64)
	defer close(reqs)
	go func() {
		for req := range reqs {
			d.mu.Lock()
			takes, silent := d.takes, d.silent[req]
			d.mu.Unlock()
			time.Sleep(takes)
			d.mu.Lock()
			out := d.reply(req)
			d.mu.Unlock()
			if !silent {
				_ = p.Send([]byte(out), transport.Stream)
			}
			d.mu.Lock()
			d.got = append(d.got, req)
			d.mu.Unlock()
		}
	}()
	var line []byte
	buf := make([]byte, 256)
	for {
		n, _, err := p.Receive(buf)
		if err != nil {
			return
		}
		line = append(line, buf[:n]...)
		for {
			req, rest, ok := bytes.Cut(line, []byte("\r"))
			if !ok {
				break
			}
			line = append([]byte(nil), rest...)
			reqs <- string(req)
		}
	}
}

// A safe sequence that comes while a question is under way is read back all the
// same: questions are asked on while the device is being made safe.
func TestSafeDuringAQuestionIsReadBack(t *testing.T) {
	w := &water{temp: "21.5", power: "0", heater: "-"}
	d := &slowly{takes: 30 * time.Millisecond, reply: w.answer}
	typ := parsed(t, bath)
	inBubbleOf(t, typ, d.run, func(t *testing.T, r *rig) {
		r.until("live", live)
		for i := range 20 {
			time.Sleep(time.Duration(100+7*i) * time.Millisecond)
			res, err := r.Stop(t.Context(), ann)
			if err != nil || !res.Confirmed {
				t.Fatalf("stop %d: %+v, %v", i, res, err)
			}
			if err := r.Resume(tea); err != nil {
				t.Fatal(err)
			}
		}
		if n := r.count("safe", "outcome", "unconfirmed"); n > 0 {
			t.Errorf("%d times unconfirmed", n)
		}
	})
}

// A safe sequence that is wanted once more while one is read back does not starve
// that of its answers.
func TestReleaseWhileSafeIsReadBack(t *testing.T) {
	w := &water{temp: "21.5", power: "0", heater: "-"}
	d := &slowly{takes: 30 * time.Millisecond, reply: w.answer}
	inBubbleOf(t, parsed(t, bath), d.run, func(t *testing.T, r *rig) {
		r.until("live", live)
		for i := range 20 {
			f := r.take(ann)
			go func() { _, _ = r.Stop(t.Context(), ann) }()
			time.Sleep(time.Duration(40+10*i) * time.Millisecond)
			_ = r.Release(ann, f)
			time.Sleep(2 * time.Second)
			if err := r.Resume(tea); err != nil {
				t.Fatal(err)
			}
			r.until("live", live)
		}
		if n := r.count("safe", "outcome", "unconfirmed"); n > 0 {
			t.Errorf("%d times unconfirmed", n)
		}
	})
}

// A command that will not be answered any more does not keep the line from what
// the safe state is read back by.
func TestALongAnswerDoesNotKeepTheLine(t *testing.T) {
	w := &water{temp: "21.5", power: "0", heater: "-"}
	d := &slowly{reply: w.answer, silent: map[string]bool{"H+": true}}
	typ := parsed(t, strings.NewReplacer("send: {parts: [\"H\", {field: how, as: choice}]}\n    reply: {parts: [OK]}",
		"send: {parts: [\"H\", {field: how, as: choice}]}\n    reply: {parts: [DONE], within: 9s}", "stale_after: 2s", "stale_after: 50s").Replace(bath))
	inBubbleOf(t, typ, d.run, func(t *testing.T, r *rig) {
		r.until("live", live)
		f := r.take(ann)
		defer r.beats(ann, f)()
		go func() { _, _ = r.cmd(ann, f, "heat", edge.Args{"how": edge.Word("on")}) }()
		time.Sleep(time.Second)
		if res, err := r.Stop(t.Context(), ann); err != nil || !res.Confirmed {
			t.Errorf("%+v, %v", res, err)
		}
	})
}

// A command that is answered by "later" is not sent again after its time.
func TestABusyDeviceGetsNoLateCommand(t *testing.T) {
	w := &water{temp: "21.5", power: "0", heater: "-"}
	var began, last time.Time
	d := &slowly{}
	d.reply = func(req string) string {
		if req == "H+" {
			if last = time.Now(); began.IsZero() {
				began = last
			}
			return "BUSY\r\n"
		}
		return w.answer(req)
	}
	typ := parsed(t, strings.NewReplacer("wait: 20ms", "wait: 200ms", "stale_after: 2s", "stale_after: 30s").Replace(bath))
	inBubbleOf(t, typ, d.run, func(t *testing.T, r *rig) {
		r.until("live", live)
		f := r.take(ann)
		defer r.beats(ann, f)()
		_, err := r.cmd(ann, f, "heat", edge.Args{"how": edge.Word("on")})
		if err == nil {
			t.Error("obeyed")
		}
		d.set(func() {
			if late := last.Sub(began); late > maxWithin {
				t.Errorf("sent again %v after it was asked for: %v", late, err)
			}
		})
	})
}

// What a wrong answer came to is not sent again under the same key.
func TestAWrongAnswerIsRemembered(t *testing.T) {
	w, n := &water{temp: "21.5", power: "0", heater: "-"}, 0
	d := &slowly{}
	d.reply = func(req string) string {
		if req == "H+" {
			n++
			return "WHAT?\r\n"
		}
		return w.answer(req)
	}
	inBubbleOf(t, parsed(t, bath), d.run, func(t *testing.T, r *rig) {
		r.until("live", live)
		f := r.take(ann)
		defer r.beats(ann, f)()
		for range 2 {
			_, err := r.Command(t.Context(), ann, f, &edge.Command{Name: "heat", Key: "k", Args: edge.Args{"how": edge.Word("on")}, Tick: r.Status().Tick})
			if edge.CodeOf(err) != edge.CodeGarbage {
				t.Errorf("%v", err)
			}
		}
		d.set(func() {
			if n != 1 {
				t.Errorf("sent %d times", n)
			}
		})
	})
}

// What a file has sent after a missing answer is not sent to a device that is not
// known, nor to one that is stopped, and is held to the limits of its commands.
func TestRemediesAreHeldToTheRules(t *testing.T) {
	w := &water{temp: "21.5", power: "0", heater: "-"}
	d := &slowly{reply: w.answer, silent: map[string]bool{"P": true}}
	typ := parsed(t, strings.Replace(bath, "timeout: [{send: {parts: [RESET]}}]", "timeout: [{send: {parts: [RESET]}}, {command: heat, args: {how: on}}]", 1))
	inBubbleOf(t, typ, d.run, func(t *testing.T, r *rig) {
		saw := func(what string) (n int) {
			d.set(func() {
				for _, g := range d.got {
					if g == what {
						n++
					}
				}
			})
			return n
		}
		time.Sleep(3 * time.Second)
		if r.Status().State == edge.StateLive || saw("RESET")+saw("H+") > 0 {
			t.Fatalf("%s, sent %q", r.Status().State, d.got)
		}
		d.set(func() { d.silent = nil })
		r.until("live", live)
		d.set(func() { d.silent = map[string]bool{"P": true} })
		time.Sleep(time.Second)
		if saw("RESET") == 0 || saw("H+") > 0 {
			t.Fatalf("nobody drives: sent %q", d.got)
		}
		d.set(func() { d.silent = nil })
		time.Sleep(time.Second)
		r.until("live again", live)
		if res, err := r.Stop(t.Context(), ann); err != nil || !res.Confirmed {
			t.Fatalf("%+v, %v", res, err)
		}
		d.set(func() { d.silent, d.got = map[string]bool{"P": true}, nil })
		time.Sleep(time.Second)
		if saw("RESET")+saw("H+") > 0 {
			t.Fatalf("stopped: sent %q", d.got)
		}
	})
}

// A value that swings around an interlock's limit makes the device safe once at a
// time, and the log is not flooded.
func TestAnInterlockThatFlaps(t *testing.T) {
	const text = `schema: 1
type: x
label: {en: X}
protocol: {lines: {format: json}}
channels: [{id: v, label: {en: V}}, {id: on, label: {en: On}}]
commands: [{id: go, label: {en: Go}, send: {json: {go: 1}}, reply: {ok: {did: go}}}]
interlocks: [{when: [{channel: v, above: 10}], safe: true, text: {en: too much}}]
safe: {steps: [{send: {json: {stop: 1}}}], shows: [{channel: on, equals: 0}]}
`
	inBubbleOf(t, parsed(t, text), func(p *mem.Port) {
		for i := 0; ; i++ {
			time.Sleep(time.Millisecond)
			if p.Send([]byte([]string{`{"v":9,"on":0}`, `{"v":11,"on":0}`}[i%2]+"\n"), transport.Stream) != nil {
				return
			}
		}
	}, func(t *testing.T, r *rig) {
		r.until("live", live)
		time.Sleep(10 * time.Second)
		trips, safe := r.count("interlock", "text", "too much"), r.count("safe", "outcome", "confirmed")
		if trips == 0 || trips > 10*1000/int(inFlight.Milliseconds()) || safe > trips+2 {
			t.Errorf("%d events, %d times made safe in 10 s", trips, safe)
		}
	})
}

// Connecting does not talk into the answer to a question: a device may drop what
// comes while it is at one, as Modbus devices do.
func TestConnectingWaitsForAQuestion(t *testing.T) {
	text := strings.Replace(strings.Replace(controller, "table: coil, at: 3}", "table: coil, at: 3, every: 31ms}", 1), "connect:\n", "connect:\n  steps: [{send: {write: {sv: 20}}}, {send: {write: {sv: 20}}}]\n", 1)
	typ, ps := ParseType("c.yaml", []byte(text))
	if ps.Err() != nil {
		t.Fatal(ps.Err(), text)
	}
	bank, err := modbus.NewBank(typ.Protocol.Modbus.Registers, 2)
	if err != nil {
		t.Fatal(err)
	}
	inBubbleOf(t, typ, func(p *mem.Port) {
		srv := modbus.NewServer(modbus.RTU)
		srv.Attach(7, bank)
		in := make(chan []byte, 100)
		go func() {
			buf := make([]byte, 512)
			for {
				n, _, err := p.Receive(buf)
				if err != nil {
					close(in)
					return
				}
				in <- append([]byte(nil), buf[:n]...)
			}
		}()
		for b := range in {
			var out []byte
			srv.Feed(b, func(adu []byte) { out = append(out, adu...) })
			time.Sleep(20 * time.Millisecond)
			for len(in) > 0 {
				<-in
			}
			_ = p.Send(out, transport.Stream)
		}
	}, func(t *testing.T, r *rig) {
		for range 20 {
			r.until("live", live)
			time.Sleep(777 * time.Millisecond)
			r.replug()
		}
		for _, st := range r.states() {
			if strings.Contains(st, "contract") {
				t.Errorf("connecting failed: %s", st)
			}
		}
	})
}
