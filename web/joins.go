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
	joinBurst  = 120
	joinPerSec = 2
	maxJoiners = 8192 // addresses remembered
)

type joins struct {
	mu sync.Mutex
	by map[netip.Addr]*bucket
}

// allow counts one new seat; the error says that there were too many. This
// machine's own programs are not counted.
func (j *joins) allow(remote string, now time.Duration) error {
	peer, ok := hop(remote)
	addr := peer.Addr()
	if !ok || addr.IsLoopback() {
		return nil
	}
	if addr.Is6() {
		if p, err := addr.Prefix(64); err == nil {
			addr = p.Addr()
		}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	b := j.by[addr]
	if b == nil {
		if j.by == nil || len(j.by) >= maxJoiners {
			j.by = map[netip.Addr]*bucket{}
		}
		b = &bucket{left: joinBurst, at: now}
		j.by[addr] = b
	}
	if !b.take(now, joinBurst, joinPerSec) {
		return edge.Errorf(edge.CodeTooMany, "too many new seats from one address").WithHint("wait a minute, then try again")
	}
	return nil
}
