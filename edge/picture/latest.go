package picture

import (
	"context"
	"sync"

	"labbox/edge"
)

// Latest holds the newest picture for any number of readers. The zero value is empty
// and ready. Safe for concurrent use.
type Latest struct {
	mu   sync.Mutex
	p    edge.Picture
	news chan struct{} // closed by the next Put; nil while nobody waits
}

// Put replaces the picture.
func (l *Latest) Put(p edge.Picture) {
	l.mu.Lock()
	l.p = p
	if l.news != nil {
		close(l.news)
		l.news = nil
	}
	l.mu.Unlock()
}

// Now is the newest picture; without one its JPEG is nil.
func (l *Latest) Now() edge.Picture {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.p
}

// Clear forgets the picture: whoever asks next waits for a new one.
func (l *Latest) Clear() {
	l.mu.Lock()
	l.p = edge.Picture{}
	l.mu.Unlock()
}

// Next waits until the newest picture is another one than that with the number seen
// (0: none), and returns it. Its error is that of ctx.
func (l *Latest) Next(ctx context.Context, seen uint64) (edge.Picture, error) {
	for {
		l.mu.Lock()
		if l.p.JPEG != nil && l.p.Seq != seen {
			p := l.p
			l.mu.Unlock()
			return p, nil
		}
		if l.news == nil {
			l.news = make(chan struct{})
		}
		news := l.news
		l.mu.Unlock()
		select {
		case <-ctx.Done():
			return edge.Picture{}, ctx.Err()
		case <-news:
		}
	}
}
