package devices

import (
	"context"
	"sync"
	"time"
)

// outbox hands news on, in order, from a goroutine of its own: a supervisor
// speaks under its lock, and must wait for no broker and no store. What does not
// fit is dropped: news is at most once.
type outbox struct {
	mu      sync.Mutex
	list    []func(context.Context)
	bytes   int
	dropped uint64
	wake    chan struct{}
}

// Bounds of an outbox. A device at its fastest says some hundred things a second.
const (
	outboxItems = 4096
	outboxBytes = 16 << 20
	outboxEnd   = time.Second // what is left at the end gets so long
)

func newOutbox() *outbox { return &outbox{wake: make(chan struct{}, 1)} }

// put queues fn, which holds size bytes. It never blocks.
func (b *outbox) put(size int, fn func(context.Context)) {
	b.mu.Lock()
	if len(b.list) >= outboxItems || b.bytes+size > outboxBytes {
		b.dropped++
		b.mu.Unlock()
		return
	}
	b.list = append(b.list, fn)
	b.bytes += size
	b.mu.Unlock()
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// run carries out what is queued until end is closed and nothing is left.
func (b *outbox) run(ctx context.Context, end <-chan struct{}) {
	for {
		b.mu.Lock()
		list := b.list
		b.list, b.bytes = nil, 0
		b.mu.Unlock()
		for _, fn := range list {
			fn(ctx)
		}
		if len(list) > 0 {
			continue
		}
		select {
		case <-b.wake:
		case <-end:
			b.mu.Lock()
			left := len(b.list)
			b.mu.Unlock()
			if left == 0 {
				return
			}
		}
	}
}
