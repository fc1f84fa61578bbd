package fanout

import (
	"bytes"
	"runtime"
	"strconv"
	"sync"
)

// Gate lets handler calls in until it is shut, and waits for those inside. A
// handler that shuts the gate it is inside of does not wait for itself.
type Gate struct {
	mu     sync.Mutex
	left   sync.Cond
	shut   bool
	inside map[uint64]struct{} // goroutines
}

// NewGate returns an open gate.
func NewGate() *Gate {
	g := &Gate{inside: map[uint64]struct{}{}}
	g.left.L = &g.mu
	return g
}

// Enter reports whether goroutine id may run the handler; then it must Leave.
func (g *Gate) Enter(id uint64) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut {
		return false
	}
	g.inside[id] = struct{}{}
	return true
}

// Leave ends what Enter began.
func (g *Gate) Leave(id uint64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.inside, id)
	if g.shut {
		g.left.Broadcast()
	}
}

// Close shuts the gate and returns when no goroutine but the caller is inside.
func (g *Gate) Close() {
	id := GoroutineID()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = true
	for {
		n := len(g.inside)
		if _, self := g.inside[id]; self {
			n--
		}
		if n == 0 {
			return
		}
		g.left.Wait()
	}
}

// Drained returns when nobody at all is inside a shut gate.
func (g *Gate) Drained() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for len(g.inside) > 0 {
		g.left.Wait()
	}
}

// Holds reports whether goroutine id is inside.
func (g *Gate) Holds(id uint64) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	_, ok := g.inside[id]
	return ok
}

// GoroutineID reads the number that stands first in a stack trace. Nothing else
// tells that Close is called from inside a handler without a context parameter.
func GoroutineID() uint64 {
	var buf [32]byte
	b := buf[:runtime.Stack(buf[:], false)]
	b = bytes.TrimPrefix(b, []byte("goroutine "))
	if i := bytes.IndexByte(b, ' '); i > 0 {
		b = b[:i]
	}
	id, _ := strconv.ParseUint(string(b), 10, 64)
	return id
}
