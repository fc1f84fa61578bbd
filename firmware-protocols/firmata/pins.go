package firmata

// learn takes a pin's mode and level before anything is set.
func (s *Session) learn(m *Message) {
	if (m.Mode == Output || m.Mode == Input) && m.Value&1 == 1 {
		s.ports[m.Number/8] |= 1 << (m.Number % 8)
	}
	i := s.byPin[m.Number]
	if i == 0 {
		return
	}
	u := &s.uses[i-1]
	if len(u.Pulse) == 2 && u.mode == Servo {
		s.out = AppendServoConfig(s.out, u.pin, u.Pulse[0], u.Pulse[1])
	}
	switch {
	case u.emulated:
		s.out = AppendPinMode(s.out, u.pin, Input)
		s.port(u.pin, true) // the other pins of the port may not be known yet
	case m.Mode != u.mode:
		s.out = AppendPinMode(s.out, u.pin, u.mode)
		s.ports[u.pin/8] &^= 1 << (u.pin % 8) // a new mode begins low
	}
}

// port sets one bit of what a port before 2.5 is written.
func (s *Session) port(pin int, high bool) {
	if high {
		s.ports[pin/8] |= 1 << (pin % 8)
	} else {
		s.ports[pin/8] &^= 1 << (pin % 8)
	}
}

// pinsDone goes on when all pins have answered.
func (s *Session) pinsDone() {
	if s.answered < len(s.ask) {
		return
	}
	switch s.state {
	case ReadingPins:
		var pull [len(s.ports)]bool
		for i := range s.uses {
			pull[s.uses[i].pin/8] = pull[s.uses[i].pin/8] || s.uses[i].emulated
		}
		for p, yes := range pull {
			if yes {
				s.out = AppendDigitalPort(s.out, p, s.ports[p])
			}
		}
		s.ask = s.ask[:0]
		for i := range s.uses {
			s.ask = append(s.ask, s.uses[i].pin)
		}
		s.enter(CheckingPins)
		s.pinsDone()
	case CheckingPins:
		s.reports()
		s.enter(Ready)
		s.tell(Event{Kind: ReadyEvent})
	}
}

// reports switches on what is used, and off what an earlier session may have left.
func (s *Session) reports() {
	if s.opt.Sampling > 0 {
		s.out = AppendSampling(s.out, int(s.opt.Sampling.Milliseconds()))
	}
	var channels [maxPins]bool
	var ports [maxPins / 8]bool
	for i := range s.uses {
		switch u := &s.uses[i]; u.mode {
		case Analog:
			channels[u.channel] = true
		case Input, PullUp:
			ports[u.pin/8] = true
		}
	}
	for ch := range maxPins {
		if s.board.Analog(ch) != nil && (ch <= 15 || channels[ch]) {
			s.out = AppendReportAnalog(s.out, ch, channels[ch])
		}
	}
	for p := range (len(s.board.Pins) + 7) / 8 {
		s.out = AppendReportPort(s.out, p, ports[p])
	}
}

// values gives the values of a report.
func (s *Session) values(m *Message) {
	if m.Kind == DigitalPort {
		for bit := range 8 {
			i := s.byPin[m.Number*8+bit]
			if i == 0 {
				continue
			}
			if u := &s.uses[i-1]; u.mode == Input || u.mode == PullUp {
				s.tell(Event{Kind: ValueEvent, Field: u.Field, Pin: u.pin, Mode: u.mode, Value: float64(m.Value >> bit & 1)})
			}
		}
		return
	}
	for i := range s.uses {
		u := &s.uses[i]
		if u.mode != Analog || u.channel != m.Number {
			continue
		}
		if m.Number <= s.last { // the end of the last scan was lost
			s.tell(Event{Kind: ScanEvent})
		}
		s.last = m.Number
		s.tell(Event{Kind: ValueEvent, Field: u.Field, Pin: u.pin, Mode: Analog, Value: u.shown(Analog, m.Value)})
		if m.Number == s.top {
			s.last = -1
			s.tell(Event{Kind: ScanEvent})
		}
		return
	}
}

// shown turns a board's number into the pin's own scale.
func (u *use) shown(m Mode, raw int) float64 {
	if u.Max == 0 || m != u.mode {
		return float64(raw)
	}
	return float64(raw) * u.Max / float64(int(1)<<u.bits-1)
}
