package gcode

import (
	"bytes"
	"math"
	"strconv"
	"time"
)

// run executes the lines that wait, until a motion holds the next ones up.
func (s *Stage) run() {
	for s.kind == still && !s.dead {
		i := bytes.IndexAny(s.rx, "\r\n")
		if i < 0 {
			return
		}
		line := append([]byte(nil), s.rx[:i]...)
		s.used -= i + 1 - bytes.Count(line, []byte{0})
		s.rx = append(s.rx[:0], s.rx[i+1:]...)
		s.execute(line)
	}
}

// execute answers one line.
func (s *Stage) execute(line []byte) {
	code := 0
	switch {
	case bytes.IndexByte(line, 0) >= 0 || len(line) >= maxBlock:
		code = 11 // bytes were lost in it, or it is too long
	default:
		line = squeeze(line)
		if len(line) > 0 && line[0] == '$' {
			code = s.system(string(line[1:]))
		} else if s.locked && len(line) > 0 {
			code = 9
		} else {
			code = s.block(line)
		}
	}
	switch {
	case s.dead || s.kind == homing || s.kind == dwelling:
		// no answer, or at the end
	case code != 0:
		s.say("error:" + strconv.Itoa(code))
	default:
		s.say("ok")
	}
}

// squeeze takes blanks and comments out and turns letters into capitals.
func squeeze(b []byte) []byte {
	out := b[:0]
	comment := false
	for _, c := range b {
		switch {
		case c == ';':
			return out
		case c == '(':
			comment = true
		case c == ')':
			comment = false
		case comment || c <= ' ':
		default:
			if isLetter(c) {
				c &^= 0x20
			}
			out = append(out, c)
		}
	}
	return out
}

// system does what follows a $.
func (s *Stage) system(cmd string) (code int) {
	switch cmd {
	case "":
		s.say("[HLP:$$ $# $G $I $N $x=val $Nx=line $J=line $SLP $C $X $H ~ ! ? ctrl-x]")
	case "H":
		if !s.opt.Homing {
			return 5
		}
		if s.begin(homing, s.opt.Max, s.opt.HomeRate); s.kind == still {
			s.locked = false
		}
	case "X":
		if s.locked {
			s.locked = false
			s.say("[MSG:Caution: Unlocked]")
		}
	case "I":
		s.say("[VER:1.1h.20190825:]")
		s.say("[OPT:V,15," + strconv.Itoa(s.opt.Buffer+1) + "]")
	case "G":
		s.say(s.modes())
	case "#":
		s.out = append(s.out, "[G92:"...)
		s.coordinates(s.offset)
		s.say("]")
	case "$":
		s.settings()
	default:
		if len(cmd) > 2 && cmd[:2] == "J=" {
			if s.locked {
				return 9
			}
			return s.jog([]byte(cmd[2:]))
		}
		return 3
	}
	return 0
}

func (s *Stage) modes() string {
	units, distance := "G21", "G90"
	if s.modal.inch {
		units = "G20"
	}
	if s.modal.relative {
		distance = "G91"
	}
	return "[GC:G" + strconv.Itoa(s.modal.move) + " G54 G17 " + units + " " + distance + " G94 M" + strconv.Itoa(s.modal.spindle) + " M9 T0 F" +
		strconv.FormatFloat(s.modal.feed, 'f', -1, 64) + " S" + strconv.FormatFloat(s.modal.speed, 'f', -1, 64) + "]"
}

func (s *Stage) settings() {
	flag := map[bool]float64{true: 1}
	say := func(n int, x float64) {
		s.say("$" + strconv.Itoa(n) + "=" + strconv.FormatFloat(x, 'f', -1, 64))
	}
	say(13, 0)
	say(20, flag[!s.opt.NoLimits])
	say(22, flag[s.opt.Homing])
	for i := range 3 {
		say(110+i, s.opt.Rate)
	}
	for i := range 3 {
		say(130+i, s.opt.Max[i]-s.opt.Min[i])
	}
}

// words are the letters of a line and their numbers.
type words struct {
	axis   [3]float64
	given  [3]bool
	value  [26]float64
	seen   [26]bool
	g      [8]float64
	m      [4]float64
	ng, nm int
}

// parse reads the words of a line.
func (w *words) parse(b []byte) (code int) {
	for len(b) > 0 {
		letter := b[0]
		if letter < 'A' || letter > 'Z' {
			return 1
		}
		n := 1
		for n < len(b) && (isDigit(b[n]) || b[n] == '.' || b[n] == '-' || b[n] == '+') {
			n++
		}
		x, ok := whole(b[1:n])
		if !ok {
			return 2
		}
		b = b[n:]
		switch {
		case letter == 'G' && w.ng < len(w.g):
			w.g[w.ng] = x
			w.ng++
		case letter == 'M' && w.nm < len(w.m):
			w.m[w.nm] = x
			w.nm++
		case letter == 'G' || letter == 'M':
			return 21
		case w.seen[letter-'A']:
			return 25
		default:
			w.seen[letter-'A'], w.value[letter-'A'] = true, x
			if i := int(letter - 'X'); letter >= 'X' && letter <= 'Z' {
				w.axis[i], w.given[i] = x, true
			}
		}
	}
	return 0
}

// get returns the number of a letter.
func (w *words) get(letter byte) (float64, bool) { return w.value[letter-'A'], w.seen[letter-'A'] }

func (w *words) axes() bool { return w.given[0] || w.given[1] || w.given[2] }

// block executes a line of G-code. Nothing changes where it is refused.
func (s *Stage) block(line []byte) (code int) {
	var w words
	if code = w.parse(line); code != 0 {
		return code
	}
	m := s.modal
	action := 0 // 4, 92, 921: in place of a motion
	moves := 0
	for _, g := range w.g[:w.ng] {
		switch g {
		case 0, 1, 80:
			m.move = int(g)
			moves++
		case 4:
			action = 4
		case 92:
			action = 92
		case 92.1:
			action = 921
		case 20, 21:
			m.inch = g == 20
		case 90, 91:
			m.relative = g == 91
		case 17, 40, 49, 54, 94:
		default:
			return 20
		}
	}
	if moves > 1 {
		return 21
	}
	for _, x := range w.m[:w.nm] {
		switch x {
		case 3, 4, 5:
			m.spindle = int(x)
		case 0, 1, 7, 8, 9:
		case 2, 30:
			m.spindle = 5
		default:
			return 20
		}
	}
	unit := 1.0
	if m.inch {
		unit = 25.4
	}
	if f, ok := w.get('F'); ok {
		if m.feed = f * unit; f < 0 {
			return 4
		}
	}
	if x, ok := w.get('S'); ok {
		if m.speed = x; x < 0 {
			return 4
		}
	}
	if code := unused(&w, "FSNPXYZT"); code != 0 {
		return code
	}
	return s.act(&w, m, action, unit)
}

// unused refuses words that nothing here takes.
func unused(w *words, allowed string) int {
	for i, seen := range w.seen {
		if seen && !bytes.ContainsRune([]byte(allowed), rune('A'+i)) {
			return 36
		}
	}
	return 0
}

// act does what the words of a line ask for, once all of them are known to be good.
func (s *Stage) act(w *words, m modal, action int, unit float64) int {
	switch {
	case action == 4:
		p, ok := w.get('P')
		if !ok {
			return 28
		}
		if p < 0 || p > 1e6 {
			return 4
		}
		if s.modal = m; p > 0 {
			s.kind, s.rest = dwelling, time.Duration(p*float64(time.Second))
		}
	case action != 0:
		if action == 92 && !w.axes() {
			return 26
		}
		s.modal, s.wcoIn = m, 0
		for i := range s.offset {
			if action == 921 {
				s.offset[i] = 0
			} else if w.given[i] {
				s.offset[i] = s.pos[i] - w.axis[i]*unit
			}
		}
	case w.axes() && m.move == 80:
		return 31
	case w.axes():
		if m.move == 1 && m.feed == 0 {
			return 22
		}
		to := s.target(w, m.relative, unit)
		if !s.inside(to) {
			s.alarm(2)
			s.say("[MSG:Reset to continue]")
			s.dead = true
			return 0
		}
		s.modal = m
		rate := m.feed
		if s.rapid = m.move == 0; s.rapid {
			rate = s.opt.Rate
		}
		s.begin(running, to, rate)
	default:
		s.modal = m
	}
	return 0
}

// target is the machine position that the axis words name.
func (s *Stage) target(w *words, relative bool, unit float64) [3]float64 {
	to := s.pos
	for i := range to {
		switch {
		case !w.given[i]:
		case relative:
			to[i] += w.axis[i] * unit
		default:
			to[i] = w.axis[i]*unit + s.offset[i]
		}
	}
	return to
}

// jog moves without a trace in the modes.
func (s *Stage) jog(line []byte) (code int) {
	var w words
	if code = w.parse(line); code != 0 {
		return code
	}
	relative, unit := s.modal.relative, 1.0
	if s.modal.inch {
		unit = 25.4
	}
	for _, g := range w.g[:w.ng] {
		switch g {
		case 20:
			unit = 25.4
		case 21:
			unit = 1
		case 90, 91:
			relative = g == 91
		default:
			return 16
		}
	}
	f, ok := w.get('F')
	switch {
	case w.nm > 0 || unused(&w, "FXYZN") != 0:
		return 16
	case !ok || f <= 0:
		return 22
	case !w.axes():
		return 26
	}
	to := s.target(&w, relative, unit)
	if !s.inside(to) {
		return 15
	}
	s.rapid = false
	s.begin(jogging, to, math.Abs(f)*unit)
	return 0
}
