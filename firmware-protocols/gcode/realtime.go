package gcode

import "strconv"

// realtime acts on a byte that is no part of any line.
func (s *Stage) realtime(b byte) {
	switch b {
	case StatusQuery:
		s.report()
	case FeedHold, SafetyDoor:
		if s.kind == jogging {
			s.kind = still
			s.run()
		} else if s.kind == running {
			s.held = true
		}
	case CycleStart:
		s.held = false
	case JogCancel:
		if s.kind == jogging {
			s.kind = still
			s.run()
		}
	case SoftReset:
		if s.Moving() {
			code := 3
			if s.kind == homing {
				code = 6
			}
			s.alarm(code)
		}
		s.locked = s.locked || s.dead
		s.restart()
	case FeedNormal, FeedPlus10, FeedMinus10, FeedPlus1, FeedMinus1:
		s.feedOv = override(s.feedOv, b-FeedNormal)
	case RapidFull:
		s.rapidOv = 100
	case RapidHalf:
		s.rapidOv = 50
	case RapidQuarter:
		s.rapidOv = 25
	case SpeedNormal, SpeedPlus10, SpeedMinus10, SpeedPlus1, SpeedMinus1:
		s.speedOv = override(s.speedOv, b-SpeedNormal)
	}
	if b >= FeedNormal && b < SpindleStop {
		s.ovIn = 0
	}
}

func override(percent int, step byte) int {
	switch step {
	case 0:
		return 100
	case 1:
		percent += 10
	case 2:
		percent -= 10
	case 3:
		percent++
	case 4:
		percent--
	}
	return max(10, min(200, percent))
}

// alarm locks the stage.
func (s *Stage) alarm(code int) {
	s.locked, s.kind, s.held = true, still, false
	s.say("ALARM:" + strconv.Itoa(code))
}

func (s *Stage) state() string {
	switch {
	case s.locked && s.kind != homing:
		return "Alarm"
	case s.held:
		return "Hold:0"
	case s.kind == jogging:
		return "Jog"
	case s.kind == homing:
		return "Home"
	case s.kind != still:
		return "Run"
	}
	return "Idle"
}

// report answers ?.
func (s *Stage) report() {
	s.out = append(append(s.out, '<'), s.state()...)
	s.out = append(s.out, "|MPos:"...)
	s.coordinates(s.pos)
	if s.opt.ReportBuffer {
		s.out = append(s.out, "|Bf:15,"...)
		s.out = strconv.AppendInt(s.out, int64(s.opt.Buffer-s.used), 10)
	}
	s.out = append(s.out, "|FS:"...)
	s.out = strconv.AppendFloat(s.out, s.speed(), 'f', 0, 64)
	s.out = append(s.out, ',')
	s.out = strconv.AppendFloat(s.out, s.Speed(), 'f', 0, 64)
	s.wcoIn--
	s.ovIn--
	switch {
	case s.wcoIn < 0:
		s.wcoIn = 10
		s.out = append(s.out, "|WCO:"...)
		s.coordinates(s.offset)
	case s.ovIn < 0:
		s.ovIn = 10
		s.out = append(s.out, "|Ov:"...)
		for i, x := range [...]int{s.feedOv, s.rapidOv, s.speedOv} {
			if i > 0 {
				s.out = append(s.out, ',')
			}
			s.out = strconv.AppendInt(s.out, int64(x), 10)
		}
		switch s.modal.spindle {
		case 3:
			s.out = append(s.out, "|A:S"...)
		case 4:
			s.out = append(s.out, "|A:C"...)
		}
	}
	s.say(">")
}

func (s *Stage) coordinates(p [3]float64) {
	for i, x := range p {
		if i > 0 {
			s.out = append(s.out, ',')
		}
		s.out = strconv.AppendFloat(s.out, x, 'f', 3, 64)
	}
}
