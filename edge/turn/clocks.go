package turn

import (
	"time"

	"labbox/edge"
)

// Stand says whether the device obeys nobody from the last Advance on: the clocks
// of the turn stand then, so that a freeze or a fault is nobody's loss.
func (k *Keeper) Stand(stands bool) { k.stands = stands }

// SetRules changes the rules; nil: those of the Config.
func (k *Keeper) SetRules(now time.Duration, r *edge.TurnRules) {
	k.advance(now)
	if r == nil {
		r = &k.cfg.Rules
	}
	k.rules = *r
}

// Rules are those that apply now.
func (k *Keeper) Rules() edge.TurnRules { return k.rules }

// Advance brings the turn and the queue to now. The same change is reported once;
// of several the weightiest.
func (k *Keeper) Advance(now time.Duration) Change {
	k.advance(now)
	found := k.pending
	k.pending = None
	return found
}

func (k *Keeper) advance(now time.Duration) { k.pending = max(k.pending, k.move(now)) }

func (k *Keeper) move(now time.Duration) Change {
	dt := max(0, now-k.at)
	k.at = max(k.at, now)
	run := dt
	if k.stands {
		run = 0
	}
	if dt > k.cfg.Unseen {
		k.line.slept(dt)
	}
	found := None
	if k.line.advance(now, run) {
		found = Shown
	}
	if !k.held {
		return found
	}
	k.used, k.idle = k.used+run, k.idle+run
	if k.line.present(k.by.Seat) {
		k.waited += run
	} else {
		k.waited = 0
	}
	left, why, ends := k.left(now)
	warn := ends && left <= ms(k.rules.WarnMS)
	switch silent := k.silent(now); {
	case ends && left < 0:
		k.end(why)
		return Ended
	case silent > k.cfg.Grace && !k.away:
		k.away = true
		return WentAway
	case warn != k.warned:
		k.warned = warn
		return Shown
	}
	return found
}

// left is how long the lease still has until it ends by itself; ends is false
// where no end is known.
func (k *Keeper) left(now time.Duration) (left time.Duration, why string, ends bool) {
	sooner := func(d time.Duration, w string) {
		if !ends || d < left {
			left, why, ends = d, w, true
		}
	}
	if silent := k.silent(now); k.away || silent > k.cfg.Grace {
		keep := k.cfg.Keep
		if !k.begun { // called from the queue, and never there
			keep = min(keep, max(k.cfg.Unseen, k.cfg.Grace))
		}
		sooner(keep-silent, edge.LeftAway)
	}
	if k.untimed || !k.line.present(k.by.Seat) {
		return left, why, ends
	}
	least := ms(k.rules.WarnMS) - k.waited
	if d := ms(k.rules.TurnMS); d > 0 {
		sooner(max(d-k.used, least), edge.LeftTurn)
	}
	if d := ms(k.rules.IdleMS); d > 0 {
		sooner(max(d-k.idle, least), edge.LeftIdle)
	}
	return left, why, ends
}

// Info is the lease as everybody may see it, nil when nobody drives.
func (k *Keeper) Info(now time.Duration) *edge.LeaseInfo {
	if !k.held {
		return nil
	}
	info := &edge.LeaseInfo{Holder: k.by.Ref(), Fence: k.fence, Away: k.away, SinceMS: k.since.Milliseconds(), Warn: k.warned}
	if k.partner != nil {
		ref := k.partner.Ref()
		info.Partner = &ref
	}
	if left, why, ends := k.left(now); ends {
		info.LeftMS, info.Why = max(1, left.Milliseconds()), why
	}
	return info
}

// Waiting is the queue as everybody may see it, the next first.
func (k *Keeper) Waiting(now time.Duration) []edge.Waiting {
	list := make([]edge.Waiting, 0, k.line.len())
	each := ms(k.rules.TurnMS)
	ahead := time.Duration(0) // until the turn of who is there; < 0: nobody knows
	switch left, _, ends := k.left(now); {
	case k.stands, k.held && k.untimed:
		ahead = -1
	case !k.held:
	case k.line.present(k.by.Seat) && ends: // idle may end it sooner: that is not promised
		ahead = max(0, each-k.used, ms(k.rules.WarnMS)-k.waited)
		switch {
		case k.away && each == 0:
			ahead = max(0, left)
		case k.away:
			ahead = max(0, min(ahead, left))
		case each == 0:
			ahead = -1
		}
	case each > 0:
		ahead = max(0, each-k.used)
	default:
		ahead = -1
	}
	k.line.each(func(p *place) {
		w := edge.Waiting{Seat: p.actor.Ref(), ExpectMS: -1, Away: p.away}
		if ahead >= 0 {
			w.ExpectMS = ahead.Milliseconds()
		}
		list = append(list, w)
		switch {
		case p.away, ahead < 0:
		case each == 0 || p.over:
			ahead = -1
		default:
			ahead += each
		}
	})
	if len(list) == 0 {
		return nil
	}
	return list
}

func ms(n int64) time.Duration { return time.Duration(n) * time.Millisecond }
