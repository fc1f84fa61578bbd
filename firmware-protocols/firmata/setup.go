package firmata

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// message is what happens when the board sends one.
func (s *Session) message(m *Message) {
	if s.state == Ready { // any message is a sign of life
		s.asked, s.deadline = 1, s.now+s.opt.Idle
	}
	switch m.Kind {
	case VersionReport:
		s.version(m)
	case String:
		s.tell(Event{Kind: TextEvent, Text: m.Text})
	case UnknownSysex:
		s.tell(Event{Kind: SysexEvent, Command: m.Command, Data: m.Data})
	case FirmwareReport:
		if s.state == AskFirmware {
			s.board.FirmwareMajor, s.board.FirmwareMinor, s.board.Name = m.Major, m.Minor, string(m.Text)
			s.enter(AskCapability)
		}
	case CapabilityReport:
		if s.state == AskCapability {
			s.capabilities(m.Data)
		}
	case MappingReport:
		if s.state == AskMapping {
			s.mapping(m.Data)
		}
	case PinStateReport:
		s.pinState(m)
	case AnalogValue, DigitalPort:
		if s.state == Ready {
			s.values(m)
		}
	}
}

func (s *Session) tell(e Event) {
	s.e = e
	s.emit(&s.e)
}

// version starts the questions, wherever the session is: a board that reports its
// version unasked has restarted.
func (s *Session) version(m *Message) {
	if s.state == Ready {
		s.restart = s.opt.Reset
		s.tell(Event{Kind: RebootEvent})
	}
	s.board = Board{Major: m.Major, Minor: m.Minor}
	if !s.board.speaks(2, 2) {
		s.fail(fmt.Errorf("%w: it speaks Firmata %d.%d, which has no capability query; 2.3 or later is needed", ErrBoard, m.Major, m.Minor))
		return
	}
	if s.restart {
		s.restart = false
		s.out = AppendReset(append(s.out, Resync...))
	}
	s.enter(AskFirmware)
}

func (s *Session) capabilities(data []byte) {
	pins, err := ParseCapabilities(data)
	if err != nil {
		s.fail(err)
		return
	}
	s.board.Pins = pins
	s.enter(AskMapping)
}

func (s *Session) mapping(data []byte) {
	if err := setMapping(s.board.Pins, data); err != nil {
		s.fail(err)
		return
	}
	if err := s.choose(); err != nil {
		s.fail(err)
		return
	}
	// The levels of all outputs that share a port with a pin in use: boards before
	// 2.5 are written 8 pins at a time.
	s.ask = s.ask[:0]
	s.ports = [len(s.ports)]int{}
	var ports [len(s.ports)]bool
	for i := range s.uses {
		ports[s.uses[i].pin/8] = true
	}
	for i := range s.board.Pins {
		if _, ok := s.board.Pins[i].Bits(Output); ok && ports[i/8] || s.byPin[i] > 0 {
			s.ask = append(s.ask, i)
		}
	}
	s.enter(ReadingPins)
	s.pinsDone() // there may be nothing to ask
}

// restOf adds the analog inputs that named does not have, neither as a pin nor as
// a field.
func (s *Session) restOf(named []PinOption) []PinOption {
	for ch := range maxPins {
		p := s.board.Analog(ch)
		if p == nil {
			continue
		}
		name := "A" + strconv.Itoa(ch)
		_, can := p.Bits(Analog)
		for _, o := range s.opt.Pins {
			n, channel, _ := parsePin(o.Pin)
			can = can && o.Field != name && (channel && n != ch || !channel && n != p.Number)
		}
		if can && (ch <= 15 || s.board.speaks(2, 7)) {
			named = append(named, PinOption{Field: name, Pin: name, Mode: Analog.String(), Max: s.opt.AnalogMax})
		}
	}
	return named
}

// choose finds the pins in use and checks that they can be what they should.
func (s *Session) choose() error {
	wanted := s.opt.Pins[:len(s.opt.Pins):len(s.opt.Pins)]
	if len(wanted) == 0 || s.opt.AllAnalog {
		wanted = s.restOf(wanted)
	}
	s.uses, s.byPin, s.top, s.last = s.uses[:0], [maxPins]int16{}, -1, -1
	for _, o := range wanted {
		u, err := s.resolve(o)
		if err != nil {
			return err
		}
		if other := s.byPin[u.pin]; other > 0 {
			return fmt.Errorf("%w: fields %q and %q are the same pin %d", ErrBoard, s.uses[other-1].Field, u.Field, u.pin)
		}
		s.uses = append(s.uses, u)
		s.byPin[u.pin] = int16(len(s.uses))
		if u.mode == Analog {
			s.top = max(s.top, u.channel)
		}
	}
	return nil
}

func (s *Session) resolve(o PinOption) (use, error) {
	number, channel, _ := parsePin(o.Pin)
	var p *Pin
	if channel {
		p = s.board.Analog(number)
	} else if number < len(s.board.Pins) {
		p = &s.board.Pins[number]
	}
	if p == nil {
		return use{}, fmt.Errorf("%w: it has no pin %s (field %q); it has %d pins", ErrBoard, o.Pin, o.Field, len(s.board.Pins))
	}
	u := use{PinOption: o, pin: p.Number, channel: p.Channel}
	u.mode, _ = ParseMode(o.Mode)
	return u, s.ability(&u, p)
}

// ability checks that pin p can do u.mode, and finds its resolution.
func (s *Session) ability(u *use, p *Pin) error {
	var ok bool
	u.emulated = false
	u.bits, ok = p.Bits(u.mode)
	if _, input := p.Bits(Input); !ok && u.mode == PullUp && input && !s.board.speaks(2, 5) {
		u.emulated, ok = true, true
	}
	switch {
	case !ok:
		var can []string
		for _, a := range p.Abilities {
			can = append(can, a.Mode.String())
		}
		if can == nil {
			can = []string{"nothing"}
		}
		return fmt.Errorf("%w: pin %s (field %q) cannot be %s; it can be %s", ErrBoard, u.Pin, u.Field, u.mode, strings.Join(can, ", "))
	case u.mode == Analog && (u.channel < 0 || u.channel > 15 && !s.board.speaks(2, 7)):
		return fmt.Errorf("%w: analog pin %s (field %q) has no channel that Firmata %d.%d can report", ErrBoard, u.Pin, u.Field, s.board.Major, s.board.Minor)
	case (u.mode == Analog || u.mode == PWM) && (u.bits < 1 || u.bits > 28):
		return fmt.Errorf("%w: pin %s (field %q) says it has %d bits", ErrBoard, u.Pin, u.Field, u.bits)
	}
	return nil
}

// pinState takes the answer to a question about a pin.
func (s *Session) pinState(m *Message) {
	if m.Number >= len(s.board.Pins) {
		return
	}
	if s.state == Ready {
		e := Event{Kind: PinStateEvent, Pin: m.Number, Mode: m.Mode, Value: float64(m.Value)}
		if i := s.byPin[m.Number]; i > 0 {
			e.Field = s.uses[i-1].Field
			e.Value = s.uses[i-1].shown(m.Mode, m.Value)
		}
		s.tell(e)
		return
	}
	at := slices.Index(s.ask[min(s.answered, len(s.ask)):s.sent], m.Number)
	if s.state != ReadingPins && s.state != CheckingPins || at != 0 {
		return // not asked for, or an earlier answer is missing: asked again
	}
	if s.state == CheckingPins {
		u := &s.uses[s.byPin[m.Number]-1]
		want := u.mode
		if u.emulated {
			want = Input
		}
		if m.Mode != want {
			s.fail(fmt.Errorf("%w: pin %s (field %q) was set to %s and is %s", ErrBoard, u.Pin, u.Field, want, m.Mode))
			return
		}
	} else {
		s.learn(m)
	}
	s.answered++
	s.asked, s.deadline = 1, s.now+s.opt.Answer
	s.askPins()
	s.pinsDone()
}
