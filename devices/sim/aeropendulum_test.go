package sim

import (
	"fmt"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"labbox/devices/transport"
	"labbox/devices/transport/mem"
	"labbox/firmware-protocols/floats"
)

// aeroFields are the telemetry's floats in order.
var aeroFields = []string{"mode", "yk", "rk", "uk", "ek", "M1", "M2", "vel_man", "pos_man", "ctrl_mode", "ref_type", "freq", "amp", "Kp", "Ki", "Kd"}

type aeroTalk struct{ *talk }

func plugAero(t *testing.T, o Options) (aeroTalk, *aeropendulum) {
	d := Aeropendulum(o)
	return aeroTalk{plug(t, d, mem.Options{Messages: true})}, programOf[*aeropendulum](t, d)
}

func (k aeroTalk) set(key string, x float64) { k.say(fmt.Sprintf(`{"%s":"%g"}`, key, x)) }

// state is the telemetry after d.
func (k aeroTalk) state(d time.Duration) map[string]float64 {
	k.t.Helper()
	all := k.after(d)
	if len(all) == 0 {
		k.t.Fatal("silent")
	}
	return k.read(all[len(all)-1])
}

func (k aeroTalk) read(h heard) map[string]float64 {
	k.t.Helper()
	v, err := floats.Decode(nil, []byte(h.text), len(aeroFields))
	if err != nil || h.kind != transport.Binary {
		k.t.Fatalf("%v: %v", h.kind, err)
	}
	out := map[string]float64{}
	for i, name := range aeroFields {
		out[name] = v[i]
	}
	return out
}

func (k aeroTalk) mode(want aeroMode, after time.Duration) map[string]float64 {
	k.t.Helper()
	s := k.state(after)
	if aeroMode(s["mode"]) != want {
		k.t.Fatalf("mode %g, want %d: %v", s["mode"], want, s)
	}
	return s
}

func TestAeropendulumSaysHelloThenTelemetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, _ := plugAero(t, Options{Seed: 1})
		all := k.after(10*time.Second + time.Millisecond)
		if len(all) != 101 || all[0].text != floats.Hello || all[0].kind != transport.Text {
			t.Fatalf("%d messages, first %q", len(all), all[0].text)
		}
		still := true
		for _, h := range all[1:] {
			s := k.read(h)
			if aeroMode(s["mode"]) != aeroStandby || s["M1"] != 0 || math.Abs(s["yk"]) > 5 {
				t.Fatalf("in standby: %v", s)
			}
			still = still && s["yk"] == k.read(all[1])["yk"]
		}
		if still {
			t.Error("no noise")
		}
	})
}

func TestAeropendulumStates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, _ := plugAero(t, Options{Seed: 1})
		k.set("event", eventStart)
		k.set("event", eventStop)
		k.mode(aeroStandby, 300*time.Millisecond)
		k.set("event", eventPowerOn)
		turned := [2]float64{}
		for range 18 {
			s := k.mode(aeroStarting, 100*time.Millisecond)
			turned[0], turned[1] = math.Max(turned[0], s["M1"]), math.Max(turned[1], s["M2"])
		}
		if turned[0] < 100 || turned[1] < 100 {
			t.Errorf("the check turned the propellers at %v", turned)
		}
		k.mode(aeroReady, 500*time.Millisecond)
		k.set("event", eventStart)
		k.mode(aeroPID, 200*time.Millisecond)
		k.set("ctrl_mode", 0)
		k.mode(aeroTest, 200*time.Millisecond)
		k.set("ctrl_mode", 1)
		k.mode(aeroPID, 200*time.Millisecond)
		k.set("event", eventStop)
		if s := k.mode(aeroReady, time.Second); s["M1"] != 0 || s["M2"] != 0 || s["uk"] != 0 {
			t.Errorf("stopped, and %v", s)
		}
		k.set("event", eventPowerOff)
		k.mode(aeroStandby, 200*time.Millisecond)
		k.set("event", eventPowerOn)
		k.mode(aeroStarting, 200*time.Millisecond)
		k.set("event", eventStop)
		k.mode(aeroStandby, 3*time.Second)
	})
}

func (k aeroTalk) start() {
	k.t.Helper()
	k.set("event", eventPowerOn)
	k.mode(aeroReady, 2500*time.Millisecond)
	k.set("event", eventStart)
}

func TestAeropendulumPIDSettles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, _ := plugAero(t, Options{Seed: 1})
		k.start()
		for _, ref := range []float64{30, -30, 60, 10} {
			k.set("rk", ref)
			k.after(5 * time.Second)
			for range 20 {
				if s := k.mode(aeroPID, 100*time.Millisecond); math.Abs(s["yk"]-ref) > 1 || s["rk"] != ref || math.Abs(s["ek"]-(s["rk"]-s["yk"])) > 1e-4 {
					t.Fatalf("reference %g: %v", ref, s)
				}
			}
		}
	})
}

func TestAeropendulumFollowsItsReference(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, _ := plugAero(t, Options{Seed: 1})
		for shape, crossings := range map[float64]int{refSine: 4, refSquare: 4, refTriangle: 4} {
			k.set("ref_type", shape)
			k.set("freq", 0.2)
			k.set("amp", 20)
			k.set("rk", 10)
			k.after(time.Second)
			low, high, crossed, above := 99.0, -99.0, 0, false
			for range 100 { // 10 s are two periods
				s := k.state(100 * time.Millisecond)
				low, high = math.Min(low, s["rk"]), math.Max(high, s["rk"])
				if (s["rk"] >= 10) != above {
					above = !above
					crossed++
				}
			}
			if math.Abs(low+10) > 1 || math.Abs(high-30) > 1 || crossed < crossings-1 || crossed > crossings+1 {
				t.Errorf("shape %g: from %g to %g, %d crossings", shape, low, high, crossed)
			}
		}
	})
}

// By hand the arm rests where weight and thrust balance; too much, and it goes
// over: alarm, which only power off ends.
func TestAeropendulumByHandAndAlarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, _ := plugAero(t, Options{Seed: 1})
		k.set("ctrl_mode", 0)
		k.start()
		for _, u := range []float64{300, -300} {
			k.set("vel_man", u)
			s := k.mode(aeroTest, 6*time.Second)
			want := math.Copysign(math.Asin(300*300/(armHold*armHold))*180/math.Pi, u)
			if math.Abs(s["yk"]-want) > 1 || s["uk"] != u {
				t.Errorf("at %g: %v, want %.1f deg", u, s, want)
			}
		}
		k.set("vel_man", 600)
		s := k.mode(aeroAlarm, 4*time.Second)
		if s["M1"] != 0 || s["M2"] != 0 || s["vel_man"] != 0 {
			t.Errorf("in alarm: %v", s)
		}
		for _, e := range []float64{eventStop, eventPowerOn, eventStart} {
			k.set("event", e)
			k.mode(aeroAlarm, 200*time.Millisecond)
		}
		k.set("event", eventPowerOff)
		k.mode(aeroStandby, 200*time.Millisecond)
		k.after(5 * time.Second)
		k.start()
		k.mode(aeroTest, 200*time.Millisecond)
	})
}

func TestAeropendulumTakesEveryKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, _ := plugAero(t, Options{Seed: 1})
		shown := map[string]string{"rk": "pos_man"}
		for key, x := range map[string]float64{"vel_man": -250, "ctrl_mode": 0, "Kp": 1.25, "Ki": 2.5, "Kd": 0.75, "ref_type": 3,
			"freq": 0.25, "amp": 12, "rk": -20, "pos_man": 33} {
			field := key
			if f := shown[key]; f != "" {
				field = f
			}
			k.set(key, x)
			if got := k.state(150 * time.Millisecond)[field]; got != x {
				t.Errorf("%s %g shows as %s %g", key, x, field, got)
			}
		}
		before := k.state(100 * time.Millisecond)
		for key, x := range map[string]float64{"vel_man": 601, "ctrl_mode": 2, "Kp": -1, "ref_type": 1.5, "freq": 50, "amp": -3, "event": 9, "nonsense": 1} {
			k.set(key, x)
		}
		k.say(`{"Kp":5}`) // a number, where a text is due
		k.say(`garbage`)
		after := k.state(200 * time.Millisecond)
		for _, f := range aeroFields[7:] {
			if before[f] != after[f] {
				t.Errorf("%s went from %g to %g", f, before[f], after[f])
			}
		}
	})
}

// As the firmware in the field: who loses the link keeps flying. The box has to
// stop it when it is back.
func TestAeropendulumFliesOnWithoutALink(t *testing.T) {
	for _, reboot := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			d := Aeropendulum(Options{Seed: 1, Reboot: reboot})
			k := aeroTalk{plug(t, d, mem.Options{Messages: true})}
			k.set("rk", 40)
			k.start()
			k.mode(aeroPID, 3*time.Second)
			k.box.Unplug()
			time.Sleep(10 * time.Second)
			k = aeroTalk{plug(t, d, mem.Options{Messages: true})}
			want := aeroPID
			if reboot {
				want = aeroStandby
			}
			s := k.mode(want, 150*time.Millisecond)
			if !reboot && math.Abs(s["yk"]-40) > 2 {
				t.Errorf("back with %v", s)
			}
		})
	}
}
