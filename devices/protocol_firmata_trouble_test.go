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
			if r.count("text", "text", "the device started again") == 0 && away < time.Second {
				t.Errorf("after %v: nobody noticed that it started again", away)
			}
			if m, v := b.pin(12); m != firmata.Output || v != 0 || st.Safe != edge.SafeConfirmed {
				t.Errorf("after %v: lamp %s %d, %s", away, m, v, st.Safe)
			}
			if m, _ := b.pin(10); m != firmata.Servo {
				t.Errorf("arm is %s", m)
			}
			if err := r.drive("lamp", "state", "on"); err != nil {
				t.Errorf("after %v: %v", away, err)
			}
			time.Sleep(3 * time.Second) // the rate is that of the last 2.5 s
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
		time.Sleep(2 * time.Second)
		if st := r.Status(); !live(st) {
			t.Errorf("%s: the analog inputs still come", st.State)
		}
		_, lamp := r.stream.reading("lamp")
		_, light := r.stream.reading("light")
		if light-lamp < time.Second || !math.IsNaN(r.readBack("lamp")) {
			t.Errorf("what nobody can read back is shown up to %v, the light up to %v", lamp, light)
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
			b.do(func(d *firmata.Device, _ time.Duration) { d.SetDigital(2, high) })
			time.Sleep(time.Millisecond)
			if want := map[bool]float64{true: 1}[high]; r.stream.shown("key") != want {
				t.Errorf("key %g a millisecond after it became %g", r.stream.shown("key"), want)
			}
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

// A board that starts again before anybody knew it is set up again.
func TestAFirmataBoardThatStartsAgainTooEarly(t *testing.T) {
	withBoard(t, benchType(t), firmata.DeviceOptions{}, func(t *testing.T, r *rig, b *firmataBoard) {
		b.set(func() { // it answers no question about pins that begins with an END
			b.twist = func(in []byte) []byte {
				if strings.HasPrefix(string(in), "\xF7\xF0\x6D") {
					return nil
				}
				return in
			}
		})
		r.until("fault", func(st edge.Status) bool { return st.State == edge.StateFault })
		b.do(func(d *firmata.Device, now time.Duration) { b.twist = nil; d.Boot(now) })
		r.until("live", live)
	})
}
