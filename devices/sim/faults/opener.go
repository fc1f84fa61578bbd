package faults

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"labbox/devices/transport"
	"labbox/edge"
)

// Options of an Opener.
type Options struct {
	Seed uint64
	// Reboot restarts the device; nil: it only falls silent. It may block while the
	// line does, and is called from a goroutine of the open port.
	Reboot func()
}

// Count is what became of bytes, and how often the line was broken.
type Count struct {
	Dropped, Corrupted uint64 // of what the device sent
	ToDevice           uint64 // bytes to the device that were lost or turned over
	Silenced           uint64 // sent by a device that was mute or starting
	Babbled            uint64 // bytes that no device sent
	Unplugs, Reboots   uint64
}

// Opener opens another's lines, with faults. Its methods may be called from any
// goroutine.
type Opener struct {
	in transport.Opener
	o  Options

	mu      sync.Mutex
	f       Faults
	start   time.Time
	rand    *rand.Rand
	byHand  [kinds]bool
	reboot  time.Time     // one by hand ends then
	booting bool          // the device is to be started again when it ends
	changed chan struct{} // closed and replaced at each change
	count   Count
}

var _ transport.Opener = (*Opener)(nil)

// New returns in with faults. Its clocks start now.
func New(in transport.Opener, f Faults, o Options) *Opener {
	return &Opener{in: in, o: o, f: f, start: time.Now(), rand: rand.New(rand.NewPCG(o.Seed, 0xfa017)), changed: make(chan struct{})}
}

// String implements transport.Opener.
func (o *Opener) String() string { return o.in.String() }

// Open implements transport.Opener. Errors besides those of the inner opener:
// port_missing while unplugged.
func (o *Opener) Open(ctx context.Context) (transport.Port, error) {
	o.mu.Lock()
	out := o.active(Unplug, time.Now())
	o.mu.Unlock()
	if out {
		return nil, edge.Errorf(edge.CodePortMissing, "%s is not plugged in", o.in)
	}
	in, err := o.in.Open(ctx)
	if err != nil {
		return nil, err
	}
	p := &port{o: o, in: in, slot: make(chan struct{}, 1)}
	go p.pump()
	go p.run()
	return p, nil
}

// Begin begins a spell, which lasts until End. A reboot ends by itself.
func (o *Opener) Begin(k Kind) {
	o.change(func() {
		if k == Reboot {
			d := o.f.Spells[Reboot].For
			if d == 0 {
				d = defaultFor
			}
			o.reboot = time.Now().Add(d)
			if !o.booting {
				o.booting = true
				o.count.Reboots++
			}
			return
		}
		o.byHand[k] = true
	})
}

// End ends a spell that was begun by hand.
func (o *Opener) End(k Kind) { o.change(func() { o.byHand[k] = false }) }

// Change sets other faults; spells by hand go on.
func (o *Opener) Change(f Faults) { o.change(func() { o.f = f }) }

// Faults are those that are set.
func (o *Opener) Faults() Faults {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.f
}

// Active says whether a spell is on, by hand or by the clock.
func (o *Opener) Active(k Kind) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.active(k, time.Now())
}

// Changed is closed at the next change that is made by hand.
func (o *Opener) Changed() <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.changed
}

// Count is what has happened so far.
func (o *Opener) Count() Count {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.count
}

func (o *Opener) change(f func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	f()
	o.wake()
}

// wake lets everybody look again. The lock is held, here and below.
func (o *Opener) wake() {
	close(o.changed)
	o.changed = make(chan struct{})
}

func (o *Opener) active(k Kind, now time.Time) bool {
	if o.byHand[k] || k == Reboot && now.Before(o.reboot) {
		return true
	}
	s := o.f.Spells[k]
	t := now.Sub(o.start)
	return s.Every > 0 && t >= s.Every && t%s.Every < s.For
}

// next is when the clock of any spell changes it; zero: never.
func (o *Opener) next(now time.Time) (at time.Time) {
	soonest := func(t time.Time) {
		if t.After(now) && (at.IsZero() || t.Before(at)) {
			at = t
		}
	}
	soonest(o.reboot)
	for _, s := range o.f.Spells {
		if s.Every > 0 {
			began := o.start.Add(now.Sub(o.start) / s.Every * s.Every)
			soonest(began.Add(s.Every))
			soonest(began.Add(s.For))
		}
	}
	return at
}

// mangle loses and turns over what the lot says. It may write into b.
func (o *Opener) mangle(b []byte, whole bool) (out []byte, dropped, corrupted uint64) {
	if o.f.Drop == 0 && o.f.Corrupt == 0 {
		return b, 0, 0
	}
	flip := func(c *byte) {
		*c ^= 1 << o.rand.IntN(8)
		corrupted++
	}
	if whole {
		if o.rand.Float64() < o.f.Drop {
			return nil, uint64(len(b)), 0
		}
		if len(b) > 0 && o.rand.Float64() < o.f.Corrupt {
			flip(&b[o.rand.IntN(len(b))])
		}
		return b, 0, corrupted
	}
	out = b[:0]
	for _, c := range b {
		if o.f.Drop > 0 && o.rand.Float64() < o.f.Drop {
			dropped++
			continue
		}
		if o.f.Corrupt > 0 && o.rand.Float64() < o.f.Corrupt {
			flip(&c)
		}
		out = append(out, c)
	}
	return out, dropped, corrupted
}
