package sim

import (
	"bytes"
	"encoding/json"
	"math"
	"math/rand/v2"
	"strconv"
	"time"
)

// penduino is the firmware of the driven pendulum: a report each interval,
// replies to commands, and its errors.
type penduino struct {
	opt    Options
	rand   *rand.Rand
	plant  pendulum
	clock  stepper
	nudge  nudger
	boot   time.Time // millis() is 0; zero before the first line
	ready  time.Time // the boot loader has ended
	report periodic
	line   lineBuffer
	zero   int       // encoder counts
	pulse  time.Time // a start pulse ends then; zero: none
	driven time.Time // the last command that was no stop; zero: none
	letGo  bool      // the brake is released once it stands
	stands time.Time // since when it has not moved while braked; zero: it moves
	cal    calibration
	out    []byte
}

// calibration waits until the pendulum hangs still, and takes that for zero.
type calibration struct {
	on   bool
	last int
	same int
}

const (
	penduinoBuffer = 64 // bytes of a command, line end included; AVR output buffer
	bootLoader     = 1600 * time.Millisecond
	sameCounts     = 100 // readings that must agree
	startPulse     = 150 * time.Millisecond
	brakeAfter     = 500 * time.Millisecond // at rest: let go
	defaultEvery   = 10 * time.Millisecond
	unwatched      = 45 * time.Second // without a command: nudges are welcome
)

// Pendulum returns the driven pendulum, type penduino.
func Pendulum(o Options) Device {
	p := &penduino{opt: o, rand: newRand(o.Seed, 1), clock: stepper{step: time.Millisecond},
		report: periodic{every: defaultEvery}, line: lineBuffer{size: penduinoBuffer - 1}}
	if !o.Still {
		p.plant.y[0] = 50 * math.Pi / 180
	}
	return newBoard(p, penduinoBuffer)
}

func (p *penduino) open(now time.Time, _ *output) {
	switch {
	case p.boot.IsZero():
		p.boot, p.report.next = now, now.Add(p.report.every)
	case p.opt.Reboot:
		p.restart(now)
	default:
		p.report.next = now
	}
}

func (p *penduino) reboot(now time.Time) {
	if !p.boot.IsZero() {
		p.restart(now)
	}
}

// restart is a reset of the board. The encoder counts from where it is now.
func (p *penduino) restart(now time.Time) {
	p.advance(now)
	p.line.reset()
	p.plant.mode, p.plant.level = motorFree, 0
	p.pulse, p.letGo, p.cal = time.Time{}, false, calibration{}
	p.zero = p.plant.encoder(0, p.rand)
	p.boot, p.ready = now, now.Add(bootLoader)
	p.report = periodic{every: defaultEvery, next: p.ready}
}

func (p *penduino) wake() time.Time { return p.report.next }

// advance moves the plant to now.
func (p *penduino) advance(now time.Time) {
	p.clock.to(now, func(dt float64) {
		if !p.pulse.IsZero() && !p.clock.at.Before(p.pulse) {
			p.motor(motorFree, 0)
		}
		if p.letGo || p.cal.on {
			p.brakeUntilStill(p.clock.at)
		}
		if !p.opt.Still && p.plant.mode == motorFree && (p.driven.IsZero() || p.clock.at.Sub(p.driven) > unwatched) {
			p.nudge.step(&p.plant, dt, p.rand)
		}
		p.plant.step(dt)
	})
}

func (p *penduino) brakeUntilStill(at time.Time) {
	switch {
	case p.plant.swing() > 0.002:
		p.stands = time.Time{}
	case p.stands.IsZero():
		p.stands = at
	case p.letGo && at.Sub(p.stands) >= brakeAfter:
		p.motor(motorFree, 0)
	}
}

func (p *penduino) motor(m motorMode, level float64) {
	p.plant.mode, p.plant.level = m, level
	p.pulse, p.letGo, p.stands = time.Time{}, false, time.Time{}
}

func (p *penduino) tick(now time.Time, out *output) {
	p.advance(now)
	p.report.advance(now)
	if now.Before(p.ready) {
		return
	}
	enc := p.plant.encoder(p.zero, p.rand)
	b := p.out[:0]
	if p.cal.on {
		same := 0
		enc, same = p.calibrate()
		b = append(b, `{"cal":true,"enc":`...)
		b = strconv.AppendInt(b, int64(enc), 10)
		b = append(b, `,"sameCount":`...)
		b = strconv.AppendInt(b, int64(same), 10)
	} else {
		b = append(b, `{"enc":`...)
		b = strconv.AppendInt(b, int64(enc), 10)
	}
	b = append(b, `,"time":`...)
	b = strconv.AppendInt(b, now.Sub(p.boot).Milliseconds(), 10)
	p.out = append(b, "}\r\n"...)
	out.text(p.out)
}

// calibrate counts equal readings, and takes the last of them for zero.
func (p *penduino) calibrate() (enc, same int) {
	raw := p.plant.encoder(0, p.rand)
	if raw == p.cal.last {
		p.cal.same++
	} else {
		p.cal.last, p.cal.same = raw, 0
	}
	enc, same = wrapCounts(raw-p.zero), p.cal.same
	if p.cal.same >= sameCounts {
		p.zero = raw
		p.cal = calibration{}
		p.motor(motorFree, 0)
	}
	return enc, same
}

func (p *penduino) receive(now time.Time, b []byte, out *output) {
	p.advance(now)
	p.line.feed(b, func(line []byte) {
		if !now.Before(p.ready) {
			p.obey(now, line, out)
		}
	})
}

func (p *penduino) obey(now time.Time, line []byte, out *output) {
	line = bytes.TrimSpace(line)
	if len(line) == 0 {
		return
	}
	var c struct {
		Cmd   string          `json:"cmd"`
		Param json.RawMessage `json:"param"`
	}
	if json.Unmarshal(line, &c) != nil {
		out.text([]byte("{\"error\":\"could not parse command\"}\r\n"))
		return
	}
	why := ""
	switch c.Cmd {
	case "stop":
		if c.Param == nil { // it compares a null pointer, and is gone
			p.restart(now)
			return
		}
		if p.stop(c.Param) {
			out.text([]byte(`{"result":"ok"}`)) // no newline
			return
		}
		why = "unknown way to stop"
	case "calibrate":
		p.motor(motorBrake, 1)
		p.cal, p.driven = calibration{on: true}, now
	case "interval", "drive", "brake", "start":
		why = p.set(now, c.Cmd, c.Param)
	default:
		why = "unknown command"
	}
	if why != "" {
		out.text([]byte("{\"error\":\"" + why + "\"}\r\n"))
		return
	}
	out.text([]byte("{\"result\":\"ok\"}\r\n"))
}

func (p *penduino) stop(param []byte) bool {
	var how string
	_ = json.Unmarshal(param, &how)
	switch how {
	case "brake":
		p.motor(motorBrake, 1)
		p.letGo = true
	case "loaded":
		p.motor(motorLoaded, 0)
	case "unloaded":
		p.motor(motorFree, 0)
	default:
		return false
	}
	p.cal.on = false
	return true
}

// set obeys a command with a number, and returns what is wrong with it.
func (p *penduino) set(now time.Time, cmd string, param []byte) string {
	var x float64
	if len(param) == 0 || json.Unmarshal(param, &x) != nil || param[0] == 'n' {
		return "param is no number"
	}
	n := math.Trunc(x)
	low, high := -255.0, 255.0
	switch cmd {
	case "interval":
		low, high = 1, 999
	case "brake":
		low = 0
	}
	if n < low || n > high {
		return "param out of range"
	}
	p.driven = now
	switch cmd {
	case "interval":
		p.report = periodic{every: time.Duration(n) * time.Millisecond, next: now.Add(time.Duration(n) * time.Millisecond)}
		return ""
	case "drive":
		p.motor(motorDrive, n/255)
	case "brake":
		p.motor(motorBrake, n/255)
	case "start":
		p.motor(motorDrive, n/255)
		p.pulse = now.Add(startPulse)
	}
	p.cal.on = false
	return ""
}

// nudger is what disturbs a pendulum that nobody drives: a draught, a table.
type nudger struct {
	quiet float64 // s that it has hung almost still
	wait  float64 // s until the next push; 0: not decided
	left  float64 // s of the present push
	push  float64 // rad/s^2
}

const almostStill = 4 * math.Pi / 180

func (n *nudger) step(p *pendulum, dt float64, r *rand.Rand) {
	if n.left > 0 {
		n.left -= dt
		p.y[1] += n.push * dt
		return
	}
	if p.swing() > almostStill {
		n.quiet = 0
		return
	}
	if n.wait == 0 {
		n.wait = 1 + 3*r.Float64()
	}
	if n.quiet += dt; n.quiet < n.wait {
		return
	}
	n.quiet, n.wait = 0, 0
	n.left = 0.2
	n.push = 12 + 6*r.Float64()
	if r.IntN(2) == 0 {
		n.push = -n.push
	}
}
