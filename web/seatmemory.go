package web

import (
	"maps"
	"sync"

	"labbox/edge"
)

// seatMemory knows the seats that this process has seen, for when the store is away:
// who is in the room may still stop a device. It also keeps their aliases.
type seatMemory struct {
	mu      sync.Mutex
	last    map[string]edge.Actor // by token
	aliases map[string]string     // by seat
}

// maxSeatMemory bounds it; a class is smaller.
const maxSeatMemory = 4096

func (m *seatMemory) put(token string, a edge.Actor, alias string) {
	m.note(a.Seat, alias)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.last == nil {
		m.last = map[string]edge.Actor{}
	}
	bound(m.last, token)
	m.last[token] = a
}

// note keeps the alias of a seat.
func (m *seatMemory) note(seat, alias string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.aliases == nil {
		m.aliases = map[string]string{}
	}
	bound(m.aliases, seat)
	m.aliases[seat] = alias
}

// bound makes room for a new key.
func bound[V any](m map[string]V, key string) {
	if _, known := m[key]; known || len(m) < maxSeatMemory {
		return
	}
	for old := range m { // any one
		delete(m, old)
		return
	}
}

func (m *seatMemory) get(token string) (edge.Actor, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	a, ok := m.last[token]
	return a, ok
}

// alias is what others see of a seat while names are hidden, "" where it is not known.
func (m *seatMemory) alias(seat string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.aliases[seat]
}

// gone forgets a seat by its id.
func (m *seatMemory) gone(seat string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.aliases, seat)
	for token, a := range m.last {
		if a.Seat == seat {
			delete(m.last, token)
		}
	}
}

func (m *seatMemory) drop(token string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.last, token)
}

// teachers forgets teachers' seats: another password or a removed account has ended
// some of them, and while the store is away none of these may count.
func (m *seatMemory) teachers() {
	m.mu.Lock()
	defer m.mu.Unlock()
	maps.DeleteFunc(m.last, func(_ string, a edge.Actor) bool { return a.Role.AtLeast(edge.RoleTeacher) })
}

// clear forgets all: the class that they sat in is over.
func (m *seatMemory) clear() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.last, m.aliases = nil, nil
}
