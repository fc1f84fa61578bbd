package sim

import (
	"bytes"
	"encoding/json"
	"math"
	"math/rand/v2"
	"strconv"
	"time"
)

// spinner is the firmware of the spinning disk: samples each 5 ms, sent by
// fours, and three kinds of control. Its fields: d angle, v speed, t time in ms,
// y what the control aims at, c the motor's voltage, e the control error.
type spinner struct {
	opt    Options
	rand   *rand.Rand
	plant  disk
	clock  stepper
	frame  periodic
	line   lineBuffer
	boot   time.Time // zero before the first line
	obeyed time.Time // the last command that was accepted
	steps  int

	mode             byte // as it is reported: s m v p
	want             float64
	gains            [2]gains // of velocity and position control
	sum              float64
	err              float64
	counts, speed    float64 // as the encoder says
	pSig, iSig, dSig float64
	batch            [6][spinnerBatch]float64 // d v t y c e
	filled           int
	queue            []byte // frames that wait for tick
	out              []byte
}

type gains struct{ kp, ki, kd float64 }

const (
	spinnerSample  = 5 // steps of 1 ms
	spinnerBatch   = 4
	spinnerEvery   = 20 * time.Millisecond
	spinnerGivesUp = 90 * time.Second // after the last accepted command
	spinnerEncoder = 2000             // counts a turn
)

// spinnerLimits are what each kind of control aims at, at most.
func spinnerLimit(set string) float64 {
	switch set {
	case "volts":
		return diskVolts
	case "velocity":
		return 50
	}
	return 4 * math.Pi
}

// Spinner returns the spinning disk, type spinner.
func Spinner(o Options) Device {
	s := &spinner{opt: o, rand: newRand(o.Seed, 4), clock: stepper{step: time.Millisecond}, frame: periodic{every: spinnerEvery},
		line: lineBuffer{size: 127}}
	s.restart()
	return newBoard(s, 0)
}

func (s *spinner) restart() {
	s.enter('s')
	s.gains = [2]gains{{kp: 0.3, ki: 2}, {kp: 3, kd: 0.15}}
}

func (s *spinner) reboot(now time.Time) {
	s.advance(now)
	s.boot = time.Time{} // open restarts it
}

func (s *spinner) open(now time.Time, _ *output) {
	s.advance(now)
	if s.boot.IsZero() || s.opt.Reboot {
		s.restart()
		s.line.reset()
		s.boot, s.obeyed = now, now
	}
	s.queue = s.queue[:0]
	s.frame.next = now.Add(spinnerEvery)
}

func (s *spinner) wake() time.Time { return s.frame.next }

func (s *spinner) enter(mode byte) {
	s.mode, s.want, s.sum, s.err = mode, 0, 0, 0
	s.pSig, s.iSig, s.dSig = 0, 0, 0
	s.plant.volts = 0
	if mode == 'p' {
		s.want = s.counts // stay where it is
	}
}

func (s *spinner) advance(now time.Time) {
	s.clock.to(now, func(dt float64) {
		s.plant.step(dt)
		if s.steps++; s.steps%spinnerSample == 0 {
			s.sample(dt * spinnerSample)
		}
	})
}

// sample reads the encoder, controls, and keeps the sample for the next frame.
func (s *spinner) sample(dt float64) {
	if s.mode != 's' && s.clock.at.Sub(s.obeyed) >= spinnerGivesUp {
		s.enter('s')
	}
	const resolution = 2 * math.Pi / spinnerEncoder
	q := quantise(s.plant.y[0]+0.3*resolution*s.rand.NormFloat64()*dry(math.Abs(s.plant.y[1]), 0.1), resolution)
	s.speed += 0.3 * ((q-s.counts)/dt - s.speed)
	s.counts = q
	s.control(dt)
	t := float64(s.clock.at.Sub(s.boot).Milliseconds())
	for k, x := range [...]float64{q, s.speed, t, s.want, s.plant.volts, s.err} {
		s.batch[k][s.filled] = x
	}
	if s.filled++; s.filled == spinnerBatch {
		s.filled = 0
		s.report()
	}
}

func (s *spinner) control(dt float64) {
	switch s.mode {
	case 'm':
		s.plant.volts = s.want
	case 'v':
		g := s.gains[0]
		s.err = s.want - s.speed
		if u := g.kp*s.err + g.ki*(s.sum+s.err*dt); math.Abs(u) < diskVolts {
			s.sum += s.err * dt
		}
		s.pSig, s.iSig, s.dSig = g.kp*s.err, g.ki*s.sum, 0
		s.plant.volts = clamp(s.pSig+s.iSig, -diskVolts, diskVolts)
	case 'p':
		g := s.gains[1]
		s.err = s.want - s.counts
		s.pSig, s.iSig, s.dSig = g.kp*s.err, 0, -g.kd*s.speed
		s.plant.volts = clamp(s.pSig+s.dSig, -diskVolts, diskVolts)
	}
}

func (s *spinner) tick(now time.Time, out *output) {
	s.advance(now)
	s.frame.advance(now)
	out.text(s.queue)
	s.queue = s.queue[:0]
}

func (s *spinner) report() {
	names := [...]string{"d", "v", "t", "y", "c", "e"}
	if s.opt.Old {
		names[4] = "y" // a second one
	}
	b := append(s.queue, '{')
	for k, name := range names {
		b = append(append(append(b, '"'), name...), `":[`...)
		for i, x := range s.batch[k] {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendDecimals(b, x, []int{3, 2, 0, 2, 2, 2}[k])
		}
		b = append(b, "],"...)
	}
	for _, sig := range [...]struct {
		name string
		x    float64
	}{{"p_sig", s.pSig}, {"i_sig", s.iSig}, {"d_sig", s.dSig}} {
		b = append(append(append(b, '"'), sig.name...), `":`...)
		b = append(appendDecimals(b, sig.x, 2), ',')
	}
	b = append(b, `"m":"`...)
	b = append(b, s.mode)
	s.queue = append(b, "\"}\r\n"...)
}

// appendDecimals prints as the firmware does: that many places.
func appendDecimals(b []byte, x float64, places int) []byte {
	start := len(b)
	b = strconv.AppendFloat(b, x, 'f', places, 64)
	if len(bytes.Trim(b[start:], "-0.")) == 0 {
		return append(b[:start], '0')
	}
	return b
}

func (s *spinner) receive(now time.Time, p []byte, out *output) {
	s.advance(now)
	s.line.feed(p, func(line []byte) {
		if line = bytes.TrimSpace(line); len(line) > 0 {
			s.obey(now, line, out)
		}
	})
}

// obey carries out a command. There is no reply but to what is wrong.
func (s *spinner) obey(now time.Time, line []byte, out *output) {
	var c struct {
		Set string          `json:"set"`
		To  json.RawMessage `json:"to"`
		KP  *float64        `json:"kp"`
		KI  *float64        `json:"ki"`
		KD  *float64        `json:"kd"`
	}
	if json.Unmarshal(line, &c) != nil {
		out.text([]byte("{\"error\":\"parse\"}\r\n"))
		return
	}
	ok := false
	switch c.Set {
	case "mode":
		ok = s.setMode(c.To)
	case "parameters":
		ok = s.setGains(c.KP, c.KI, c.KD, out)
	case "volts", "velocity", "position":
		ok = s.aim(c.Set, c.To, out)
	}
	if ok {
		s.obeyed = now
	}
}

func (s *spinner) setMode(to []byte) bool {
	var name string
	if json.Unmarshal(to, &name) != nil {
		return false
	}
	switch name {
	case "stop", "wait":
		s.enter('s')
	case "motor", "velocity", "position":
		s.enter(name[0])
	default:
		return false
	}
	return true
}

// aim sets what the present kind of control aims at; of another kind it is
// ignored. Too much is an error, with the zero-width space that somebody pasted
// into its text.
func (s *spinner) aim(set string, to []byte, out *output) bool {
	var x float64
	if len(to) == 0 || to[0] == 'n' || json.Unmarshal(to, &x) != nil {
		return false
	}
	if math.Abs(x) > spinnerLimit(set) {
		out.text([]byte("{\u200b\"error\":\"" + set + " outside limits\"}\r\n"))
		return false
	}
	if s.mode != map[string]byte{"volts": 'm', "velocity": 'v', "position": 'p'}[set] {
		return false
	}
	s.want = x
	return true
}

// setGains sets those of the present kind of control, of both where there is
// none, and prints a line that was meant to be JSON.
func (s *spinner) setGains(kp, ki, kd *float64, out *output) bool {
	for _, g := range []*float64{kp, ki, kd} {
		if g == nil || *g < 0 || *g > 100 {
			return false
		}
	}
	for i, mode := range []byte{'v', 'p'} {
		if s.mode == mode || s.mode != 'v' && s.mode != 'p' {
			s.gains[i] = gains{*kp, *ki, *kd}
		}
	}
	b := append(s.out[:0], `{"info","pid"`...)
	for _, g := range []float64{*kp, *ki, *kd} {
		b = appendDecimals(append(b, ','), g, 2)
	}
	s.out = append(b, "}\r\n"...)
	out.text(s.out)
	return true
}
