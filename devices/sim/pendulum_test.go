package sim

import (
	"encoding/json"
	"math"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"labbox/devices/transport/mem"
)

var reportLine = regexp.MustCompile(`^\{"enc":-?\d+,"time":\d+\}\r\n$`)

const step = 0.001

// Small swings have the period 2 pi/w0, within what their size adds
// (1 + q^2/16).
func TestPendulumPeriod(t *testing.T) {
	p := pendulum{}
	p.y[0] = 5 * math.Pi / 180
	var first, last float64
	crossings := 0
	for i := range 7_000 {
		before := p.y[0]
		p.step(step)
		if before < 0 && p.y[0] >= 0 {
			last = (float64(i) + before/(before-p.y[0])) * step
			if crossings++; crossings == 1 {
				first = last
			}
		}
	}
	want := 2 * math.Pi / math.Sqrt(pendulumW2)
	if got := (last - first) / float64(crossings-1); math.Abs(got-want) > 0.002*want {
		t.Errorf("period %.4f s, want %.4f s", got, want)
	}
}

func TestPendulumLosesItsEnergy(t *testing.T) {
	for _, c := range []struct {
		name  string
		mode  motorMode
		level float64
		after float64 // s; less than 1 % of the energy is left
	}{{"free", motorFree, 0, 90}, {"loaded", motorLoaded, 0, 6}, {"braked", motorBrake, 1, 2.5}} {
		p := pendulum{mode: c.mode, level: c.level}
		p.y[0] = 1
		start := p.energy()
		for i := range int(c.after / step) {
			before := p.energy()
			p.step(step)
			if p.energy() > before+1e-9 {
				t.Fatalf("%s: gains energy at %g s: %g to %g", c.name, float64(i)*step, before, p.energy())
			}
		}
		if left := p.energy() / start; left > 0.01 {
			t.Errorf("%s: %.1f %% of the energy is left after %g s", c.name, 100*left, c.after)
		}
	}
}

// Without friction the integration keeps the energy to a millionth in a minute.
func TestIntegrationKeepsEnergy(t *testing.T) {
	y := state{1, 0}
	energy := func() float64 { return y[1]*y[1]/2 + pendulumW2*(1-math.Cos(y[0])) }
	before := energy()
	for range 60_000 {
		y = rk4(y, step, func(y state) state { return state{y[1], -pendulumW2 * math.Sin(y[0])} })
	}
	if d := math.Abs(energy()/before - 1); d > 1e-6 {
		t.Errorf("energy is off by %g", d)
	}
}

// A constant drive moves the resting angle to asin(A u/w0^2).
func TestPendulumDriven(t *testing.T) {
	p := pendulum{mode: motorDrive, level: 0.5}
	for range 120_000 {
		p.step(step)
	}
	if want := math.Asin(pendulumDrive * 0.5 / pendulumW2); math.Abs(p.y[0]-want) > 0.01 {
		t.Errorf("rests at %.3f rad, want %.3f", p.y[0], want)
	}
}

func TestEncoderWraps(t *testing.T) {
	for in, want := range map[int]int{0: 0, 1199: 1199, 1200: -1200, -1200: -1200, -1201: 1199, 2400: 0, 5000: 200} {
		if got := wrapCounts(in); got != want {
			t.Errorf("%d wraps to %d, want %d", in, got, want)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		d := Pendulum(Options{Seed: 1, Still: true})
		p := programOf[*penduino](t, d)
		p.plant.y = state{0, 14} // over the top
		low, high := 0, 0
		for _, h := range plug(t, d, mem.Options{}).after(2 * time.Second) {
			enc := report(t, h).Enc
			low, high = min(low, enc), max(high, enc)
		}
		if low < -1200 || high > 1199 || low > -1100 || high < 1100 {
			t.Errorf("counts from %d to %d", low, high)
		}
	})
}

type penduinoReport struct {
	Enc, Time int
	Cal       bool
	SameCount int
}

func report(t *testing.T, h heard) (r penduinoReport) {
	t.Helper()
	if err := json.Unmarshal([]byte(h.text), &r); err != nil {
		t.Fatalf("%q: %v", h.text, err)
	}
	return r
}

func TestPenduinoReports(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := plug(t, Pendulum(Options{Seed: 1}), mem.Options{Baud: 57600})
		all := k.after(10*time.Second + 5*time.Millisecond)
		if n := len(all); n < 999 || n > 1000 {
			t.Errorf("%d reports in 10 s", n)
		}
		low, high := 0, 0
		for i, h := range all {
			if !reportLine.MatchString(h.text) {
				t.Fatalf("report %q", h.text)
			}
			r := report(t, h)
			if r.Time != 10*(i+1) {
				t.Fatalf("report %d at %d ms", i, r.Time)
			}
			low, high = min(low, r.Enc), max(high, r.Enc)
		}
		if low > -250 || high < 250 {
			t.Errorf("swings from %d to %d counts: nothing to see", low, high)
		}
	})
}

// The reply to stop has no newline: it stands in front of the next report.
func TestPenduinoStopIsGlued(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := plug(t, Pendulum(Options{Seed: 1}), mem.Options{})
		k.after(15 * time.Millisecond)
		for _, how := range []string{"brake", "loaded", "unloaded"} {
			k.say(`{"cmd":"stop","param":"` + how + `"}` + "\n")
			got := k.after(10 * time.Millisecond)
			if len(got) != 1 || !strings.HasPrefix(got[0].text, `{"result":"ok"}{"enc":`) {
				t.Errorf("after stop %s: %q", how, texts(got))
			}
		}
	})
}

func TestPenduinoStopWithoutParamRestarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := Pendulum(Options{Seed: 1, Still: true})
		k := plug(t, d, mem.Options{})
		k.say("{\"cmd\":\"drive\",\"param\":80}\n{\"cmd\":\"interval\",\"param\":50}\n")
		k.after(3 * time.Second)
		k.say("{\"cmd\":\"stop\"}\n{\"cmd\":\"drive\",\"param\":100}\n")
		if got := k.after(bootLoader - time.Millisecond); len(got) > 0 {
			t.Fatalf("says %q while it restarts", texts(got))
		}
		got := k.after(time.Second)
		first := report(t, got[0])
		if first.Time != int(bootLoader/time.Millisecond) || len(got) < 90 {
			t.Errorf("starts with %q, %d reports in a second", got[0].text, len(got))
		}
		p := programOf[*penduino](t, d)
		if p.plant.mode != motorFree {
			t.Error("the motor still runs, or a command was obeyed while it restarted")
		}
	})
}

func TestPenduinoCalibrates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := Pendulum(Options{Seed: 1, Still: true})
		p := programOf[*penduino](t, d)
		p.plant.y[0] = 0.5
		p.zero = 77
		k := plug(t, d, mem.Options{})
		k.say("{\"cmd\":\"calibrate\"}\n")
		first := texts(k.after(100 * time.Millisecond))
		if !strings.Contains(first[0], `{"result":"ok"}`) {
			t.Errorf("reply %q", first[0])
		}
		last := first[len(first)-1]
		if !regexp.MustCompile(`^\{"cal":true,"enc":-?\d+,"sameCount":\d+,"time":\d+\}\r\n$`).MatchString(last) {
			t.Errorf("while calibrating %q", last)
		}
		all := k.after(8 * time.Second)
		r := report(t, all[len(all)-1])
		if r.Cal || r.Enc != 0 {
			t.Errorf("afterwards %q", all[len(all)-1].text)
		}
		most := 0
		for _, h := range all {
			most = max(most, report(t, h).SameCount)
		}
		if most != sameCounts {
			t.Errorf("counted to %d", most)
		}
	})
}

func TestPenduinoRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := plug(t, Pendulum(Options{Seed: 1, Still: true}), mem.Options{})
		k.say("{\"cmd\":\"interval\",\"param\":999}\n")
		k.after(time.Second)
		for in, want := range map[string]string{
			`{"cmd":"drive","param":256}`:    "out of range",
			`{"cmd":"brake","param":-1}`:     "out of range",
			`{"cmd":"interval","param":0}`:   "out of range",
			`{"cmd":"drive"}`:                "no number",
			`{"cmd":"drive","param":null}`:   "no number",
			`{"cmd":"stop","param":"quick"}`: "unknown way",
			`{"cmd":"stop","param":null}`:    "unknown way",
			`{"cmd":"dance"}`:                "unknown command",
			`drive 20`:                       "parse",
			`{"cmd":"drive","param":20`:      "parse",
			"{\"cmd\":\"drive\",\"x\":\"" + strings.Repeat("y", 60) + "\",\"param\":20}": "parse", // cut
		} {
			k.say(in + "\n")
			got := ""
			for _, h := range k.after(5 * time.Millisecond) {
				if !reportLine.MatchString(h.text) {
					got += h.text
				}
			}
			if !strings.HasPrefix(got, `{"error":"`) || !strings.Contains(got, want) {
				t.Errorf("%s: %q, want %s", in, got, want)
			}
		}
	})
}

// A command of 64 bytes with its line end still fits, one of 65 does not.
func TestPenduinoBuffer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := plug(t, Pendulum(Options{Seed: 1, Still: true}), mem.Options{})
		for blanks, ok := range map[int]bool{63 - len(`{"cmd":"drive","param":20}`): true, 64 - len(`{"cmd":"drive","param":20}`): false} {
			k.say(`{"cmd":"drive",` + strings.Repeat(" ", blanks) + `"param":20}` + "\n")
			got := k.after(2 * time.Millisecond)
			if len(got) == 0 || strings.Contains(got[0].text, `"ok"`) != ok {
				t.Errorf("%d blanks: %q", blanks, texts(got))
			}
		}
	})
}

// At 57600 baud a report each millisecond does not fit on the line: the board
// waits for it, and what arrives is never old.
func TestPenduinoKeepsPaceWithTheLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := plug(t, Pendulum(Options{Seed: 1}), mem.Options{Baud: 57600})
		k.say("{\"cmd\":\"interval\",\"param\":1}\n")
		k.after(time.Second)
		all := k.after(5 * time.Second)
		if n := len(all) / 5; n < 180 || n > 280 {
			t.Errorf("%d reports a second", n)
		}
		for _, h := range all {
			if late := h.at - time.Duration(report(t, h).Time)*time.Millisecond; late > 30*time.Millisecond {
				t.Fatalf("a report is %v old", late)
			}
		}
	})
}

func TestPendulumKeepsItsStateOverAReplug(t *testing.T) {
	for _, reboot := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			d := Pendulum(Options{Seed: 1, Still: true, Reboot: reboot})
			k := plug(t, d, mem.Options{})
			k.say("{\"cmd\":\"drive\",\"param\":100}\n")
			k.after(3 * time.Second)
			k.box.Unplug()
			synctest.Wait()
			time.Sleep(time.Second)
			k = plug(t, d, mem.Options{})
			all := k.after(3 * time.Second)
			last := report(t, all[len(all)-1])
			if p := programOf[*penduino](t, d); reboot {
				if last.Time > 3000 || p.plant.mode != motorFree {
					t.Errorf("after a restart: %+v, motor %d", last, p.plant.mode)
				}
			} else if last.Time != 7000 || p.plant.mode != motorDrive {
				t.Errorf("after a replug: %+v, motor %d", last, p.plant.mode)
			}
		})
	}
}

// The demo is to be watched: made safe at boot, it soon swings again by itself,
// and goes on doing so.
func TestIdlePendulumSwings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := plug(t, Pendulum(Options{Seed: 7}), mem.Options{})
		k.after(300 * time.Millisecond)
		k.say("{\"cmd\":\"stop\",\"param\":\"brake\"}\n")
		time.Sleep(2 * time.Second)
		k.after(0)
		for part := range 10 {
			swing := 0
			for _, h := range k.after(15 * time.Second) {
				swing = max(swing, report(t, h).Enc)
			}
			if swing < 13 { // 2 degrees
				t.Errorf("from %d s on: %d counts at most", 2+15*part, swing)
			}
		}
	})
}

// Who drives it is not disturbed: for 45 s after a command nothing nudges it.
func TestNoNudgesWhileSomebodyDrives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := plug(t, Pendulum(Options{Seed: 7}), mem.Options{})
		k.say("{\"cmd\":\"drive\",\"param\":50}\n{\"cmd\":\"stop\",\"param\":\"brake\"}\n")
		k.after(5 * time.Second)
		for _, h := range k.after(39 * time.Second) {
			if enc := report(t, h).Enc; enc < -7 || enc > 7 {
				t.Fatalf("%d counts at %v", enc, h.at)
			}
		}
		swing := 0
		for _, h := range k.after(30 * time.Second) {
			swing = max(swing, report(t, h).Enc)
		}
		if swing < 100 {
			t.Errorf("%d counts at most, once it is left alone", swing)
		}
	})
}

func TestSameSeedSameSwing(t *testing.T) {
	var runs [2]string
	for i := range runs {
		synctest.Test(t, func(t *testing.T) {
			var b strings.Builder
			for _, h := range plug(t, Pendulum(Options{Seed: 3}), mem.Options{}).after(20 * time.Second) {
				b.WriteString(h.text)
			}
			runs[i] = b.String()
		})
	}
	if runs[0] != runs[1] || len(runs[0]) < 40_000 {
		t.Error("two runs with one seed differ")
	}
}
