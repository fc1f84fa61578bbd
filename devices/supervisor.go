package devices

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"labbox/devices/transport"
	"labbox/edge"
	"labbox/edge/turn"
)

// Config is what one device's supervisor needs.
type Config struct {
	Box  string
	ID   string
	Name string
	Type *Type // narrowed to this bench
	// Narrow gives the bench's limits to a type that the device told by itself;
	// nil: as it is.
	Narrow func(*Type) (*Type, error)
	Opener transport.Opener
	Baud   int // of the line, for pacing; 0: not a serial line
	Clock  edge.Clock
	Ledger *Ledger
	Sinks  []edge.Sink
	Logger *slog.Logger
	// Plugged tells that something was plugged in: the device, if it is absent,
	// is looked for at once. A token waits in it at most. nil: nobody tells.
	Plugged <-chan struct{}
	// Audit is told of every event, and of every command in full, whatever the
	// event log leaves out. It must not block. nil: nobody keeps an audit.
	Audit func(*edge.Event)
	// Rehearsal is set for a simulated twin of a device.
	Rehearsal *edge.Rehearsal
	// Turns are the turn rules of the box file; nil: turn.DefaultRules.
	Turns *edge.TurnRules
	// TickAge is the age beyond which a command's tick is refused. Default 2s.
	TickAge time.Duration
}

// Supervisor owns one device: its port, its lease, its limits, its safe state.
// Run drives it through the nine states; the other methods may be called from
// any goroutine at any time, and decide under one lock.
type Supervisor struct {
	cfg    Config
	t      atomic.Pointer[Type] // a device may tell itself what it is
	clock  edge.Clock
	log    *slog.Logger
	stream *stream
	codec  codec
	slot   chan struct{} // holds one token: one command at a time
	line   chan struct{} // holds one token: one exchange at a time

	mu       sync.Mutex
	state    edge.State
	since    time.Duration
	reason   *edge.Error
	safe     string
	stopped  *edge.Stop
	keeper   *turn.Keeper
	turns    queueing
	env      *envelope
	between  between
	narrow   narrowing
	tick     edge.Tick
	ticks    []edge.Tick // the last seconds' ticks, oldest first
	run      string
	contract *edge.Contract
	auto     []Channel
	link     *link         // nil while there is no connection
	urgent   atomic.Int32  // exchanges past every queue that are under way
	abort    chan struct{} // closed when a safe sequence begins: waiting commands give up
	wantSafe string        // why a safe sequence is wanted; "" none
	serving  bool          // one is being carried out
	swept    chan struct{} // closed when one was answered: what was asked before will not be any more
	jailed   bool          // quarantined until cleared, over reconnects
	clearing bool
	ending   bool          // the box stops: nothing is obeyed any more
	stops    uint64        // emergency stops so far: a resume ends only those before it
	unsaved  bool          // the latched stop is not durable yet
	saving   bool          // it is being tried again
	known    time.Duration // when this connection's device was recognised
	tried    time.Duration // when the last safe sequence began
	wake     chan struct{} // buffered: the session looks at wantSafe
	changed  func(edge.Status)
	news     chan struct{} // closed and replaced at each change of status
	memory   *memory
	eventSeq uint64
	commands uint64
	refused  uint64
	reopens  uint64
	quiet    logLimit
	odd      oddity
	trips    map[int]bool // interlocks that make safe, and hold
	retold   bucket       // how often the device may say something new of itself
}

// New returns a supervisor in state absent. Latched stops come from the ledger.
func New(cfg Config) (*Supervisor, error) {
	c, err := newCodec(cfg.Type)
	if err != nil {
		return nil, edge.Errorf(edge.CodeBadConfig, "%s: %w", cfg.ID, err)
	}
	if cfg.TickAge == 0 {
		cfg.TickAge = 2 * time.Second
	}
	s := &Supervisor{cfg: cfg, clock: cfg.Clock, log: cfg.Logger.With("device", cfg.ID),
		stream: newStream(cfg.Box, cfg.ID, cfg.Sinks), codec: c,
		slot: make(chan struct{}, 1), line: make(chan struct{}, 1), state: edge.StateAbsent, safe: edge.SafeNone,
		keeper: turn.NewKeeper(turn.Config{Device: cfg.ID, Grace: cfg.Type.Grace, Keep: cfg.Type.Keep, Rules: cfg.turnRules()}),
		env:    newEnvelope(), abort: make(chan struct{}), swept: make(chan struct{}), wake: make(chan struct{}, 1),
		changed: func(edge.Status) {}, news: make(chan struct{}), memory: newMemory()}
	s.t.Store(cfg.Type)
	s.slot <- struct{}{}
	s.line <- struct{}{}
	s.contract = s.typ().contract(nil)
	s.resumeTurns()
	s.resumeLimits()
	if s.typ().Safe != nil && len(s.typ().Safe.Steps) > 0 {
		s.safe = edge.SafeUnconfirmed
	}
	return s, nil
}

func (c *Config) narrow(t *Type) (*Type, error) {
	if c.Narrow == nil || t == c.Type {
		return t, nil
	}
	return c.Narrow(t)
}

// typ is what the device is, as far as it is known.
func (s *Supervisor) typ() *Type { return s.t.Load() }

// OnChange sets who is told of each change of status; call it before Run. fn
// must not block.
func (s *Supervisor) OnChange(fn func(edge.Status)) { s.changed = fn }

// ID is the device's id.
func (s *Supervisor) ID() string { return s.cfg.ID }

// Contract is the device's contract at this moment.
func (s *Supervisor) Contract() *edge.Contract {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.contract
}

// Status is the device's status at this moment.
func (s *Supervisor) Status() edge.Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.statusLocked()
}

func (s *Supervisor) statusLocked() edge.Status {
	now := s.clock.Mono()
	info, counts := s.stream.info(now)
	counts.Commands, counts.Refused, counts.Reconnects = s.commands, s.refused, s.reopens
	name := s.cfg.Name
	if name == "" {
		name = s.typ().Label.In("en")
	}
	return edge.Status{Box: s.cfg.Box, Device: s.cfg.ID, Name: name, Type: s.typ().Name, Port: s.cfg.Opener.String(),
		Contract: s.contract.Hash, State: s.state, SinceMS: s.since.Milliseconds(), Reason: s.reason, Safe: s.safe,
		Stopped: s.stopped, Rehearsal: s.cfg.Rehearsal, Lease: s.keeper.Info(now), Queue: s.keeper.Waiting(now),
		Rules: s.keeper.Rules(), Hold: s.turns.hold, Limits: s.narrow.limits, Stream: info, Tick: s.tick, Run: s.run, Counts: counts}
}

// setState moves to a state and tells everybody.
func (s *Supervisor) setState(st edge.State, why error) {
	s.mu.Lock()
	s.setStateLocked(st, why)
	s.mu.Unlock()
}

func (s *Supervisor) setStateLocked(st edge.State, why error) {
	reason := edge.AsError(why)
	if s.state == st && edge.CodeOf(reasonErr(s.reason)) == edge.CodeOf(why) {
		s.reason = reason
		return
	}
	before := s.state
	s.state, s.since, s.reason = st, s.clock.Mono(), reason
	args := map[string]any{"state": string(st), "before": string(before)}
	if reason != nil {
		args["code"] = string(reason.Code)
		args["message"] = reason.Message
	}
	if s.quiet.allow(string(st)+string(edge.CodeOf(why)), s.since) {
		if reason != nil {
			s.log.Warn("device state", "state", st, "before", before, "code", reason.Code, "error", reason.Message)
		} else {
			s.log.Info("device state", "state", st, "before", before)
		}
	}
	s.eventLocked("state", nil, args)
	s.tellLocked()
}

func reasonErr(e *edge.Error) error {
	if e == nil {
		return nil
	}
	return e
}

// tellLocked publishes the status.
func (s *Supervisor) tellLocked() {
	close(s.news)
	s.news = make(chan struct{})
	s.changed(s.statusLocked())
}

func (s *Supervisor) eventLocked(code string, by *edge.Actor, args map[string]any) {
	s.eventSeq++
	e := s.event(code, by, args)
	for _, k := range s.cfg.Sinks {
		k.Event(s.cfg.ID, e)
	}
	if code != "command" && code != "refused" { // those are audited in full
		s.audit(e)
	}
}

func (s *Supervisor) event(code string, by *edge.Actor, args map[string]any) *edge.Event {
	return &edge.Event{Box: s.cfg.Box, Device: s.cfg.ID, Seq: s.eventSeq, MonoUS: s.clock.Mono().Microseconds(),
		WallMS: s.clock.Wall().UnixMilli(), Code: code, Actor: by, Args: args}
}

// Beat takes the owner's heartbeat; the owner calls it at every tick.
func (s *Supervisor) Beat(t edge.Tick, status bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advanceLocked() // while a port is being opened nobody else does
	s.tick = t
	s.ticks = append(s.ticks, t)
	if len(s.ticks) > 64 {
		s.ticks = append(s.ticks[:0], s.ticks[len(s.ticks)-64:]...)
	}
	if status {
		s.keepLimitsLocked()
		s.tellLocked()
		if st := s.stopped; st != nil && s.unsaved && !s.saving {
			s.saving = true
			go func() {
				_ = s.latch(st)
				s.mu.Lock()
				s.saving = false
				s.mu.Unlock()
			}()
		}
	}
}

// SetRun notes which run records now, "" for none.
func (s *Supervisor) SetRun(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.run = id
	s.tellLocked()
}

// Note adds an event of the owner's, such as a run that started.
func (s *Supervisor) Note(code string, by *edge.Actor, args map[string]any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.eventLocked(code, by, args)
}

// demandSafeLocked asks the session for a safe sequence: waiting commands give
// up at once, and nothing but the safe sequence passes the writer until it is
// confirmed. It only asks: a port may take its time to drop its output, and the
// lock must not wait for one.
func (s *Supervisor) demandSafeLocked(why string) {
	if s.wantSafe == "" {
		s.wantSafe = why
	}
	if s.state == edge.StateLive || s.state == edge.StateStale {
		s.setStateLocked(edge.StateSafing, nil)
	}
	close(s.abort)
	s.abort = make(chan struct{})
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// obeysLocked is the condition under which the device obeys.
func (s *Supervisor) obeysLocked() error {
	switch {
	case s.ending:
		return edge.Errorf(edge.CodeNotReady, "the box is being stopped")
	case s.stopped != nil:
		return edge.Errorf(edge.CodeStopped, "the emergency stop is on").With("by", s.stopped.By.Name).
			WithHint("resume first")
	case s.turns.hold != nil:
		return edge.Errorf(edge.CodeHeld, "%s is frozen", s.cfg.ID).With("by", s.turns.hold.By.Name).
			WithHint("wait until the teacher lets it go on")
	case s.jailed:
		return edge.Errorf(edge.CodeQuarantined, "the safe state could not be confirmed").
			WithHint("look at the device, then clear the quarantine")
	case s.link != nil && (s.wantSafe != "" || s.state == edge.StateSafing):
		return errInterrupted
	case s.state != edge.StateLive:
		return edge.Errorf(edge.CodeNotReady, "the device is %s", s.state).With("state", string(s.state)).
			WithHint("wait until it is live")
	case s.strangeLocked():
		return errBetween
	}
	return nil
}

// oddity is what a device sent last that is not of its protocol.
type oddity struct {
	code edge.Code
	text string
	at   time.Duration
}

// logLimit lets a message through once, then by the minute, and no more than
// logMost of all together in a minute.
type logLimit struct {
	last  map[string]time.Duration
	since time.Duration
	n     int
}

const logMost = 300

func (l *logLimit) allow(key string, now time.Duration) bool {
	if l.last == nil || now-l.since >= time.Minute {
		l.since, l.n = now, 0
		for k, at := range l.last {
			if now-at >= time.Minute {
				delete(l.last, k)
			}
		}
		if l.last == nil {
			l.last = map[string]time.Duration{}
		}
	}
	if at, seen := l.last[key]; seen && now-at < time.Minute || l.n >= logMost {
		return false
	}
	l.n++
	l.last[key] = now
	return true
}

// link is one connection's working parts.
type link struct {
	port   transport.Port
	w      *writer
	watch  *watchers
	ctx    context.Context
	cancel context.CancelCauseFunc
	greet  func() error   // has a device say what it is that has not since it started
	asking sync.WaitGroup // polls
	ended  atomic.Int64   // when the last exchange did, on the monotonic clock
}

// spoke notes the end of an exchange.
func (l *link) spoke(now time.Duration) { l.ended.Store(int64(now)) }

// pause is how long the next message has to wait so that the device gets d
// between two.
func (l *link) pause(now, d time.Duration) time.Duration {
	if d <= 0 || l.ended.Load() == 0 {
		return 0
	}
	return time.Duration(l.ended.Load()) + d - now
}

// discard drops what is queued so that what follows goes first. A port that does
// not even do that is as good as stuck.
func (l *link) discard() {
	dog := time.AfterFunc(time.Second, l.w.stuck)
	defer dog.Stop()
	_ = l.port.DiscardOutput()
}
