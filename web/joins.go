package web

import (
	"net/netip"
	"sync"
	"time"

	"labbox/edge"
)

// New seats of one address: a class behind one router joins at once, a program
// that joins for ever does not fill the store. An IPv6 host has its whole /64.
const (
	joinBurst  = 320
	joinPerSec = 2
	maxJoiners = 8192 // addresses remembered
)

// Wrong class codes: of one address, and in total. Of 64 million codes, two a second
// find one in about half a year.
const (
	guessBurst     = 30
	guessPerSec    = 0.2
	guessAllBurst  = 200
	guessAllPerSec = 2
)

// meters count by address.
type meters struct {
	mu sync.Mutex
	by map[netip.Addr]*bucket
}

// of returns an address's bucket, full when it is new. The caller holds the lock.
func (m *meters) of(addr netip.Addr, burst float64, now time.Duration) *bucket {
	if addr.Is6() {
		if p, err := addr.Prefix(64); err == nil {
			addr = p.Addr()
		}
	}
	b := m.by[addr]
	if b == nil {
		if m.by == nil || len(m.by) >= maxJoiners {
			m.by = map[netip.Addr]*bucket{}
		}
		b = &bucket{left: burst, at: now}
		m.by[addr] = b
	}
	return b
}

// joins bounds new seats.
type joins struct{ meters }

// allow counts one new seat; the error says that there were too many. This
// machine's own programs are not counted.
func (j *joins) allow(remote string, now time.Duration) error {
	peer, ok := hop(remote)
	if !ok || peer.Addr().IsLoopback() {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if !j.of(peer.Addr(), joinBurst, now).take(now, joinBurst, joinPerSec) {
		return edge.Errorf(edge.CodeTooMany, "too many new seats from one address").With("wait_s", 1).WithHint("wait a minute, then try again")
	}
	return nil
}

// guesses bounds wrong class codes. While there were too many, right ones are not
// looked at either: else guessing went on.
type guesses struct {
	meters
	all    bucket
	filled bool
}

// allow says whether a code from this address is looked at.
func (g *guesses) allow(remote string, now time.Duration) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	one, all := g.buckets(remote, now)
	if one.level(now, guessBurst, guessPerSec) < 1 || all.level(now, guessAllBurst, guessAllPerSec) < 1 {
		return errGuess()
	}
	return nil
}

// wrong counts a wrong code. The error says that others took what was left meanwhile,
// so that this one's answer is not told either.
func (g *guesses) wrong(remote string, now time.Duration) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	one, all := g.buckets(remote, now)
	a, b := one.take(now, guessBurst, guessPerSec), all.take(now, guessAllBurst, guessAllPerSec)
	if !a || !b {
		return errGuess()
	}
	return nil
}

func (g *guesses) buckets(remote string, now time.Duration) (one, all *bucket) {
	if !g.filled {
		g.filled, g.all = true, bucket{left: guessAllBurst, at: now}
	}
	peer, _ := hop(remote)
	return g.of(peer.Addr(), guessBurst, now), &g.all
}

func errGuess() error {
	const wait = 5
	return edge.Errorf(edge.CodeTooMany, "too many wrong codes").With("wait_s", wait).WithHint("wait %d s, then try again", wait)
}
