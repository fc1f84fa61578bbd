// Package turn keeps one device's lease: who drives, with which fencing number,
// and whether the driver is still there. It runs in the process that owns the
// device, decides on that process's monotonic clock, and waits for nobody.
//
// Two graces: after Grace without a heartbeat the holder is away and the device
// must go safe; after Keep without one the turn is over. A reload or a dip of
// the Wi-Fi costs no turn that way.
//
//	k := turn.NewKeeper(turn.Config{Grace: 2 * time.Second, Keep: 30 * time.Second})
//	lease, err := k.Grant(clock.Mono(), actor, fence) // fence is durable already
//	...
//	switch k.Advance(clock.Mono()) {
//	case turn.WentAway, turn.Ended: // send the safe sequence
//	}
//
// Fencing tokens are those of Kleppmann, "How to do distributed locking" (2016):
// each grant carries a number greater than all before it, and the one who writes
// to the device refuses any other.
package turn

import (
	"time"

	"labbox/edge"
)

// Config are the times of one device's turns.
type Config struct {
	Device string
	Grace  time.Duration // heartbeat missing this long: away. > 0
	Keep   time.Duration // heartbeat missing this long: the turn is over. >= Grace
}

// Change says what Advance found.
type Change int

// Changes.
const (
	None     Change = iota
	WentAway        // the holder's heartbeat is older than Grace: go safe
	Ended           // the turn is over: go safe, nobody holds the lease
)

// Keeper is the lease of one device. It is not safe for concurrent use: its
// supervisor calls it under the lock that also guards the device's state.
// now is always the owner's monotonic clock. Every method brings the lease to now
// first; whoever must act on a change calls Advance before it, because a change
// that another method comes upon is not reported again.
type Keeper struct {
	cfg   Config
	held  bool
	away  bool
	by    edge.Actor
	fence uint64 // of the present or the last lease
	since time.Duration
	beat  time.Duration
}

// NewKeeper returns a Keeper with no lease granted.
func NewKeeper(cfg Config) *Keeper { return &Keeper{cfg: cfg} }

// Grant gives the lease to a. fence must be durable before the call and greater
// than every number granted before; CodeStaleFence asks for a newer one. When a
// holds the lease already it is renewed under its old number (a reload). When
// somebody else holds it: CodeLeaseTaken.
func (k *Keeper) Grant(now time.Duration, a edge.Actor, fence uint64) (edge.LeaseInfo, error) {
	k.Advance(now)
	if k.held {
		if k.by.Seat != a.Seat {
			return edge.LeaseInfo{}, edge.Errorf(edge.CodeLeaseTaken, "%s drives %s", k.by.Name, k.cfg.Device).
				With("holder", k.by.Name).WithHint("wait until the control is released")
		}
		k.by, k.beat, k.away = a, now, false
		return *k.Info(now), nil
	}
	if fence <= k.fence {
		return edge.LeaseInfo{}, edge.Errorf(edge.CodeStaleFence, "fencing number %d is not above %d", fence, k.fence)
	}
	k.held, k.away, k.by, k.fence, k.since, k.beat = true, false, a, fence, now, now
	return *k.Info(now), nil
}

// Beat is the holder's heartbeat. back says that the holder had been away.
func (k *Keeper) Beat(now time.Duration, a edge.Actor, fence uint64) (back bool, err error) {
	k.Advance(now)
	if err := k.holds(a, fence); err != nil {
		return false, err
	}
	back = k.away
	k.beat, k.away = now, false
	return back, nil
}

// Check says whether a may drive under this fencing number now: nil, or
// CodeNotHolder, CodeStaleFence, CodeLate (the heartbeat is missing).
func (k *Keeper) Check(now time.Duration, a edge.Actor, fence uint64) error {
	if err := k.holds(a, fence); err != nil {
		return err
	}
	if k.away || now-k.beat > k.cfg.Grace {
		return edge.Errorf(edge.CodeLate, "no heartbeat of %s for %v", k.by.Name, now-k.beat).
			WithHint("the connection was lost; the device has gone safe")
	}
	return nil
}

// Release ends a's lease.
func (k *Keeper) Release(now time.Duration, a edge.Actor, fence uint64) error {
	k.Advance(now)
	if err := k.holds(a, fence); err != nil {
		return err
	}
	k.end()
	return nil
}

// Revoke ends whatever lease there is, and says whether there was one.
func (k *Keeper) Revoke() bool {
	had := k.held
	k.end()
	return had
}

// Advance brings the lease to now. The same change is reported once.
func (k *Keeper) Advance(now time.Duration) Change {
	if !k.held {
		return None
	}
	silent := now - k.beat
	switch {
	case silent > k.cfg.Keep:
		k.end()
		return Ended
	case silent > k.cfg.Grace && !k.away:
		k.away = true
		return WentAway
	}
	return None
}

// Info is the lease as everybody may see it, nil when nobody drives.
func (k *Keeper) Info(now time.Duration) *edge.LeaseInfo {
	if !k.held {
		return nil
	}
	info := &edge.LeaseInfo{Holder: k.by.Ref(), Fence: k.fence, Away: k.away, SinceMS: k.since.Milliseconds()}
	if k.away {
		info.LeftMS = (k.cfg.Keep - (now - k.beat)).Milliseconds()
	}
	return info
}

// Fence is the newest number granted, 0 before the first.
func (k *Keeper) Fence() uint64 { return k.fence }

// Driven says whether a holder is there and not away.
func (k *Keeper) Driven() bool { return k.held && !k.away }

func (k *Keeper) holds(a edge.Actor, fence uint64) error {
	switch {
	case fence != 0 && fence < k.fence:
		return edge.Errorf(edge.CodeStaleFence, "fencing number %d is of an older turn, the newest is %d", fence, k.fence).
			WithHint("your turn is over")
	case !k.held || k.by.Seat != a.Seat:
		return edge.Errorf(edge.CodeNotHolder, "%s does not drive %s", a.Name, k.cfg.Device).
			WithHint("take control first")
	case fence != k.fence:
		return edge.Errorf(edge.CodeStaleFence, "fencing number %d was never granted, the newest is %d", fence, k.fence)
	}
	return nil
}

func (k *Keeper) end() {
	k.held, k.away = false, false
	k.by = edge.Actor{}
}
