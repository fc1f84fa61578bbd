package gcode

import (
	"fmt"
	"math"
	"time"
)

// StageOptions describe a simulated stage. Lengths are in mm, rates in mm/min.
type StageOptions struct {
	// Banner is what it prints at its start, default "Grbl 1.1h ['$' for help]".
	Banner string `yaml:"banner"`
	// Min and Max are the corners of the working area in machine coordinates,
	// default -200 and 0 on each axis. Homing ends at Max.
	Min [3]float64 `yaml:"min"`
	Max [3]float64 `yaml:"max"`
	// Rate is the fastest motion, default 1000; HomeRate that of homing, default 500.
	Rate     float64 `yaml:"rate"`
	HomeRate float64 `yaml:"home_rate"`
	// Buffer is the serial receive buffer in bytes, default 127.
	Buffer int `yaml:"buffer"`
	// Homing says that the stage is locked at its start, until $H or $X.
	Homing bool `yaml:"homing"`
	// NoLimits switches the soft limits off.
	NoLimits bool `yaml:"no_limits"`
	// ReportBuffer puts Bf into the reports.
	ReportBuffer bool `yaml:"report_buffer"`
}

// motion is what the stage is doing.
type motion uint8

const (
	still motion = iota
	running
	jogging
	homing
	dwelling
)

// maxBlock is the longest line in bytes: GRBL's own limit.
const maxBlock = 80

// Stage is a stage of three axes without a planner: one motion at a time, at its
// rate from end to end; the lines behind it wait in the receive buffer, and what the
// buffer has no room for is lost, as on the real board. It does no I/O and has no
// clock: Advance is told how much time went by. It is not safe for concurrent use.
type Stage struct {
	opt       StageOptions
	out       []byte
	rx        []byte // received, not executed; 0 marks bytes that were lost
	used      int    // bytes of rx without marks
	lost      uint64
	hole      bool
	locked    bool // alarm: home or unlock
	dead      bool // alarm: reset
	held      bool
	kind      motion
	pos, from [3]float64 // machine
	to        [3]float64
	length    float64
	gone      float64
	rate      float64       // of the motion, without override
	rest      time.Duration // of a dwell
	rapid     bool
	offset    [3]float64 // G92
	modal     modal
	feedOv    int
	rapidOv   int
	speedOv   int
	wcoIn     int // reports until WCO, Ov are told again
	ovIn      int
}

// modal is what lines leave behind.
type modal struct {
	move     int // 0, 1, 80
	relative bool
	inch     bool
	feed     float64 // mm/min
	speed    float64
	spindle  int // 3, 4, 5
}

// NewStage returns a stage that is switched off: Start it.
func NewStage(o StageOptions) (*Stage, error) {
	if o.Banner == "" {
		o.Banner = "Grbl 1.1h ['$' for help]"
	}
	if o.Min == o.Max {
		o.Min, o.Max = [3]float64{-200, -200, -200}, [3]float64{}
	}
	if o.Rate == 0 {
		o.Rate = 1000
	}
	if o.HomeRate == 0 {
		o.HomeRate = 500
	}
	if o.Buffer == 0 {
		o.Buffer = DefaultBuffer
	}
	for i := range 3 {
		if !(o.Min[i] < o.Max[i]) {
			return nil, fmt.Errorf("%w: area from %v to %v", ErrOptions, o.Min, o.Max)
		}
	}
	if !(o.Rate > 0 && o.HomeRate > 0) || o.Buffer < 8 || o.Buffer > 65536 {
		return nil, fmt.Errorf("%w: rates %v, %v, buffer of %d bytes", ErrOptions, o.Rate, o.HomeRate, o.Buffer)
	}
	return &Stage{opt: o, pos: o.Max}, nil
}

// Start switches the stage on and appends its banner to out.
func (s *Stage) Start(out []byte) []byte {
	s.out = out
	s.locked = s.opt.Homing
	s.restart()
	return s.take()
}

// restart is what reset and power-up have in common.
func (s *Stage) restart() {
	s.rx, s.used, s.hole = s.rx[:0], 0, false
	s.kind, s.held, s.dead = still, false, false
	s.offset, s.modal = [3]float64{}, modal{spindle: 5}
	s.feedOv, s.rapidOv, s.speedOv = 100, 100, 100
	s.wcoIn, s.ovIn = 0, 1
	s.say("")
	s.say(s.opt.Banner)
	if s.locked {
		s.say("[MSG:'$H'|'$X' to unlock]")
	}
}

// Lost counts the bytes that the receive buffer had no room for.
func (s *Stage) Lost() uint64 { return s.lost }

// Position returns the machine position.
func (s *Stage) Position() [3]float64 { return s.pos }

// Speed returns the spindle's speed, 0 while it is off.
func (s *Stage) Speed() float64 {
	if s.modal.spindle == 5 {
		return 0
	}
	return s.modal.speed * float64(s.speedOv) / 100
}

// Moving reports whether a motion is under way and not held.
func (s *Stage) Moving() bool {
	return !s.held && (s.kind == running || s.kind == jogging || s.kind == homing)
}

// Feed takes the next bytes and appends what the stage answers to out.
func (s *Stage) Feed(p []byte, out []byte) []byte {
	s.out = out
	for _, b := range p {
		if IsRealtime(b) {
			s.realtime(b)
			continue
		}
		if b == 0 {
			b = ' ' // as good as one, and 0 is the mark
		}
		if s.used >= s.opt.Buffer {
			s.lost++
			s.hole = true
			continue
		}
		if s.hole {
			s.rx, s.hole = append(s.rx, 0), false
		}
		s.rx = append(s.rx, b)
		s.used++
		if b == '\n' || b == '\r' {
			s.run()
		}
	}
	return s.take()
}

// Advance lets time go by and appends what the stage says to out.
func (s *Stage) Advance(elapsed time.Duration, out []byte) []byte {
	s.out = out
	for elapsed > 0 && !s.held && s.kind != still {
		elapsed = s.move(elapsed)
		if s.kind == still {
			s.run()
		}
	}
	return s.take()
}

func (s *Stage) take() []byte {
	out := s.out
	s.out = nil
	return out
}

func (s *Stage) say(line string) {
	s.out = append(s.out, line...)
	s.out = append(s.out, '\r', '\n')
}

// speed is the rate of the motion now, mm/min.
func (s *Stage) speed() float64 {
	switch {
	case s.kind == still || s.kind == dwelling || s.held:
		return 0
	case s.kind == homing:
		return s.rate
	case s.rapid:
		return s.rate * float64(s.rapidOv) / 100
	}
	return min(s.rate*float64(s.feedOv)/100, s.opt.Rate)
}

// move goes on for the time and returns what is left of it at the end of the motion.
func (s *Stage) move(elapsed time.Duration) time.Duration {
	if s.kind == dwelling {
		n := min(elapsed, s.rest)
		if s.rest -= n; s.rest == 0 {
			s.kind = still
			s.say("ok")
		}
		return elapsed - n
	}
	perNano := s.speed() / float64(time.Minute)
	need := (s.length - s.gone) / perNano
	if need > float64(elapsed)+1 { // a nanosecond for the rounding of many small steps
		s.gone += perNano * float64(elapsed)
		for i := range s.pos {
			s.pos[i] = s.from[i] + (s.to[i]-s.from[i])*s.gone/s.length
		}
		return 0
	}
	s.pos = s.to
	if s.kind == homing {
		s.locked = false
		s.say("ok")
	}
	s.kind = still
	return elapsed - min(elapsed, time.Duration(math.Ceil(need)))
}

// begin starts a motion to a machine position.
func (s *Stage) begin(kind motion, to [3]float64, rate float64) {
	s.from, s.to, s.gone, s.length = s.pos, to, 0, 0
	for i := range to {
		s.length += (to[i] - s.pos[i]) * (to[i] - s.pos[i])
	}
	s.length = math.Sqrt(s.length)
	s.rate = min(rate, s.opt.Rate)
	if s.kind = kind; s.length == 0 {
		s.kind = still
	}
}

// inside reports whether the soft limits allow a position.
func (s *Stage) inside(p [3]float64) bool {
	const slack = 1e-9
	for i := range p {
		if math.IsNaN(p[i]) || !s.opt.NoLimits && (p[i] < s.opt.Min[i]-slack || p[i] > s.opt.Max[i]+slack) {
			return false
		}
	}
	return true
}
