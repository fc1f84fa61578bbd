package firmata

import (
	"fmt"
	"time"
)

// State is how far a Session is.
type State uint8

// The states.
const (
	Stopped       State = iota // Start was not called
	Booting                    // waits for the board to report by itself
	AskVersion                 // the board was silent: it is asked
	AskFirmware                //
	AskCapability              //
	AskMapping                 //
	ReadingPins                // what the pins are now
	CheckingPins               // the modes were set and are read back
	Ready                      // values come, writes go
	Failed                     // see Err; until Start, or until the board reports anew
)

func (s State) String() string {
	names := [...]string{"stopped", "booting", "asking for the version", "asking for the firmware", "asking for the capabilities",
		"asking for the analog mapping", "reading the pins", "checking the pins", "ready", "failed"}
	if int(s) < len(names) {
		return names[s]
	}
	return "unknown"
}

// How often a board is asked, and how many pin states are asked for at a time: 32
// bytes fit in the smallest receive buffer.
const (
	tries  = 3
	window = 8
)

// EventKind says what a Session has to tell.
type EventKind uint8

// The kinds, and which members of Event they fill.
const (
	ValueEvent    EventKind = iota // Field, Pin, Mode, Value
	ScanEvent                      // every analog input has been reported once, or begins anew
	PinStateEvent                  // Field if the pin has one, Pin, Mode, Value: what was last written
	TextEvent                      // Text: the board's words, mostly of an error
	SysexEvent                     // Command, Data: a message without a meaning here
	ReadyEvent                     // the board is set up
	RebootEvent                    // the board restarted by itself and is being set up anew
)

// Event is one thing that a Session has to tell. It and all it points to are valid
// only during the call of emit.
type Event struct {
	Kind    EventKind
	Field   string
	Pin     int
	Mode    Mode
	Value   float64
	Text    []byte
	Command byte
	Data    []byte
}

// Session is the computer's side of one board. All times are the caller's own
// monotonic clock. It is not safe for concurrent use.
type Session struct {
	opt      Options
	dec      *Decoder
	state    State
	err      error
	board    Board
	uses     []use
	byPin    [maxPins]int16 // index in uses + 1
	top      int            // the highest analog channel in use
	last     int            // the last one reported
	deadline time.Duration
	asked    int // times, in this state
	restart  bool
	ask      []int // pins whose state is to be asked for
	sent     int   // of ask
	answered int
	ports    [maxPins / 8]int // what was last written to the ports, for boards before 2.5
	now      time.Duration
	out      []byte
	e        Event
	emit     func(*Event)
	handle   func(*Message)
}

// use is a pin in use.
type use struct {
	PinOption
	pin, channel int
	mode         Mode
	bits         int
	emulated     bool // a pull-up before 2.5: an input that was written high
}

// NewSession returns a session for a board, which [Session.Start] begins.
func NewSession(o Options) (*Session, error) {
	o.Pins = append([]PinOption(nil), o.Pins...)
	if err := o.check(); err != nil {
		return nil, err
	}
	s := &Session{opt: o, dec: NewDecoder(FromBoard)}
	s.handle = s.message
	return s, nil
}

// Start begins anew: the port was opened.
func (s *Session) Start(now time.Duration) {
	s.dec.Reset()
	s.out = s.out[:0]
	s.now, s.restart = now, s.opt.Reset
	s.enter(Booting)
}

// Feed takes what the board sent. emit may be called several times.
func (s *Session) Feed(now time.Duration, p []byte, emit func(*Event)) {
	if s.state == Stopped {
		return
	}
	s.now, s.emit = now, emit
	s.dec.Feed(p, s.handle)
	s.emit = nil
}

// Tick lets time pass: call it when Deadline is over, or more often.
func (s *Session) Tick(now time.Duration) {
	s.now = now
	if s.state == Stopped || s.state == Failed || now < s.deadline {
		return
	}
	switch {
	case s.state == Booting:
		s.enter(AskVersion)
	case s.state == Ready && s.asked > tries, s.state != Ready && s.asked >= tries:
		s.fail(fmt.Errorf("%w: no answer while %s", ErrBoard, s.state))
	default:
		s.request()
	}
}

// Deadline returns when Tick has something to do; false: only after Start.
func (s *Session) Deadline() (time.Duration, bool) {
	return s.deadline, s.state != Stopped && s.state != Failed
}

// Output returns the bytes to be written now, and forgets them. They are valid
// until the next call of any method.
func (s *Session) Output() []byte {
	b := s.out
	s.out = s.out[:0]
	return b
}

// State returns how far the session is.
func (s *Session) State() State { return s.state }

// Err returns why the session is Failed.
func (s *Session) Err() error { return s.err }

// Board returns what the board has said of itself; complete when Ready.
func (s *Session) Board() *Board { return &s.board }

// Stats returns the decoder's counters.
func (s *Session) Stats() Stats { return s.dec.Stats() }

// Fields returns the pins in use, completed; known when Ready.
func (s *Session) Fields() []PinOption {
	out := make([]PinOption, len(s.uses))
	for i := range s.uses {
		out[i] = s.uses[i].PinOption
	}
	return out
}

func (s *Session) fail(err error) {
	s.state, s.err = Failed, err
}

// enter begins a state.
func (s *Session) enter(state State) {
	s.state, s.asked, s.err = state, 0, nil
	if state == Booting {
		s.deadline = s.now + s.opt.Boot
		return
	}
	if state == ReadingPins || state == CheckingPins {
		s.sent, s.answered = 0, 0
	}
	s.request()
}

// request asks for what the state waits for, again where nothing came.
func (s *Session) request() {
	s.asked++
	s.deadline = s.now + s.opt.Answer
	switch s.state {
	case AskVersion:
		s.out = AppendVersionRequest(append(s.out, Resync...))
	case AskFirmware:
		s.out = AppendFirmwareRequest(s.out)
	case AskCapability:
		s.out = AppendCapabilityRequest(s.out)
	case AskMapping:
		s.out = AppendMappingRequest(s.out)
	case ReadingPins, CheckingPins:
		if s.asked > 1 { // what was answered is known; the rest again
			s.out = append(s.out, Resync...)
		}
		s.sent = s.answered
		s.askPins()
	case Ready:
		if s.asked == 1 { // entering
			s.deadline = s.now + s.opt.Idle
			return
		}
		s.deadline = s.now + s.opt.Idle
		s.out = AppendPinStateRequest(append(s.out, Resync...), s.sign())
	}
}

// sign is the pin whose state is asked for as a sign of life.
func (s *Session) sign() int {
	if len(s.uses) > 0 {
		return s.uses[0].pin
	}
	return 0
}

func (s *Session) askPins() {
	for s.sent < len(s.ask) && s.sent < s.answered+window {
		s.out = AppendPinStateRequest(s.out, s.ask[s.sent])
		s.sent++
	}
}
