package devices

import (
	"context"
	"time"

	"pgregory.net/rapid"

	"labbox/edge"
)

// What may happen to a lot, in any order.

func (l *lot) who() edge.Actor {
	return l.seats[rapid.IntRange(0, len(l.seats)-1).Draw(l.rt, "who")]
}

func (l *lot) pass() {
	for range rapid.IntRange(1, 60).Draw(l.rt, "ticks") {
		if rapid.IntRange(0, 9).Draw(l.rt, "commands") == 0 {
			l.k.Drove()
		}
		l.tick(lotTick)
	}
}

// stall is an owner that stood still: nobody was heard.
func (l *lot) stall() {
	l.now += time.Duration(rapid.IntRange(1, 300).Draw(l.rt, "s")) * time.Second
	clear(l.budget)
	clear(l.order)
	l.k.Advance(l.now)
}

// come is somebody who comes or goes.
func (l *lot) come() {
	a := l.who()
	l.here[a.Seat] = !l.here[a.Seat]
	l.gone(a)
}

func (l *lot) wait() {
	a := l.who()
	l.k.Advance(l.now)
	l.follow()
	if l.seat == a.Seat {
		return
	}
	if _, err := l.k.Wait(l.now, a); err != nil {
		l.rt.Fatal(err)
	}
	if _, waits := l.budget[a.Seat]; l.here[a.Seat] && !waits {
		l.budget[a.Seat] = time.Duration(len(l.k.Waiting(l.now))+1) * l.unit()
		if next := l.k.Snapshot().Next; (next == nil || next.Seat != a.Seat) && l.k.Place(a.Seat) == len(l.k.Waiting(l.now)) {
			l.came++
			l.order[a.Seat] = l.came
		}
	}
}

func (l *lot) take() {
	a := l.who()
	l.k.Advance(l.now)
	l.follow()
	if l.k.May(l.now, a) != nil || l.stands {
		return
	}
	if l.k.Drives(a.Seat) {
		if _, err := l.k.Grant(l.now, a, 0); err == nil {
			l.beat[a.Seat] = l.now
		}
		return
	}
	fence, err := l.ledger.nextFence(context.Background(), "p")
	if err != nil {
		return
	}
	if info, err := l.k.Grant(l.now, a, fence); err == nil {
		l.granted(a, info)
	}
}

func (l *lot) leave() {
	a := l.who()
	l.k.Leave(l.now, a.Seat)
	l.gone(a)
}

func (l *lot) release() {
	a := l.who()
	_, _ = l.k.Release(l.now, a, l.number[a.Seat])
}

func (l *lot) hand() {
	a, to := l.who(), l.who()
	if _, err := l.k.Hand(l.now, a, 0, to); err == nil {
		delete(l.order, to.Seat)
	}
	l.follow()
}

func (l *lot) pair() {
	a, to := l.who(), l.who()
	with := &to
	if rapid.Bool().Draw(l.rt, "end") {
		with = nil
	}
	if l.k.Pair(l.now, a, 0, with) == nil && with != nil {
		l.number[to.Seat] = l.last
		l.beat[to.Seat] = 0
	}
}

func (l *lot) teach() {
	tea := edge.Actor{Seat: "t", Name: "Tea", Role: edge.RoleTeacher}
	more := func() {
		for seat := range l.budget {
			l.budget[seat] += l.unit()
		}
	}
	switch rapid.IntRange(0, 4).Draw(l.rt, "teacher") {
	case 0:
		l.k.Revoke()
	case 1:
		l.stands = !l.stands
	case 2:
		r := edge.TurnRules{TurnMS: rapid.Int64Range(5, 40).Draw(l.rt, "turn") * 1000, WarnMS: rapid.Int64Range(0, 10).Draw(l.rt, "warn") * 1000,
			IdleMS: rapid.Int64Range(0, 10).Draw(l.rt, "idle") * 1000}
		l.k.SetRules(l.now, &r)
		l.k.Advance(l.now)
	case 3:
		to := l.who()
		_, _ = l.k.Hand(l.now, tea, 0, to)
		delete(l.order, to.Seat)
		more()
	case 4: // a demonstration
		l.k.Over(l.now, tea)
		l.follow()
		l.call()
		_, _ = l.k.Release(l.now, tea, l.number["t"])
		l.k.Leave(l.now, "t")
		more()
	}
	l.follow()
}

func (l *lot) store() {
	mood := rapid.IntRange(0, 3).Draw(l.rt, "store")
	l.kv.refuse, l.kv.lie = mood == 1, mood == 2
}

// restart is an owner that was killed; what the store did not take is forgotten.
func (l *lot) restart() {
	if rapid.Bool().Draw(l.rt, "saved") {
		l.save()
	}
	l.now += time.Duration(rapid.IntRange(0, 60).Draw(l.rt, "s")) * time.Second
	l.seat, l.stands = "", false
	l.open()
	clear(l.order)
	for seat := range l.budget {
		if l.budget[seat] += l.unit(); l.k.Place(seat) == 0 {
			delete(l.budget, seat)
		}
	}
}

func (l *lot) wall() {
	l.clock.SetOffset(time.Duration(rapid.IntRange(-365, 365).Draw(l.rt, "days")) * 24 * time.Hour)
}
