package turn

import (
	"time"

	"labbox/edge"
)

// Config are the times of one device's turns.
type Config struct {
	Device string
	Grace  time.Duration  // heartbeat missing this long: away. > 0
	Keep   time.Duration  // heartbeat missing this long: the turn is over. >= Grace
	Rules  edge.TurnRules // until SetRules says otherwise
	Unseen time.Duration  // who waits and was not seen this long is away. 0: 10 s
	Drop   time.Duration  // away this long: the place is lost. 0: 2 min
	// MaxWaiting bounds the queue. 0: 400.
	MaxWaiting int
}

func (c Config) withDefaults() Config {
	if c.Unseen <= 0 {
		c.Unseen = 10 * time.Second
	}
	if c.Drop <= 0 {
		c.Drop = 2 * time.Minute
	}
	if c.MaxWaiting <= 0 {
		c.MaxWaiting = 400
	}
	return c
}

// DefaultRules are those of a box file that says nothing of turns.
func DefaultRules() edge.TurnRules {
	return edge.TurnRules{TurnMS: 5 * 60_000, WarnMS: 30_000, IdleMS: 60_000}
}

// Change says what Advance found.
type Change int

// Changes, the weightiest last.
const (
	None     Change = iota
	Shown           // what Info and Waiting show has changed: a warning began, somebody waiting went away
	WentAway        // the holder's heartbeat is older than Grace: go safe
	Ended           // the turn is over: go safe, nobody holds the lease
)

// Keeper is the lease and the queue of one device. It is not safe for concurrent
// use: its supervisor calls it under the lock that also guards the device's state.
// now is always the owner's monotonic clock. Every method that is given it brings
// the turn to now first. A change that it comes upon by that is reported by the
// next Advance, and nobody new gets the lease before.
type Keeper struct {
	cfg   Config
	rules edge.TurnRules
	line  line

	held    bool
	away    bool
	warned  bool
	untimed bool // ends by word and by absence only
	begun   bool // its holder has given a sign of life
	by      edge.Actor
	partner *edge.Actor
	fence   uint64 // of the present or the last lease
	since   time.Duration
	beat    time.Duration
	pbeat   time.Duration // the partner's
	why     string        // of the last end
	last    edge.Actor    // whose it was
	pending Change        // found, and not reported yet

	at     time.Duration // the clocks below are counted up to here
	stands bool
	used   time.Duration // of this turn
	idle   time.Duration // since the last command
	waited time.Duration // somebody who is there has waited so long
}

// NewKeeper returns a Keeper with no lease granted and nobody waiting.
func NewKeeper(cfg Config) *Keeper {
	cfg = cfg.withDefaults()
	return &Keeper{cfg: cfg, rules: cfg.Rules, line: line{cfg: cfg}}
}

// May says whether a would get the lease now: nil, or CodeLeaseTaken because
// somebody else drives or stands before a.
func (k *Keeper) May(now time.Duration, a edge.Actor) error {
	k.advance(now)
	if k.held {
		if k.Drives(a.Seat) {
			return nil
		}
		return edge.Errorf(edge.CodeLeaseTaken, "%s drives %s", k.by.Name, k.cfg.Device).
			With("holder", k.by.Name).WithHint("wait until the control is released")
	}
	if p := k.line.first(); p != nil && p.actor.Seat != a.Seat {
		return edge.Errorf(edge.CodeLeaseTaken, "%s is next at %s", p.actor.Name, k.cfg.Device).
			With("holder", p.actor.Name).WithHint("stand in the queue")
	}
	return nil
}

// Grant gives the lease to a. fence must be durable before the call and greater
// than every number granted before; CodeStaleFence asks for a newer one. When a
// drives already the lease is renewed under its old number (a reload). When May
// says no: CodeLeaseTaken.
func (k *Keeper) Grant(now time.Duration, a edge.Actor, fence uint64) (edge.LeaseInfo, error) {
	if err := k.May(now, a); err != nil {
		return edge.LeaseInfo{}, err
	}
	if k.held {
		k.beats(now, a)
		return *k.Info(now), nil
	}
	if err := k.give(now, a, fence); err != nil {
		return edge.LeaseInfo{}, err
	}
	k.begun = true
	return *k.Info(now), nil
}

// Call gives the lease to who is Next, as Grant does; CodeNotHolder where there is
// nobody. Whoever is called and gives no sign of life loses the turn after Unseen.
func (k *Keeper) Call(now time.Duration, fence uint64) (edge.LeaseInfo, error) {
	k.advance(now)
	a, ok := k.Next()
	if !ok {
		return edge.LeaseInfo{}, edge.Errorf(edge.CodeNotHolder, "nobody is next at %s", k.cfg.Device)
	}
	if err := k.give(now, a, fence); err != nil {
		return edge.LeaseInfo{}, err
	}
	return *k.Info(now), nil
}

func (k *Keeper) give(now time.Duration, a edge.Actor, fence uint64) error {
	switch {
	case k.pending >= WentAway:
		return edge.Errorf(edge.CodeLeaseTaken, "a turn at %s has ended this moment", k.cfg.Device).WithHint("try again")
	case fence <= k.fence:
		return edge.Errorf(edge.CodeStaleFence, "fencing number %d is not above %d", fence, k.fence)
	}
	k.used, k.idle, k.waited = 0, 0, 0
	k.untimed = a.Via == viaExperiment
	if n := k.line.next; n != nil && n.actor.Seat == a.Seat {
		k.untimed = k.untimed || n.over
		if n.shares { // the time it took to come counts, too
			k.used, k.waited = n.used+k.line.stood, n.waited+k.line.stood
		}
		k.line.next = nil
		if !n.shares {
			k.line.leave(a.Seat)
		}
	} else {
		k.line.leave(a.Seat)
	}
	k.held, k.away, k.warned, k.begun = true, false, false, false
	k.by, k.partner, k.fence, k.since, k.beat, k.pbeat = a, nil, fence, now, now, 0
	return nil
}

// viaExperiment marks leases whose length the experiment itself bounds.
const viaExperiment = "experiment"

// Beat is the heartbeat of the holder, or the partner's. back says that both had
// been away.
func (k *Keeper) Beat(now time.Duration, a edge.Actor, fence uint64) (back bool, err error) {
	k.advance(now)
	if err := k.holds(a, fence); err != nil {
		return false, err
	}
	back = k.away
	k.beats(now, a)
	return back, nil
}

func (k *Keeper) beats(now time.Duration, a edge.Actor) {
	if k.by.Seat == a.Seat {
		k.by.Name, k.beat = a.Name, now // the teacher may have renamed the seat
	} else {
		k.pbeat = now
	}
	k.away, k.begun = false, true
}

// Check says whether a may drive under this fencing number now: nil, or
// CodeNotHolder, CodeStaleFence, CodeLate (the heartbeat is missing).
func (k *Keeper) Check(now time.Duration, a edge.Actor, fence uint64) error {
	if err := k.holds(a, fence); err != nil {
		return err
	}
	if silent := k.silent(now); k.away || silent > k.cfg.Grace {
		return edge.Errorf(edge.CodeLate, "no heartbeat of %s for %v", k.by.Name, silent).
			WithHint("the connection was lost; the device has gone safe")
	}
	return nil
}

// Drove notes a command: the turn is in use.
func (k *Keeper) Drove() { k.idle = 0 }

// Release ends a's lease, or a's part in it: ended is false where a was the
// partner, and its holder drives on.
func (k *Keeper) Release(now time.Duration, a edge.Actor, fence uint64) (ended bool, err error) {
	k.advance(now)
	if err := k.holds(a, fence); err != nil {
		return false, err
	}
	if k.by.Seat != a.Seat {
		k.partner = nil
		return false, nil
	}
	k.end("")
	return true, nil
}

// Revoke ends whatever lease there is, and says whether there was one.
func (k *Keeper) Revoke() bool {
	had := k.held
	k.end("")
	return had
}

// Fence is the newest number granted, 0 before the first.
func (k *Keeper) Fence() uint64 { return k.fence }

// Driven says whether a holder is there and not away.
func (k *Keeper) Driven() bool { return k.held && !k.away }

// Drives says whether a seat has the lease, or a part in it.
func (k *Keeper) Drives(seat string) bool {
	return k.held && (k.by.Seat == seat || k.partner != nil && k.partner.Seat == seat)
}

// Last is whose lease ended last, and why it ended by itself (edge.LeftAway,
// LeftTurn, LeftIdle), "" where somebody ended it.
func (k *Keeper) Last() (edge.Actor, string) { return k.last, k.why }

func (k *Keeper) holds(a edge.Actor, fence uint64) error {
	switch {
	case fence != 0 && fence < k.fence:
		return edge.Errorf(edge.CodeStaleFence, "fencing number %d is of an older turn, the newest is %d", fence, k.fence).
			WithHint("your turn is over")
	case !k.Drives(a.Seat):
		return edge.Errorf(edge.CodeNotHolder, "%s does not drive %s", a.Name, k.cfg.Device).
			WithHint("take control first")
	case fence != k.fence:
		return edge.Errorf(edge.CodeStaleFence, "fencing number %d was never granted, the newest is %d", fence, k.fence)
	}
	return nil
}

// silent is how long nobody of those who drive was heard.
func (k *Keeper) silent(now time.Duration) time.Duration {
	beat := k.beat
	if k.partner != nil {
		beat = max(beat, k.pbeat)
	}
	return now - beat
}

func (k *Keeper) end(why string) {
	if k.held {
		k.last, k.why = k.by, why
	}
	k.held, k.away, k.warned, k.untimed = false, false, false, false
	k.by, k.partner = edge.Actor{}, nil
}
