package faults

import (
	"context"
	"errors"
	"slices"
	"time"

	"labbox/devices/transport"
)

const (
	mostHeld   = 4096      // bytes that wait for a frozen device
	mostQueued = 256 << 10 // bytes that wait for the driver
	splitPause = 5 * time.Millisecond
	babbleTick = 20 * time.Millisecond
	babbleSize = 20
)

var errUnplugged = errors.New("unplugged")

// port is an open line with faults. The opener's lock guards it.
type port struct {
	o  *Opener
	in transport.Port

	slot     chan struct{} // holds a token while somebody sends
	queue    []item        // from the device
	queued   int
	last     time.Time // when the newest of it is due
	kind     transport.Kind
	held     []item // to the device, while it is frozen
	discards uint64
	ended    error // the inner line's
	lost     error // by a fault
	closed   bool
	babbled  time.Time
}

// item is what a Receive or a Send is about.
type item struct {
	b    []byte
	kind transport.Kind
	due  time.Time
	err  error
}

// pump takes what the device sends.
func (p *port) pump() {
	buf := make([]byte, 64<<10)
	for {
		n, kind, err := p.in.Receive(buf)
		p.o.mu.Lock()
		switch {
		case errors.Is(err, transport.ErrTooLong):
			p.push(item{kind: kind, err: err, due: time.Now()})
		case err != nil:
			p.ended = err
			p.o.wake()
			p.o.mu.Unlock()
			return
		default:
			p.kind = kind
			p.arrive(slices.Clone(buf[:n]), kind, time.Now())
		}
		for p.queued > mostQueued && !p.closed && p.lost == nil {
			p.wait(time.Time{})
		}
		p.o.mu.Unlock()
	}
}

// wait gives up the lock until something changes, or, where it is not zero, until
// a time.
func (p *port) wait(until time.Time) {
	changed := p.o.changed
	p.o.mu.Unlock()
	defer p.o.mu.Lock()
	if until.IsZero() {
		<-changed
		return
	}
	t := time.NewTimer(time.Until(until))
	defer t.Stop()
	select {
	case <-changed:
	case <-t.C:
	}
}

func (p *port) push(it item) {
	p.queue = append(p.queue, it)
	p.queued += len(it.b)
	p.o.wake()
}

// arrive queues what the device sent, with what the line does to it.
func (p *port) arrive(b []byte, kind transport.Kind, now time.Time) {
	o := p.o
	if p.closed || p.lost != nil {
		return
	}
	if o.active(Mute, now) || o.active(Reboot, now) {
		o.count.Silenced += uint64(len(b))
		return
	}
	b, dropped, corrupted := o.mangle(b, kind != transport.Stream)
	o.count.Dropped += dropped
	o.count.Corrupted += corrupted
	due := now.Add(o.f.Delay)
	if o.f.Jitter > 0 {
		due = due.Add(time.Duration(o.rand.Int64N(int64(o.f.Jitter))))
	}
	if g := o.f.Glue; g > 0 && kind == transport.Stream {
		due = o.start.Add((due.Sub(o.start)/g + 1) * g)
	}
	for len(b) > 0 {
		n := len(b)
		if o.f.Split > 0 && kind == transport.Stream {
			for n = 1; n < len(b) && o.rand.Float64() >= o.f.Split; n++ {
			}
		}
		if due.Before(p.last) {
			due = p.last
		}
		p.last = due
		p.push(item{b: b[:n:n], kind: kind, due: due})
		due = due.Add(time.Duration(o.rand.Int64N(int64(splitPause))))
		b = b[n:]
	}
}

// Receive implements transport.Port.
func (p *port) Receive(b []byte) (int, transport.Kind, error) {
	p.o.mu.Lock()
	defer p.o.mu.Unlock()
	if len(b) == 0 {
		return 0, transport.Stream, transport.ErrTooLong
	}
	for {
		now := time.Now()
		gone := p.ended != nil || p.lost != nil
		switch {
		case p.closed:
			return 0, transport.Stream, transport.ErrClosed
		case len(p.queue) > 0 && (gone || !p.o.active(Freeze, now) && !p.queue[0].due.After(now)):
			return p.take(b, now)
		case gone:
			return 0, transport.Stream, p.fail()
		case len(p.queue) > 0 && !p.o.active(Freeze, now):
			p.wait(p.queue[0].due)
		case len(p.queue) > 0:
			p.wait(p.o.next(now))
		default:
			p.wait(time.Time{})
		}
	}
}

// fail is the error of a line that is gone.
func (p *port) fail() error {
	switch {
	case p.closed:
		return transport.ErrClosed
	case p.lost != nil:
		return p.lost
	}
	return p.ended
}

// take gives out the head of the queue, and, where the line glues, all that is
// due.
func (p *port) take(b []byte, now time.Time) (n int, kind transport.Kind, err error) {
	kind = p.queue[0].kind
	for len(p.queue) > 0 && (n == 0 || p.o.f.Glue > 0) && !p.queue[0].due.After(now) || n == 0 {
		it := &p.queue[0]
		if it.err != nil || kind != transport.Stream {
			if n > 0 {
				break
			}
			it, err := *it, p.queue[0].err
			p.drop(len(it.b))
			if err == nil && len(it.b) > len(b) {
				err = transport.ErrTooLong
			}
			if err != nil {
				return 0, kind, err
			}
			return copy(b, it.b), kind, nil
		}
		k := copy(b[n:], it.b)
		n += k
		if k < len(it.b) {
			it.b = it.b[k:]
			p.queued -= k
			break
		}
		p.drop(k)
	}
	p.o.wake()
	return n, kind, nil
}

func (p *port) drop(n int) {
	p.queue = slices.Delete(p.queue, 0, 1)
	p.queued -= n
	p.o.wake()
}

// Send implements transport.Port.
func (p *port) Send(b []byte, kind transport.Kind) error {
	o := p.o
	p.slot <- struct{}{}
	defer func() {
		<-p.slot
		o.mu.Lock()
		if len(p.held) > 0 {
			o.wake() // whoever froze while this went out
		}
		o.mu.Unlock()
	}()
	o.mu.Lock()
	discards := p.discards
	for o.active(Freeze, time.Now()) && p.fail() == nil {
		if p.discards != discards {
			o.mu.Unlock()
			return transport.ErrDiscarded
		}
		if p.holds()+len(b) <= max(mostHeld, len(b)) {
			p.held = append(p.held, item{b: slices.Clone(b), kind: kind})
			o.mu.Unlock()
			return nil
		}
		p.wait(o.next(time.Now()))
	}
	if p.discards != discards {
		o.mu.Unlock()
		return transport.ErrDiscarded
	}
	o.mu.Unlock()
	if err := p.thaw(); err != nil {
		return err
	}
	return p.out(item{b: slices.Clone(b), kind: kind})
}

func (p *port) holds() (n int) {
	for i := range p.held {
		n += len(p.held[i].b)
	}
	return n
}

// thaw sends what waited for a frozen device. The caller has the slot.
func (p *port) thaw() error {
	for {
		p.o.mu.Lock()
		if len(p.held) == 0 || p.o.active(Freeze, time.Now()) {
			p.o.mu.Unlock()
			return nil
		}
		it := p.held[0]
		p.held = p.held[1:]
		p.o.wake()
		p.o.mu.Unlock()
		if err := p.out(it); err != nil {
			return err
		}
	}
}

// out sends one message, with what the line does to it.
func (p *port) out(it item) error {
	o := p.o
	o.mu.Lock()
	if err := p.fail(); err != nil && (p.closed || p.lost != nil) {
		o.mu.Unlock()
		return err
	}
	now := time.Now()
	whole, b := len(it.b), it.b
	if o.active(Deaf, now) || o.active(Reboot, now) {
		b = nil
	} else if !o.f.OneWay {
		var corrupted uint64
		b, _, corrupted = o.mangle(b, it.kind != transport.Stream && p.kind != transport.Stream)
		o.count.ToDevice += corrupted
	}
	o.count.ToDevice += uint64(whole - len(b))
	o.mu.Unlock()
	if len(b) == 0 {
		return nil
	}
	err := p.in.Send(b, it.kind)
	o.mu.Lock()
	defer o.mu.Unlock()
	if err != nil && (p.closed || p.lost != nil) {
		return p.fail()
	}
	return err
}

// Drain implements transport.Port.
func (p *port) Drain(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { p.o.change(func() {}) })
	defer stop()
	p.o.mu.Lock()
	for len(p.held) > 0 && ctx.Err() == nil && p.fail() == nil {
		p.wait(time.Time{})
	}
	err := p.fail()
	p.o.mu.Unlock()
	switch {
	case err != nil:
		return err
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return p.in.Drain(ctx)
}

// Pending implements transport.Port.
func (p *port) Pending() int {
	n := p.in.Pending()
	p.o.mu.Lock()
	defer p.o.mu.Unlock()
	if h := p.holds(); h > 0 {
		return h + max(n, 0)
	}
	return n
}

// DiscardOutput implements transport.Port.
func (p *port) DiscardOutput() error {
	p.o.mu.Lock()
	if p.closed || p.lost != nil {
		defer p.o.mu.Unlock()
		return p.fail()
	}
	p.held = nil
	p.discards++
	p.o.wake()
	p.o.mu.Unlock()
	return p.in.DiscardOutput()
}

// Close implements transport.Port.
func (p *port) Close() error {
	p.o.change(func() { p.closed = true })
	return p.in.Close()
}
