package turn

import (
	"slices"
	"time"

	"labbox/edge"
)

// line is who waits.
type line struct {
	cfg    Config
	places []place
	// next was handed the turn and comes before all places. It keeps a place of its
	// own there, if it had one, until it drives.
	next  *place
	stood time.Duration // since next could have been called
}

type place struct {
	actor edge.Actor
	seen  time.Duration
	met   bool // it was there after it was restored or handed the turn
	away  bool
	over  bool // a teacher who takes the turn over

	shares       bool // what is left of the turn of who handed it on:
	used, waited time.Duration
}

func (l *line) len() int {
	n := len(l.places)
	if l.next != nil && l.index(l.next.actor.Seat) < 0 {
		n++
	}
	return n
}

func (l *line) index(seat string) int {
	return slices.IndexFunc(l.places, func(p place) bool { return p.actor.Seat == seat })
}

// each calls fn in the order of the turns to come.
func (l *line) each(fn func(*place)) {
	if l.next != nil {
		fn(l.next)
	}
	for i := range l.places {
		if l.next == nil || l.places[i].actor.Seat != l.next.actor.Seat {
			fn(&l.places[i])
		}
	}
}

// first is whose turn is the next; nil: nobody is there.
func (l *line) first() *place {
	if l.next != nil {
		return l.next
	}
	for i := range l.places {
		if !l.places[i].away {
			return &l.places[i]
		}
	}
	return nil
}

// present says whether somebody other than seat waits and is there.
func (l *line) present(but string) bool {
	if l.next != nil && l.next.met {
		return true
	}
	return slices.ContainsFunc(l.places, func(p place) bool { return !p.away && p.met && p.actor.Seat != but })
}

// advance brings the line to now; run is how much of the time since the last call
// the device could have been driven. It says whether anything shows.
func (l *line) advance(now, run time.Duration) (shown bool) {
	kept := l.places[:0]
	for _, p := range l.places {
		silent := now - p.seen
		if silent > l.cfg.Unseen+l.cfg.Drop {
			shown = true
			continue
		}
		if silent > l.cfg.Unseen && !p.away {
			p.away, shown = true, true
		}
		kept = append(kept, p)
	}
	clear(l.places[len(kept):])
	l.places = kept
	if l.next != nil {
		l.stood += run
		if l.next.met && now-l.next.seen > l.cfg.Unseen {
			l.next.met = false
		}
		if !l.next.met && l.stood > l.cfg.Keep {
			l.next, shown = nil, true
		}
	}
	return shown
}

// slept is for a time in which this process did not run, as on a suspended laptop:
// nobody could be seen then, and nobody loses a place by it.
func (l *line) slept(d time.Duration) {
	if l.next != nil {
		l.next.seen += d
	}
	for i := range l.places {
		l.places[i].seen += d
	}
}

// hand puts a seat before all others; who had been put there before comes next.
func (l *line) hand(p place) {
	if was := l.next; was != nil && was.actor.Seat != p.actor.Seat && l.index(was.actor.Seat) < 0 {
		l.places = slices.Insert(l.places, 0, place{actor: was.actor, seen: was.seen, met: was.met})
	}
	if i := l.index(p.actor.Seat); i >= 0 && !p.met {
		p.met, p.seen = l.places[i].met && !l.places[i].away, l.places[i].seen
	}
	l.next, l.stood = &p, 0
}

// leave takes a seat out, and says whether it was there.
func (l *line) leave(seat string) (was bool) {
	if l.next != nil && l.next.actor.Seat == seat {
		l.next, was = nil, true
	}
	if i := l.index(seat); i >= 0 {
		l.places, was = slices.Delete(l.places, i, i+1), true
	}
	return was
}

// see notes that a seat is there, and says whether that shows.
func (l *line) see(now time.Duration, seat string) (shown bool) {
	saw := func(p *place) {
		shown = shown || p.away || !p.met
		p.seen, p.met, p.away = now, true, false
	}
	if l.next != nil && l.next.actor.Seat == seat {
		saw(l.next)
	}
	if i := l.index(seat); i >= 0 {
		saw(&l.places[i])
	}
	return shown
}
