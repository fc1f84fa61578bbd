package sim

import (
	"math"
	"testing"
	"time"
)

// modelOf is a model with one parameter, at 0 s.
func modelOf(t *testing.T, cs ...Channel) *timed {
	t.Helper()
	s := Spec{Channels: cs, Params: []Param{{ID: "in.x"}, {ID: "out.on"}}}
	if err := s.check(); err != nil {
		t.Fatal(err)
	}
	m := &timed{Model: NewModel(s, 1), t: t, boot: time.Unix(1e9, 0)}
	m.start(m.boot)
	m.Advance(m.boot)
	return m
}

type timed struct {
	*Model
	t    *testing.T
	boot time.Time
	now  time.Duration
}

// to advances to a time in pieces of an odd length, as a box that asks does.
func (m *timed) to(d time.Duration) *timed {
	for m.now < d {
		m.now = min(d, m.now+73*time.Millisecond)
		m.Advance(m.boot.Add(m.now))
	}
	return m
}

func (m *timed) is(i int, want, tolerance float64) {
	m.t.Helper()
	if got := m.Value(i); math.Abs(got-want) > tolerance {
		m.t.Errorf("after %v channel %d is %.9g, want %.9g", m.now, i, got, want)
	}
}

func ptr(x float64) *float64 { return &x }

func TestSecondOrderIsTheClosedForm(t *testing.T) {
	for _, z := range []float64{0, 0.1, 0.7, 1, 2} {
		m := modelOf(t, Channel{ID: "x", Wave: SecondOrder, Param: "in.x", Gain: 2, Mean: 5, Period: 1.5, Damping: z})
		m.is(0, 5, 0)
		m.Set("in.x", 10)
		w := 2 * math.Pi / 1.5
		for _, at := range []time.Duration{100 * time.Millisecond, 730 * time.Millisecond, 2 * time.Second, 9 * time.Second} {
			x := at.Seconds()
			var step float64 // the unit step response
			switch d := math.Sqrt(math.Abs(1 - z*z)); {
			case z < 1:
				step = 1 - math.Exp(-z*w*x)*(math.Cos(d*w*x)+z/d*math.Sin(d*w*x))
			case z == 1:
				step = 1 - math.Exp(-w*x)*(1+w*x)
			default:
				a, b := w*(z-d), w*(z+d)
				step = 1 - (b*math.Exp(-a*x)-a*math.Exp(-b*x))/(b-a)
			}
			m.to(at).is(0, 5+20*step, 1e-5)
		}
	}
}

func TestThermalIsTheClosedForm(t *testing.T) {
	m := modelOf(t, Channel{ID: "T", Wave: Thermal, Param: "in.x", Mean: 22, Capacity: 40, Loss: 0.5},
		Channel{ID: "S", Wave: Thermal, Param: "in.x", Mean: 22, Capacity: 40, Loss: 0.5, Lag: 4},
		Channel{ID: "kettle", Wave: Thermal, Param: "in.x", Mean: 22, Capacity: 4000})
	m.Set("in.x", 25) // watts: 50 K above the ambient at last, time constant 80 s
	for _, s := range []float64{1, 10, 80, 400} {
		m.to(time.Duration(s * float64(time.Second)))
		m.is(0, 22+50*(1-math.Exp(-s/80)), 1e-6)
		m.is(1, 22+50*(1-(80*math.Exp(-s/80)-4*math.Exp(-s/4))/76), 1e-6)
		m.is(2, 22+25*s/4000, 1e-6)
	}
	hot := m.Value(0) - 22
	m.Set("in.x", 0)
	m.to(480*time.Second).is(0, 22+hot*math.Exp(-1), 1e-6)
}

func TestPendulumSwings(t *testing.T) {
	const period, angle = 1.2, 70.0
	m := modelOf(t, Channel{ID: "q", Wave: Swing, Param: "in.x", Period: period, Start: ptr(angle), Mean: 10},
		Channel{ID: "small", Wave: Swing, Period: period, Start: ptr(0.01), Radians: true},
		Channel{ID: "damped", Wave: Swing, Period: period, Start: ptr(0.01), Radians: true, Damping: 0.1})
	// The exact period by the arithmetic-geometric mean (Gauss): T = T0/agm(1, cos(a/2)).
	a, g := 1.0, math.Cos((angle-10)*math.Pi/360)
	for range 10 {
		a, g = (a+g)/2, math.Sqrt(a*g)
	}
	exact := time.Duration(period / a * float64(time.Second))
	m.to(5*exact).is(0, angle, 0.001)
	m.to(5*exact+exact/2).is(0, 20-angle, 0.01)
	s := m.now.Seconds()
	w := 2 * math.Pi / period
	m.is(1, 0.01*math.Cos(w*s), 1e-4*0.01*w*s)
	d := math.Sqrt(1 - 0.01)
	m.is(2, 0.01*math.Exp(-0.1*w*s)*(math.Cos(d*w*s)+0.1/d*math.Sin(d*w*s)), 1e-6)

	still := modelOf(t, Channel{ID: "q", Wave: Swing, Param: "in.x", Period: period, Damping: 0.5})
	still.Set("in.x", 10) // degrees/s^2: it comes to rest where gravity holds it
	want := math.Asin(10*math.Pi/180/(w*w)) * 180 / math.Pi
	still.to(30*time.Second).is(0, want, 1e-6)
}

func TestIntegrateAndRampStopAtTheirLimits(t *testing.T) {
	m := modelOf(t, Channel{ID: "pos", Wave: Integrate, Param: "in.x", Gain: 0.5, Bounds: &[2]float64{0, 10}},
		Channel{ID: "stage", Wave: Ramp, Param: "in.x", Speed: 2, Start: ptr(1)},
		Channel{ID: "litres", Wave: Integrate, Param: "stage"})
	m.to(time.Second).is(1, 0, 1e-9)
	m.Set("in.x", 4)
	m.to(2*time.Second).is(0, 2, 0.01)
	m.is(1, 2, 0.01)
	m.to(20*time.Second).is(0, 10, 0)
	m.is(1, 4, 1e-9)
	// 0.25 on the way down, 4 on the way up, then 4 a second
	m.is(2, 0.25+4+4*17, 0.02)
	m.Set("in.x", -4)
	m.to(22*time.Second).is(0, 6, 0.01)
	m.to(40*time.Second).is(0, 0, 0)
}

func TestLagIsExactHoweverItIsAsked(t *testing.T) {
	m := modelOf(t, Channel{ID: "x", Wave: Follow, Param: "in.x", Mean: 1, Gain: 3, Lag: 0.5},
		Channel{ID: "y", Wave: Follow, Param: "x", Lag: 0.5})
	m.Set("in.x", 2)
	for _, s := range []float64{0.1, 0.5, 3} {
		m.to(time.Duration(s*1e9)).is(0, 1+6*(1-math.Exp(-s/0.5)), 1e-9)
		m.is(1, 1+6*(1-math.Exp(-s/0.5)*(1+s/0.5)), 0.01) // two in a row
	}
}

func TestWavesOfTime(t *testing.T) {
	m := modelOf(t, Channel{ID: "q", Wave: Square, Period: 2, Amplitude: 3, Mean: 1, Duty: 0.25},
		Channel{ID: "t", Wave: Triangle, Period: 2, Amplitude: 3, Mean: 1}, Channel{ID: "s", Wave: Sine, Period: 2, Amplitude: 3, Mean: 1})
	for at, want := range map[float64][2]float64{0.1: {4, 1.6}, 0.49: {4, 3.94}, 0.51: {-2, 3.94}, 1: {-2, 1}, 1.5: {-2, -2}, 2.1: {4, 1.6}, 3: {-2, 1}} {
		m.Advance(m.boot.Add(time.Duration(at * 1e9)))
		m.is(0, want[0], 1e-9)
		m.is(1, want[1], 1e-9)
		m.is(2, 1+3*math.Sin(math.Pi*at), 1e-9)
	}
}

// A power supply: its output switched off gives no volts, its current follows
// from the load, up to its limit; what it gives off heats.
func TestASupplyWithALoad(t *testing.T) {
	s := Spec{Params: []Param{{ID: "volts.x"}, {ID: "amps.x"}, {ID: "output.on"}}, Channels: []Channel{
		{ID: "power", Wave: Product, Of: []string{"volts", "amps"}},
		{ID: "amps", Wave: Least, Of: []string{"ideal", "amps.x"}},
		{ID: "ideal", Wave: Follow, Param: "set", Gain: 0.1},
		{ID: "volts", Wave: Quotient, Of: []string{"amps", "siemens"}},
		{ID: "siemens", Mean: 0.1},
		{ID: "set", Wave: Follow, Param: "volts.x", Gate: &Gate{Ref: "output.on", Not: true}},
		{ID: "hot", Wave: Thermal, Param: "power", Mean: 20, Capacity: 10, Loss: 1},
		{ID: "all", Wave: Sum, Of: []string{"volts", "amps", "power"}, Mean: 1},
		{ID: "less", Wave: Difference, Of: []string{"volts", "amps"}, Gain: 2},
		{ID: "most", Wave: Most, Of: []string{"volts", "amps"}},
		{ID: "none", Wave: Quotient, Of: []string{"volts", "output.on"}},
	}}
	if err := s.check(); err != nil {
		t.Fatal(err)
	}
	m := &timed{Model: NewModel(s, 1), t: t, boot: time.Unix(1e9, 0)}
	m.start(m.boot)
	m.Set("volts.x", 12)
	m.Set("amps.x", 3)
	m.to(time.Second)
	for i, want := range []float64{0, 0, 0, 0, 0.1, 0, 20, 1, 0, 0, 0} {
		m.is(i, want, 0)
	}
	m.Set("output.on", 1)
	m.to(101 * time.Second)
	for i, want := range []float64{14.4, 1.2, 1.2, 12, 0.1, 12, 34.4, 28.6, 21.6, 12, 12} {
		m.is(i, want, 1e-3)
	}
	m.Set("amps.x", 0.5) // it limits the current
	m.to(102 * time.Second)
	m.is(3, 5, 1e-9)
	m.is(0, 2.5, 1e-9)
}

func TestDriftAndNoise(t *testing.T) {
	m := modelOf(t, Channel{ID: "d", Field: "d", Mean: 5, Drift: 36}, Channel{ID: "n", Field: "n", Mean: 5, Noise: 0.5, Resolution: 0.25})
	m.to(100 * time.Second)
	if x, _ := m.Read("d"); x != 6.0 {
		t.Errorf("after 100 s %v, want 6", x)
	}
	sum, squares := 0.0, 0.0
	for range 10000 {
		v, _ := m.Read("n")
		x := v.(float64)
		if x != math.Round(4*x)/4 {
			t.Fatalf("%g is between two steps", x)
		}
		sum, squares = sum+x-5, squares+(x-5)*(x-5)
	}
	if mean, dev := sum/1e4, math.Sqrt(squares/1e4); math.Abs(mean) > 0.02 || math.Abs(dev-0.5) > 0.02 {
		t.Errorf("mean %g, deviation %g", mean, dev)
	}
}

func TestTheSameHoweverOftenItIsAsked(t *testing.T) {
	all := []Channel{{ID: "w", Wave: Walk, Mean: 50, Amplitude: 3}, {ID: "s", Wave: SecondOrder, Param: "w", Period: 1, Damping: 0.2},
		{ID: "i", Wave: Integrate, Param: "s"}, {ID: "sine", Wave: Sine, Period: 3, Amplitude: 1}, {ID: "r", Wave: Ramp, Param: "sine", Speed: 1}}
	a, b := modelOf(t, all...), modelOf(t, all...)
	a.to(30 * time.Second)
	for n := 1; n <= 300; n++ {
		b.Advance(b.boot.Add(time.Duration(n) * 100 * time.Millisecond))
	}
	for i := range all {
		if a.Value(i) != b.Value(i) {
			t.Errorf("channel %s: %v and %v", all[i].ID, a.Value(i), b.Value(i))
		}
	}
	sum, n := 0.0, 0
	for d := a.now; d < a.now+3000*time.Second; d += time.Second {
		a.Advance(a.boot.Add(d))
		sum, n = sum+math.Pow(a.Value(0)-50, 2), n+1
	}
	if dev := math.Sqrt(sum / float64(n)); dev < 2 || dev > 4 {
		t.Errorf("the walk is %g wide, want about 3", dev)
	}
}

func TestPinnedAndFreed(t *testing.T) {
	m := modelOf(t, Channel{ID: "T", Wave: Thermal, Param: "in.x", Mean: 22, Capacity: 10, Loss: 1}, Channel{ID: "c", Field: "c", Mean: 3})
	m.Pin(0, 80)
	m.Show(Effect{Channel: 0, Value: 1})
	m.Pin(1, 7)
	m.Reset()
	m.to(10*time.Second).is(0, 80, 0)
	m.is(1, 7, 0)
	m.Free(0)
	m.Free(1)
	m.to(20*time.Second).is(0, 22+58*math.Exp(-1), 1e-3)
	m.is(1, 3, 0)
	m.Set("in.x", 5)
	m.Reboot(m.boot.Add(m.now))
	if x, _ := m.Param("in.x"); x != 0 || m.Value(0) < 40 {
		t.Errorf("after a restart parameter %g, temperature %g", x, m.Value(0))
	}
}

func TestLoopsAndLooseEnds(t *testing.T) {
	for name, c := range map[string]struct {
		of   []Channel
		loop bool
	}{
		"itself":        {[]Channel{{ID: "a", Wave: Sum, Of: []string{"a", "in.x"}}}, true},
		"each other":    {[]Channel{{ID: "a", Wave: Follow, Param: "b"}, {ID: "b", Wave: Follow, Param: "a"}}, true},
		"through gates": {[]Channel{{ID: "a", Wave: Sine, Gate: &Gate{Ref: "b"}}, {ID: "b", Wave: Follow, Param: "a"}}, true},
		"a feedback":    {[]Channel{{ID: "a", Wave: Follow, Param: "b", Lag: 1}, {ID: "b", Wave: Difference, Of: []string{"in.x", "a"}}}, false},
	} {
		s := Spec{Channels: c.of, Params: []Param{{ID: "in.x", Initial: 2}}}
		if _, loop := s.Loop(); loop != c.loop || (s.check() != nil) != c.loop {
			t.Errorf("%s: loop %v, %v", name, loop, s.check())
		}
		NewModel(s, 1).Advance(time.Unix(1, 0))
	}
	for _, c := range []Channel{{Wave: Follow}, {Wave: Follow, Param: "x"}, {Wave: Sum, Of: []string{"in.x", "y"}}, {Gate: &Gate{Ref: "z"}}} {
		s := Spec{Channels: []Channel{c}, Params: []Param{{ID: "in.x"}}}
		if s.check() == nil {
			t.Errorf("%+v: accepted", c)
		}
		NewModel(s, 1).Advance(time.Unix(1, 0))
	}
	// A controller holds its bath: the loop settles where gain and loss say.
	m := modelOf(t, Channel{ID: "T", Wave: Thermal, Param: "P", Mean: 20, Capacity: 10, Loss: 1},
		Channel{ID: "P", Wave: Difference, Of: []string{"in.x", "T"}, Gain: 9, Bounds: &[2]float64{0, 500}})
	m.Set("in.x", 60)
	m.to(60*time.Second).is(0, 56, 1e-3) // 9(60-T) = T-20
}
