package devices

import (
	"context"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"labbox/edge"
)

// Bounds of rehearsals.
const (
	maxTwins    = 40               // of a box
	twinSilence = 2 * time.Minute  // without a request of its seat a twin ends
	twinLongest = 45 * time.Minute // of one
	twinSweep   = 5 * time.Second
)

// rehearsals are simulated twins of a box's devices: each belongs to one seat,
// obeys under the same limits, is seen by that seat alone and is recorded
// nowhere. Its lease and its fencing numbers live in memory.
type rehearsals struct {
	mu   sync.Mutex
	ctx  context.Context // nil until the owner runs
	byID map[string]*twin
	wg   sync.WaitGroup
}

type twin struct {
	sup   *Supervisor
	seat  string
	of    string
	born  time.Duration
	heard time.Duration
	end   context.CancelFunc
}

// start lets twins be made until ctx ends.
func (r *rehearsals) start(ctx context.Context) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ctx, r.byID = ctx, map[string]*twin{}
}

// find returns a twin, noting that its seat asked for it.
func (r *rehearsals) find(id, seat string, now time.Duration) (*Supervisor, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.byID[id]
	if t == nil || t.seat != seat {
		return nil, false
	}
	t.heard = now
	return t.sup, true
}

// sup finds what an ask is for: a device, or a twin of the asker's own.
func (o *Owner) sup(device string, a edge.Actor) (*Supervisor, bool) {
	if s, ok := o.sups[device]; ok {
		return s, true
	}
	return o.twins.find(device, a.Seat, o.cfg.Clock.Mono())
}

// each calls fn for every device and every twin.
func (o *Owner) each(fn func(*Supervisor)) {
	for _, s := range o.sups {
		fn(s)
	}
	o.twins.mu.Lock()
	list := make([]*Supervisor, 0, len(o.twins.byID))
	for _, t := range o.twins.byID {
		list = append(list, t.sup)
	}
	o.twins.mu.Unlock()
	for _, s := range list {
		fn(s)
	}
}

// rehearse gives a seat a simulated twin of a device; the one it had before ends.
func (o *Owner) rehearse(s *Supervisor, a edge.Actor) (string, error) {
	if err := edge.Authorize(a, edge.VerbRehearse, s.ID()); err != nil {
		return "", err
	}
	if s.cfg.Rehearsal != nil {
		return "", edge.Errorf(edge.CodeForbidden, "%s is a rehearsal itself", s.ID())
	}
	if len(s.typ().Commands) == 0 {
		return "", edge.Errorf(edge.CodeForbidden, "%s has nothing to drive", s.ID())
	}
	r := &o.twins
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ctx == nil || r.ctx.Err() != nil {
		return "", edge.Errorf(edge.CodeNotReady, "the box is being stopped")
	}
	now := o.cfg.Clock.Mono()
	for id, t := range r.byID {
		switch {
		case t.seat != a.Seat:
		case t.of == s.ID():
			t.heard = now
			return id, nil
		default:
			t.end()
			delete(r.byID, id)
		}
	}
	if len(r.byID) >= maxTwins {
		return "", edge.Errorf(edge.CodeTooMany, "%d rehearsals run already", maxTwins).WithHint("wait until somebody has finished")
	}
	id := twinID()
	sup, err := o.twin(id, s, a)
	if err != nil {
		return "", err
	}
	ctx, end := context.WithCancel(r.ctx)
	r.byID[id] = &twin{sup: sup, seat: a.Seat, of: s.ID(), born: now, heard: now, end: end}
	if tick := o.coming.Load(); tick != nil { // each may have passed by already
		sup.Beat(*tick, false)
	}
	r.wg.Go(func() {
		defer end()
		sup.Run(ctx)
		o.twinOver(sup)
	})
	return id, nil
}

// twin makes the supervisor of a simulated device of the same type and limits.
func (o *Owner) twin(id string, of *Supervisor, a edge.Actor) (*Supervisor, error) {
	t, limits := of.bench()
	opener, err := SimOpener(t, "rehearsal of "+of.ID(), rand.Uint64())
	if err != nil {
		return nil, edge.Errorf(edge.CodeNotReady, "%s cannot be simulated: %w", t.Name, err)
	}
	ledger := newMemoryLedger(o.cfg.Box, o.cfg.Logger)
	if err := ledger.saveLimits(context.Background(), id, limits); err != nil {
		return nil, err
	}
	s, err := New(Config{Box: o.cfg.Box, ID: id, Name: of.cfg.Name, Type: t, Opener: opener, Clock: o.cfg.Clock,
		Ledger: ledger, Sinks: []edge.Sink{o}, Logger: o.cfg.Logger,
		Rehearsal: &edge.Rehearsal{Of: of.ID(), Seat: a.Seat}})
	if err != nil {
		return nil, err
	}
	s.OnChange(func(st edge.Status) { o.publishStatus(s, st) })
	return s, nil
}

// narrow gives the limits that a device has from now on to its twins, too: who
// rehearses finds those that will be there.
func (r *rehearsals) narrow(ctx context.Context, of string, ask *edge.Ask) {
	var list []*Supervisor
	r.mu.Lock()
	for _, t := range r.byID {
		if t.of == of {
			list = append(list, t.sup)
		}
	}
	r.mu.Unlock()
	for _, s := range list {
		_ = s.Narrow(ctx, ask.Actor, ask.Limits) // one that says by itself what it is may have said otherwise
	}
}

// twinOver says that a twin is no more. Whoever still asks it makes it say nothing
// after that.
func (o *Owner) twinOver(s *Supervisor) {
	s.mu.Lock()
	s.changed = func(edge.Status) {}
	s.mu.Unlock()
	o.mu.Lock()
	delete(o.now, s.ID())
	o.mu.Unlock()
	st := s.Status()
	st.Rehearsal = &edge.Rehearsal{Of: st.Rehearsal.Of, Seat: st.Rehearsal.Seat, Over: true}
	o.publish(edge.Subject(o.cfg.Box, st.Device, edge.KindState), st)
}

// ownTeacher is an ask of a rehearsal's seat, which resumes and clears its own.
func (s *Supervisor) ownTeacher(ask *edge.Ask) *edge.Ask {
	if s.cfg.Rehearsal == nil || ask.Verb != edge.VerbResume && ask.Verb != edge.VerbClear || !ask.Actor.Role.AtLeast(edge.RoleStudent) {
		return ask
	}
	own := *ask
	own.Actor.Role = edge.RoleTeacher
	return &own
}

// watch ends twins that nobody uses until ctx ends, then all of them.
func (r *rehearsals) watch(ctx context.Context, clock edge.Clock) {
	tick := time.NewTicker(twinSweep)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			r.mu.Lock() // one may be being made
			r.ctx = nil
			r.mu.Unlock()
			r.wg.Wait()
			return
		case <-tick.C:
		}
		now := clock.Mono()
		r.mu.Lock()
		for id, t := range r.byID {
			if now-t.heard > twinSilence || now-t.born > twinLongest {
				t.end()
				delete(r.byID, id)
			}
		}
		r.mu.Unlock()
	}
}

const twinLetters = "bcdfghjkmnpqrstvwxz2456789"

// twinID is a name that no device of a box file should have, and no twin had.
func twinID() string {
	var b strings.Builder
	b.WriteString("practice-")
	for range 8 {
		b.WriteByte(twinLetters[rand.IntN(len(twinLetters))])
	}
	return b.String()
}
