package devices

import (
	"time"

	"labbox/edge"
	"labbox/edge/frame"
	"labbox/firmware-protocols/lines"
)

// poll is one question that a device is asked again and again.
type poll struct {
	id      string
	every   time.Duration
	retries int
	quiet   bool                      // it asks for no values
	message func() (*outgoing, error) // a new one each time: an answerer may hold state
}

// pollCodec is a codec whose protocol has to ask for values by itself.
type pollCodec interface{ polls() []poll }

// round is a poll's place in the round of those that are asked together. The
// answers of one round make one sample.
type round struct {
	id          string
	first, last bool
}

// polls are all that the device is asked: what the file lists, and what the
// protocol asks.
func (s *Supervisor) polls() []poll {
	t := s.typ()
	var out []poll
	for i := range t.Polls {
		p := &t.Polls[i]
		out = append(out, poll{id: p.ID, every: p.Every, retries: p.Retries, message: func() (*outgoing, error) {
			return s.codec.encode(nil, p.Send, p.Reply, nil)
		}})
	}
	if c, ok := s.codec.(pollCodec); ok {
		out = append(out, c.polls()...)
	}
	return out
}

// spread says that a sample holds some of the channels only: they come in
// messages of several kinds, or are asked for at several intervals.
func (t *Type) spread() bool {
	every := map[time.Duration]bool{}
	for i := range t.Polls {
		every[t.Polls[i].Every] = true
	}
	if m := t.Protocol.Modbus; m != nil {
		for i := range m.Registers {
			e := m.Registers[i].Every
			if e == 0 {
				e = m.poll()
			}
			every[e] = true
		}
	}
	kinds := 0
	if m := t.Protocol.Messages; m != nil {
		kinds = len(m.Receive)
	}
	return len(every)+kinds > 1
}

// questions are the polls that ask for values.
func questions(ps []poll) (n int) {
	for i := range ps {
		if !ps[i].quiet {
			n++
		}
	}
	return n
}

// rounds groups polls that are asked equally often, in their order.
func rounds(ps []poll) [][]poll {
	var out [][]poll
next:
	for _, p := range ps {
		for i := range out {
			if out[i][0].every == p.every {
				out[i] = append(out[i], p)
				continue next
			}
		}
		out = append(out, []poll{p})
	}
	return out
}

// ask polls the device until the line ends. Each round waits for its turn on the
// line like a command; it gives way to commands and to the safe sequence.
func (s *Supervisor) ask(l *link, group []poll) {
	tick := time.NewTicker(group[0].every)
	defer tick.Stop()
	for {
		for i := range group {
			r := &round{id: group[i].id, first: i == 0, last: i == len(group)-1}
			if err := s.askOne(l, &group[i], r); err != nil && l.ctx.Err() == nil {
				s.unanswered(l, &group[i], err)
			}
			if l.ctx.Err() != nil {
				return
			}
		}
		select {
		case <-tick.C:
		case <-l.ctx.Done():
			return
		}
	}
}

// askOne asks one question, again after a failure as often as it is allowed.
func (s *Supervisor) askOne(l *link, p *poll, r *round) (err error) {
	for try := 0; try <= p.retries; try++ {
		out, e := p.message()
		if e != nil {
			return e
		}
		for !out.aside && s.urgent.Load() > 0 && l.ctx.Err() == nil { // the device is spoken to step by step
			time.Sleep(time.Millisecond)
		}
		s.mu.Lock()
		abort := s.abort
		s.mu.Unlock()
		if out.aside { // it goes past the safe sequence, too: that wants to see what comes of it
			abort = nil
		}
		x := &exchange{s: s, l: l, out: out, ctx: l.ctx, stop: abort, round: r, check: func() error {
			select {
			case <-abort:
				return errInterrupted
			default:
				return nil
			}
		}}
		err = x.run()
		switch edge.CodeOf(err) {
		case "":
			return nil
		case edge.CodeSafing: // the safe sequence goes first; the question is asked after it
			try--
			if !s.untilSafe(l) {
				return nil
			}
		}
	}
	return err
}

// untilSafe waits while a safe sequence is to come, or sends; false: the line
// ended. It does not wait for its end, which is known by what is asked.
func (s *Supervisor) untilSafe(l *link) bool {
	for {
		s.mu.Lock()
		waiting, news := s.wantSafe != "" && !s.serving || s.urgent.Load() > 0, s.news
		switch s.state {
		case edge.StateIdentifying, edge.StateFault: // polls have to show first what it is
			waiting = false
		}
		s.mu.Unlock()
		if !waiting {
			return l.ctx.Err() == nil
		}
		select {
		case <-news:
		case <-l.ctx.Done():
			return false
		case <-time.After(turnEvery):
		}
	}
}

// unanswered counts a question without an answer as a lost sample, and carries
// out what the file says for that.
func (s *Supervisor) unanswered(l *link, p *poll, err error) {
	code := edge.CodeOf(err)
	if code != edge.CodeNoAnswer {
		s.stream.garbage()
	}
	s.stream.lose(frame.LostUnknown)
	s.mu.Lock()
	s.odd = oddity{code, p.id + ": " + edge.AsError(err).Message, s.clock.Mono()}
	if s.quiet.allow("poll "+p.id+string(code), s.clock.Mono()) {
		s.log.Warn("device question not answered", "poll", p.id, "code", code, "error", err)
	}
	s.mu.Unlock()
	s.recover(l, code)
}

// answered takes the fields of an answer as values of channels, one sample a
// round.
func (r *reader) answered(rec *lines.Record, e *expectation, now time.Duration) {
	in := e.round
	if in == nil { // a command's answer
		if r.proved {
			r.in.answer(rec, now, r.s.stream.add)
			r.sampled()
		}
		return
	}
	if in.first {
		r.in.round.flush(r.s.stream.add)
		in.first = false // what follows belongs to the same sample
	}
	r.in.round.collect(rec, now)
	if e.goesOn {
		return
	}
	r.asked[in.id] = true
	if !r.proved && len(r.asked) >= r.questions && r.in.complete() {
		r.prove1()
	}
	if in.last {
		if !r.proved {
			return
		}
		r.in.round.flush(r.s.stream.add)
		r.sampled()
	}
}

// startPolls begins to ask, as soon as the device can listen.
func (s *Supervisor) startPolls(l *link) {
	for _, group := range rounds(s.polls()) {
		l.asking.Go(func() { s.ask(l, group) })
	}
}
