package hotplug

import (
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// How often a scan is made: where there are events, and where there are none.
const (
	scanWithEvents = 5 * time.Second
	scanAlone      = time.Second
)

// settle is when subscribers are told after an event: at once, and while udev
// and others are not done with the port.
var settle = [...]time.Duration{0, 25 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond, 200 * time.Millisecond,
	400 * time.Millisecond, 700 * time.Millisecond, time.Second}

// apart is how close two wakings may come: a board that boots in a loop must not
// keep all others looking for their ports.
const apart = 20 * time.Millisecond

// Source is where events come from. One goroutine calls Next; Close may come
// from another and ends it.
type Source interface {
	// Next waits for an event. ErrOverrun says that some were lost and that more
	// will come; any other error is the end.
	Next() (Event, error)
	Close() error
}

// ErrOverrun says that events were lost.
var ErrOverrun = errors.New("hotplug: events were lost")

// Options of a Watcher.
type Options struct {
	// Scan names the ports that are there; subscribers are told when the names
	// change. nil: no scan.
	Scan func() ([]string, error)
	// Every is the time between two scans. 0: 5 s where there are events, else 1 s.
	Every time.Duration
	// Open is where events come from; nil: OpenKernel.
	Open func() (Source, error)
	// Logger hears once that there are no events; nil: nobody does.
	Logger *slog.Logger
}

// Watcher tells its subscribers that a serial port may have come or gone.
type Watcher struct {
	o      Options
	src    Source // nil: no events
	done   chan struct{}
	work   sync.WaitGroup
	closed sync.Once

	mu   sync.Mutex
	subs map[chan struct{}]struct{}
}

// New starts a Watcher. It always works: without events it scans.
func New(o Options) *Watcher {
	w := &Watcher{o: o, done: make(chan struct{}), subs: map[chan struct{}]struct{}{}}
	open := o.Open
	if open == nil {
		open = OpenKernel
	}
	src, err := open()
	if err == nil {
		w.src = src
	} else if o.Logger != nil && !errors.Is(err, errors.ErrUnsupported) {
		o.Logger.Info("no hotplug events, scanning instead", "error", err)
	}
	if w.o.Every <= 0 {
		w.o.Every = scanAlone
		if w.src != nil {
			w.o.Every = scanWithEvents
		}
	}
	events := make(chan struct{}, 1)
	if w.src != nil {
		w.work.Go(func() { w.read(events) })
	}
	if w.o.Scan != nil {
		w.work.Go(func() { w.scan(events) })
	}
	w.work.Go(func() { w.tell(events) })
	return w
}

// Subscribe returns a channel that holds a token when something has happened
// since it was last emptied, and a function that ends that.
func (w *Watcher) Subscribe() (plugged <-chan struct{}, end func()) {
	c := make(chan struct{}, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.subs[c] = struct{}{}
	return c, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.subs, c)
	}
}

// Close ends the watching. Subscribers are told nothing more.
func (w *Watcher) Close() error {
	w.closed.Do(func() {
		close(w.done)
		if w.src != nil {
			_ = w.src.Close()
		}
	})
	w.work.Wait()
	return nil
}

func put(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// read passes on that there was an event.
func (w *Watcher) read(events chan<- struct{}) {
	for {
		e, err := w.src.Next()
		switch {
		case err == nil && !e.matters():
		case err == nil || errors.Is(err, ErrOverrun):
			put(events)
		default:
			select {
			case <-w.done:
			default:
				if w.o.Logger != nil {
					w.o.Logger.Warn("hotplug events have ended, scanning instead", "error", err)
				}
			}
			return
		}
	}
}

// scan passes on that the ports are not those of the last scan.
func (w *Watcher) scan(events chan<- struct{}) {
	tick := time.NewTicker(w.o.Every)
	defer tick.Stop()
	last, err := w.o.Scan()
	for {
		select {
		case <-w.done:
			return
		case <-tick.C:
		}
		now, nerr := w.o.Scan()
		if nerr != nil {
			continue
		}
		if err == nil && !slices.Equal(last, now) {
			put(events)
		}
		last, err = now, nil
	}
}

// tell wakes the subscribers after an event, at the times of settle.
func (w *Watcher) tell(events <-chan struct{}) {
	timer := time.NewTimer(time.Hour)
	timer.Stop()
	defer timer.Stop()
	var began, last time.Time
	step := len(settle)
	for {
		select {
		case <-w.done:
			return
		case <-events:
			began, step = time.Now(), 0
		case <-timer.C:
		}
		now := time.Now()
		if step < len(settle) && now.Sub(began) >= settle[step] && now.Sub(last) >= apart {
			last = now
			w.wake()
			for step < len(settle) && now.Sub(began) >= settle[step] {
				step++
			}
		}
		if step < len(settle) {
			timer.Reset(max(time.Until(began.Add(settle[step])), time.Until(last.Add(apart)), 0))
		}
	}
}

func (w *Watcher) wake() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.subs {
		put(c)
	}
}
