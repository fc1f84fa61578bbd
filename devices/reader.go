package devices

import (
	"errors"
	"strings"
	"sync"
	"time"

	"labbox/devices/transport"
	"labbox/edge"
	"labbox/edge/frame"
	"labbox/firmware-protocols/lines"
)

// reader is the one goroutine that reads a port: bytes to records to samples.
type reader struct {
	s      *Supervisor
	l      *link
	in     *intake
	banner chan struct{} // closed when the boot banner was seen
	known  chan struct{} // closed when the type is proved

	feeding        sync.Mutex // held while the codec is fed, and while what it feeds is changed
	opened         time.Duration
	proved, booted bool
	heard          bool // a record of any kind has come
	autoSince      time.Duration
	records        int
	garbage        int
	drift          error           // what the codec said last
	asked          map[string]bool // polls that were answered
	questions      int             // polls there are
	greeted        bool            // the session's: the device has said what it is
	trace          tracing         // is told what became of each record; nil: nobody
	texts          int             // events made of the device's words in the last second
	textsAt        time.Duration
}

// resetTime is how long after opening a board that opening resets may still be
// heard from before its reset.
const resetTime = 200 * time.Millisecond

// provedAfter is how many good records in a row prove a type.
const provedAfter = 2

func newReader(s *Supervisor, l *link) *reader {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &reader{s: s, l: l, asked: map[string]bool{}, questions: questions(s.polls()), opened: s.clock.Mono(), in: newIntake(s.typ(), s.auto), banner: make(chan struct{}), known: make(chan struct{})}
}

func (r *reader) run() {
	buf := make([]byte, 16<<10)
	quiet := newPauses(r.s.codec, &r.feeding, r.s.clock.Mono, r.record, r.s, r.l)
	defer quiet.stop()
	for {
		n, kind, err := r.l.port.Receive(buf)
		if errors.Is(err, transport.ErrTooLong) {
			r.s.stream.garbage()
			r.s.stream.lose(frame.LostUnknown)
			continue
		}
		if err != nil {
			r.l.cancel(edge.Errorf(edge.CodePortLost, "the device was unplugged: %w", err).WithHint("plug it in again"))
			return
		}
		if err := r.take(buf[:n], kind, quiet); err != nil {
			r.disagree(err)
		}
	}
}

// take feeds the codec. Should that fail, the connection ends and nothing else.
func (r *reader) take(p []byte, kind transport.Kind, quiet *pauses) error {
	r.feeding.Lock()
	defer r.feeding.Unlock()
	defer r.s.guard(r.l)
	now := r.s.clock.Mono()
	defer quiet.arm(len(p))
	return r.s.codec.feed(p, kind, func(rec *lines.Record) { r.record(rec, now) })
}

// disagree is a frame that contradicts the type file.
func (r *reader) disagree(err error) {
	r.s.stream.garbage()
	r.s.mu.Lock()
	r.garbage++
	r.drift = err
	r.s.mu.Unlock()
	if r.proved { // it was right before: refuse it from now on
		r.l.cancel(err)
		_ = r.l.port.Close()
		return
	}
	r.s.mu.Lock()
	if r.s.state == edge.StateFault {
		r.s.setStateLocked(edge.StateFault, err)
	}
	r.s.mu.Unlock()
}

func (r *reader) record(rec *lines.Record, now time.Duration) {
	s := r.s
	first := !r.heard
	r.heard = true
	r.bannerIs(rec)
	e := r.l.watch.record(rec)
	if r.trace != nil {
		defer func() { r.trace(rec, e, now) }()
	}
	if e != nil {
		// The answer of a device that is asked holds values, even where it is known by
		// some of its fields.
		if _, byFields := e.reply.(*fieldsAnswer); (!byFields || len(s.typ().Polls) > 0) && len(rec.Fields) > 0 {
			r.answered(rec, e, now)
		}
		return
	}
	if c, ok := s.codec.(sorter); ok {
		c.sort(rec)
		r.bannerIs(rec)
	}
	if g, ok := s.codec.(gatherer); ok && r.gather(g, rec, now) {
		return
	}
	switch rec.Kind {
	case lines.Values:
		if s.typ().AutoChannel != nil {
			r.learn(rec, now)
		}
		if !r.proved {
			r.prove(rec, now)
			if !r.proved {
				return
			}
		}
		if r.in.take(rec, now, r.lose, s.stream.add) == 0 {
			r.say(rec, now)
			return
		}
		r.sampled()
	case lines.Overlong:
		s.stream.garbage()
		s.stream.lose(frame.LostUnknown)
		r.odd(rec, edge.CodeLineTooLong, "a line is too long", now)
	case lines.Garbage:
		if rec.Plain {
			r.say(rec, now)
			if !r.proved {
				r.odd(rec, edge.CodeGarbage, "", now)
			}
			return
		}
		if !first { // a port opens in the middle of a line: half of one is no loss
			s.stream.garbage()
			s.stream.lose(frame.LostUnknown)
		}
		r.odd(rec, edge.CodeGarbage, rec.Why, now)
	}
}

// bannerIs looks for the banner: a device that boots again while it is known has
// forgotten what it was told.
func (r *reader) bannerIs(rec *lines.Record) {
	if b := r.s.typ().Connect.Banner; len(b) == 0 || !matchFields(rec, b, nil) {
		return
	}
	switch {
	case !r.booted:
		r.booted = true
		close(r.banner)
		if r.proved {
			r.s.rebooted()
		}
	case r.proved:
		r.s.rebooted()
	}
}

// lose notes missing samples. A count that went back means that the device
// started again by itself.
func (r *reader) lose(n uint32) {
	r.s.stream.lose(n)
	if n == frame.LostUnknown {
		r.s.rebooted()
	}
}

// sampled is called after new values came.
func (r *reader) sampled() {
	r.l.watch.sample(r.s.stream.reading)
	r.s.tripped()
}

// prove counts records that fit the declared type.
func (r *reader) prove(rec *lines.Record, now time.Duration) {
	if r.s.typ().Connect.Reset && !r.booted && now-r.opened < resetTime {
		return // from before the reset
	}
	if r.s.typ().scattered() {
		if r.in.note(rec); r.questions == 0 && r.in.complete() {
			r.prove1()
		}
		return
	}
	fits := r.in.fits(rec)
	if r.s.typ().AutoChannel != nil {
		fits = fits && r.autoSince > 0 && now-r.autoSince >= r.s.typ().AutoChannel.Settle
	}
	if !fits {
		if r.s.typ().AutoChannel == nil {
			r.records = 0
			r.odd(rec, edge.CodeGarbage, "a field is missing", now)
		}
		return
	}
	if r.records++; r.records >= provedAfter {
		r.prove1()
	}
}

// prove1 says that the device is what its type says.
func (r *reader) prove1() {
	r.proved = true
	r.in.reset()
	close(r.known)
}

// learn gives a channel to every label the device uses.
func (r *reader) learn(rec *lines.Record, now time.Duration) {
	if r.autoSince == 0 {
		r.autoSince = max(now, 1)
	}
	grown := false
	for i := range rec.Fields {
		f := &rec.Fields[i]
		if !f.NumOK || len(r.in.chans) >= r.s.typ().AutoChannel.Max {
			continue
		}
		if _, seen := r.in.index[string(f.Key)]; seen {
			continue
		}
		r.s.mu.Lock()
		r.s.auto = append(r.s.auto, autoChannel(string(f.Key), r.in.chans))
		auto := r.s.auto
		r.s.mu.Unlock()
		r.in.shape(auto)
		grown = true
	}
	if grown {
		r.s.reshape()
	}
}

// autoChannel makes a channel of a label.
func autoChannel(label string, have []Channel) Channel {
	id := strings.Map(func(c rune) rune {
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '_', c == '-':
			return c
		case c >= 'A' && c <= 'Z':
			return c + 'a' - 'A'
		}
		return '_'
	}, label)
	id = strings.Trim(id, "_-")
	if id == "" {
		id = "value"
	}
	if id[0] >= '0' && id[0] <= '9' {
		id = "column" + id
	}
	if len(id) > 40 {
		id = id[:40]
	}
	base := id
	for n := 2; ; n++ {
		free := true
		for i := range have {
			free = free && have[i].ID != id
		}
		if free {
			break
		}
		id = base + "-" + formatNumber(float64(n), nil)
	}
	// A line without it is still this device's: a label may have been a broken line's.
	return Channel{ID: id, From: label, Label: edge.Text{"en": clip([]byte(label))}, Scale: 1, Optional: true}
}

// say puts the device's own words into the event log, at most ten a second.
func (r *reader) say(rec *lines.Record, now time.Duration) {
	if now-r.textsAt > time.Second {
		r.texts, r.textsAt = 0, now
	}
	if r.texts++; r.texts <= 10 {
		r.s.text(rec)
	}
}

// odd remembers what was not understood, for the verdict and the log.
func (r *reader) odd(rec *lines.Record, code edge.Code, why string, now time.Duration) {
	text := clip(rec.Raw)
	if why != "" {
		text += " (" + why + ")"
	}
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	r.s.odd = oddity{code, text, now}
	if !r.proved {
		r.garbage++
		return
	}
	if r.s.quiet.allow(string(code), now) {
		r.s.log.Warn("device data not understood", "code", code, "text", text)
	}
}

// verdict says why the device is not what it is declared to be.
func (r *reader) verdict(t *Type) error {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	switch {
	case r.drift != nil:
		return r.drift
	case r.garbage == 0:
		return edge.Errorf(edge.CodeNotReady, "the device is silent").
			WithHint("is it switched on, and is the baud rate %d right?", t.Serial.Baud)
	}
	return edge.Errorf(r.s.odd.code, "this does not look like %s: %s", t.Name, r.s.odd.text).
		WithHint("check the type and the baud rate %d", t.Serial.Baud)
}

// reshape begins a new epoch under the contract of the channels learnt so far.
func (s *Supervisor) reshape() {
	s.stream.naming.Lock()
	defer s.stream.naming.Unlock()
	s.mu.Lock()
	s.contract = s.typ().contract(s.auto)
	c := s.contract
	s.mu.Unlock()
	s.stream.restart(s.cfg.Ledger.nextEpoch(s.cfg.ID), c, s.typ().Time != nil)
	s.mu.Lock()
	s.tellLocked()
	s.mu.Unlock()
}

// rebooted is called when a live device turns out to have started again: what
// it does now is not what it was told.
func (s *Supervisor) rebooted() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != edge.StateLive && s.state != edge.StateStale && !s.between.moving {
		return
	}
	s.eventLocked("text", nil, map[string]any{"text": "the device started again"})
	s.demandSafeLocked("device booted")
}
