package minikv

import (
	"container/heap"
	"math"
	"time"
)

// sentinel is added to a deadline (on the store's monotonic clock) to make the
// ttl that miniredis keeps for the key: 240 years and more. A smaller ttl found
// after a command is one that the command has just given.
const sentinel = 240 * 365 * 24 * time.Hour

const never = math.MaxInt64

// expiry knows the deadlines of all keys that have one. The store's lock guards it.
type expiry struct {
	due  dueHeap
	keys map[string]time.Duration
}

type dueKey struct {
	at  time.Duration
	key string
}

type dueHeap []dueKey

func (h dueHeap) Len() int           { return len(h) }
func (h dueHeap) Less(i, j int) bool { return h[i].at < h[j].at }
func (h dueHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *dueHeap) Push(x any)        { *h = append(*h, x.(dueKey)) }
func (h *dueHeap) Pop() any {
	last := len(*h) - 1
	d := (*h)[last]
	(*h)[last] = dueKey{}
	*h = (*h)[:last]
	return d
}

func (e *expiry) set(key string, at time.Duration) {
	if was, ok := e.keys[key]; ok && was == at {
		return
	}
	e.keys[key] = at
	heap.Push(&e.due, dueKey{at, key})
	// Deadlines that were moved or dropped stay in the heap until they are due.
	if len(e.due) > 2*len(e.keys)+1024 {
		e.due = e.due[:0]
		for key, at := range e.keys {
			e.due = append(e.due, dueKey{at, key})
		}
		heap.Init(&e.due)
	}
}

func (e *expiry) drop(key string) { delete(e.keys, key) }

// next is the earliest deadline, never if there is none.
func (e *expiry) next() time.Duration {
	for len(e.due) > 0 {
		d := e.due[0]
		if at, ok := e.keys[d.key]; ok && at == d.at {
			return d.at
		}
		heap.Pop(&e.due)
	}
	return never
}

// pop returns one key that is due at now and forgets it.
func (e *expiry) pop(now time.Duration) (string, bool) {
	if e.next() > now {
		return "", false
	}
	d := heap.Pop(&e.due).(dueKey)
	delete(e.keys, d.key)
	return d.key, true
}

// expire removes what is due. The store's lock is held.
func (s *Store) expire() {
	now := s.mono()
	for {
		key, ok := s.exp.pop(now)
		if !ok {
			break
		}
		s.db.Del(key)
		s.account(key, 0)
		if s.log != nil {
			s.log.addLazy(key)
		}
	}
	s.nextDue.Store(int64(s.exp.next()))
}

// expireDue removes what is due before a command is looked at.
func (s *Store) expireDue() {
	if int64(s.mono()) < s.nextDue.Load() {
		return
	}
	s.mu.Lock()
	s.expire()
	s.mu.Unlock()
}

// expiring frees the memory of expired keys that nobody asks for, and tells the
// log when the calendar was set.
func (s *Store) expiring() {
	tick := time.NewTicker(s.cfg.ClockEvery)
	defer tick.Stop()
	for {
		select {
		case <-s.stop:
			return
		case <-tick.C:
			s.expireDue()
			if s.log != nil {
				s.noteCalendar()
			}
		}
	}
}

// noteCalendar writes a record when wall and monotonic clock have moved apart.
func (s *Store) noteCalendar() {
	start := s.cfg.Clock.Wall().UnixNano() - int64(s.mono())
	s.mu.Lock()
	defer s.mu.Unlock()
	if moved := time.Duration(start - s.startWall); moved.Abs() >= s.cfg.ClockStep {
		s.startWall = start
		s.log.addClock(clockMark{boot: s.boot, wall: start})
	}
}
