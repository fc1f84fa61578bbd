package sim

import (
	"math"
	"math/rand/v2"
	"time"

	"labbox/firmware-protocols/floats"
)

// aeroMode is where the aeropendulum's firmware stands, as it reports it.
type aeroMode uint8

const (
	aeroStandby aeroMode = iota
	aeroStarting
	aeroReady
	aeroPID
	aeroTest
	aeroAlarm
)

// The events that a box sends.
const (
	eventPowerOn = 1 + iota
	eventPowerOff
	eventStart
	eventStop
)

// Shapes of the reference.
const (
	refConstant = iota
	refSine
	refSquare
	refTriangle
)

const (
	aeroEvery     = 100 * time.Millisecond
	aeroControl   = 10  // steps of 1 ms in a control period
	aeroAngle     = 110 // deg: beyond it, alarm
	aeroRate      = 720 // deg/s: beyond it, alarm
	aeroEncoder   = 360.0 / 4096
	aeroCheck     = 150 // rad/s, the propellers' speed in the check at start
	aeroCheckLow  = 100 // rad/s that the check must find
	aeroStartTime = 2.0 // s
)

// aeropendulum is the firmware of the arm: states, control at 100 Hz, telemetry
// at 10 Hz.
type aeropendulum struct {
	opt    Options
	rand   *rand.Rand
	plant  rotorArm
	clock  stepper
	report periodic
	steps  int

	mode               aeroMode
	since              float64 // s in this mode
	yk, rk, uk, ek     float64
	velMan, posMan     float64
	test               bool // ctrl_mode 0
	refType            int
	freq, amp          float64
	kp, ki, kd         float64
	sum, before, slope float64 // of the controller
	phase              float64 // of the reference, turns
	checked            [2]bool
	vals               []float64
	out                []byte
}

// Aeropendulum returns the aeropendulum, type aeropendulum.
func Aeropendulum(o Options) Device {
	a := &aeropendulum{opt: o, rand: newRand(o.Seed, 2), clock: stepper{step: time.Millisecond}, report: periodic{every: aeroEvery}}
	if !o.Still {
		a.plant.y[0] = 3 * math.Pi / 180
	}
	a.restart()
	return newBoard(a, 0)
}

// restart is a reset of the board.
func (a *aeropendulum) restart() {
	a.enter(aeroStandby)
	a.velMan, a.posMan, a.test = 0, 0, false
	a.refType, a.freq, a.amp = refConstant, 0.1, 10
	a.kp, a.ki, a.kd = 8, 16, 1.2
}

func (a *aeropendulum) reboot(now time.Time) {
	a.advance(now)
	a.restart()
}

func (a *aeropendulum) open(now time.Time, out *output) {
	a.advance(now)
	if a.opt.Reboot {
		a.restart()
	}
	a.report.next = now.Add(aeroEvery)
	out.text([]byte(floats.Hello))
}

func (a *aeropendulum) wake() time.Time { return a.report.next }

func (a *aeropendulum) advance(now time.Time) {
	a.clock.to(now, func(dt float64) {
		if a.steps++; a.steps%aeroControl == 0 {
			a.control(dt * aeroControl)
		}
		if !a.opt.Still { // a draught
			a.plant.y[1] += 0.05 * math.Sqrt(dt) * a.rand.NormFloat64()
		}
		a.plant.step(dt)
	})
}

func (a *aeropendulum) tick(now time.Time, out *output) {
	a.advance(now)
	a.report.advance(now)
	ctrl := 1.0
	if a.test {
		ctrl = 0
	}
	a.vals = append(a.vals[:0], float64(a.mode), a.yk, a.rk, a.uk, a.ek, a.speed(0), a.speed(1), a.velMan, a.posMan, ctrl,
		float64(a.refType), a.freq, a.amp, a.kp, a.ki, a.kd)
	a.out = floats.Append(a.out[:0], a.vals)
	out.binary(a.out)
}

// speed is a propeller's speed as its sensor counts it: at rest it counts
// nothing.
func (a *aeropendulum) speed(i int) float64 {
	m := a.plant.y[2+i]
	if m < 2 {
		return 0
	}
	return math.Max(0, math.Round(m+1.5*a.rand.NormFloat64()))
}

// enter changes the mode; only PID, TEST and STARTING turn the propellers.
func (a *aeropendulum) enter(m aeroMode) {
	a.mode, a.since = m, 0
	a.sum, a.slope, a.before, a.phase = 0, 0, a.yk, 0
	a.checked = [2]bool{}
	if m != aeroPID && m != aeroTest {
		a.uk, a.velMan = 0, 0
		a.plant.drive(0)
	}
}

// control runs every 10 ms.
func (a *aeropendulum) control(dt float64) {
	a.since += dt
	deg := math.Remainder(a.plant.y[0], 2*math.Pi) * 180 / math.Pi
	a.yk = quantise(deg+0.05*a.rand.NormFloat64(), aeroEncoder)
	a.slope += 0.25 * ((a.yk-a.before)/dt - a.slope)
	a.before = a.yk
	a.reference(dt)
	a.ek = a.rk - a.yk
	rate := a.plant.y[1] * 180 / math.Pi
	if a.mode != aeroStandby && a.mode != aeroAlarm && (math.Abs(a.yk) > aeroAngle || math.Abs(rate) > aeroRate) {
		a.enter(aeroAlarm)
		return
	}
	switch a.mode {
	case aeroStarting:
		a.selfTest()
	case aeroPID:
		a.pid(dt)
		a.plant.drive(a.uk)
	case aeroTest:
		a.uk = a.velMan
		a.plant.drive(a.uk)
	}
}

// pid holds the integral while the output is at its limit.
func (a *aeropendulum) pid(dt float64) {
	u := a.kp*a.ek + a.ki*(a.sum+a.ek*dt) - a.kd*a.slope
	a.uk = clamp(u, -rotorMost, rotorMost)
	if a.uk == u || math.Signbit(u) != math.Signbit(a.ek) {
		a.sum += a.ek * dt
	}
}

// reference moves rk along its shape around posMan.
func (a *aeropendulum) reference(dt float64) {
	a.phase = math.Mod(a.phase+a.freq*dt, 1)
	shape := 0.0
	switch a.refType {
	case refSine:
		shape = math.Sin(2 * math.Pi * a.phase)
	case refSquare:
		shape = 1
		if a.phase >= 0.5 {
			shape = -1
		}
	case refTriangle:
		shape = 1 - 4*math.Abs(math.Mod(a.phase+0.75, 1)-0.5)
	}
	a.rk = a.posMan + a.amp*shape
}

// selfTest turns one propeller after the other, and finds whether they turn.
func (a *aeropendulum) selfTest() {
	turning := -1
	switch {
	case a.since < 0.9:
		turning = 0
	case a.since < 1.7:
		turning = 1
	}
	a.plant.want = [2]float64{}
	if turning >= 0 {
		a.plant.want[turning] = aeroCheck
		a.checked[turning] = a.checked[turning] || a.plant.y[2+turning] > aeroCheckLow
	}
	if a.since < aeroStartTime {
		return
	}
	if a.checked[0] && a.checked[1] {
		a.enter(aeroReady)
	} else {
		a.enter(aeroAlarm)
	}
}

// receive obeys one command. What it does not know or cannot take is ignored:
// there are no replies.
func (a *aeropendulum) receive(now time.Time, p []byte, _ *output) {
	a.advance(now)
	key, x, err := floats.ParseCommand(p)
	if err != nil {
		return
	}
	within := func(v *float64, low, high float64) {
		if x >= low && x <= high {
			*v = x
		}
	}
	switch string(key) {
	case "event":
		a.event(int(x))
	case "vel_man":
		within(&a.velMan, -rotorMost, rotorMost)
	case "ctrl_mode":
		a.setMode(x)
	case "Kp":
		within(&a.kp, 0, 100)
	case "Ki":
		within(&a.ki, 0, 100)
	case "Kd":
		within(&a.kd, 0, 100)
	case "ref_type":
		if x == math.Trunc(x) && x >= refConstant && x <= refTriangle {
			a.refType, a.phase = int(x), 0
		}
	case "freq":
		within(&a.freq, 0, 5)
	case "amp":
		within(&a.amp, 0, 90)
	case "rk", "pos_man":
		within(&a.posMan, -90, 90)
	}
}

// setMode chooses between PID and TEST, also while the arm is driven.
func (a *aeropendulum) setMode(x float64) {
	if x != 0 && x != 1 {
		return
	}
	a.test = x == 0
	switch {
	case a.mode == aeroPID && a.test:
		a.velMan = 0
		a.enter(aeroTest)
	case a.mode == aeroTest && !a.test:
		a.enter(aeroPID)
	}
}

func (a *aeropendulum) event(n int) {
	switch {
	case n == eventPowerOff:
		a.enter(aeroStandby)
	case n == eventPowerOn && a.mode == aeroStandby:
		a.enter(aeroStarting)
	case n == eventStart && a.mode == aeroReady:
		vel := a.velMan
		if a.test {
			a.enter(aeroTest)
		} else {
			a.enter(aeroPID)
		}
		a.velMan = vel
	case n == eventStop && a.mode == aeroStarting:
		a.enter(aeroStandby)
	case n == eventStop && (a.mode == aeroPID || a.mode == aeroTest):
		a.enter(aeroReady)
	}
}
