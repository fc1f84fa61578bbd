package fanout

import (
	"sync"
	"sync/atomic"

	"labbox/edge"
)

// Subscriber is one Subscribe: a bounded queue and the goroutine behind it. It
// is an Ender.
type Subscriber struct {
	table    *Table
	pattern  string
	fn       func(edge.Msg)
	gate     *Gate
	wait     chan edge.Msg
	bytes    atomic.Int64
	maxBytes int64
	dropped  atomic.Uint64
	once     sync.Once
	stop     chan struct{}
}

var _ Ender = (*Subscriber)(nil)

// push never blocks: what does not fit is dropped and counted. One message may
// be larger than the bound where nothing else waits.
func (s *Subscriber) push(m edge.Msg) {
	n := int64(len(m.Data))
	if total := s.bytes.Add(n); total > s.maxBytes && total > n {
		s.bytes.Add(-n)
		s.dropped.Add(1)
		return
	}
	select {
	case s.wait <- m:
	default:
		s.bytes.Add(-n)
		s.dropped.Add(1)
	}
}

func (s *Subscriber) run() {
	id := GoroutineID()
	for {
		select {
		case <-s.stop:
			return
		case m := <-s.wait:
			s.bytes.Add(-int64(len(m.Data)))
			if !s.gate.Enter(id) {
				return
			}
			s.fn(m)
			s.gate.Leave(id)
		}
	}
}

// Gate implements Ender.
func (s *Subscriber) Gate() *Gate { return s.gate }

// Dropped implements edge.Subscription.
func (s *Subscriber) Dropped() uint64 { return s.dropped.Load() }

// Close implements edge.Subscription.
func (s *Subscriber) Close() error {
	s.once.Do(func() {
		s.table.leave(s)
		close(s.stop)
	})
	s.gate.Close()
	return nil
}
