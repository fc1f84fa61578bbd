package faults

import (
	"time"

	"labbox/devices/transport"
)

// run carries out what the spells' clocks say, until the line is gone.
func (p *port) run() {
	o := p.o
	o.mu.Lock()
	for !p.closed && p.ended == nil {
		now := time.Now()
		if o.active(Unplug, now) {
			o.count.Unplugs++
			p.cut(now)
			o.mu.Unlock()
			_ = p.in.Close()
			return
		}
		booting := o.active(Reboot, now)
		if o.booting && !booting {
			o.booting = false
			if f := o.o.Reboot; f != nil {
				o.mu.Unlock()
				f()
				o.mu.Lock()
				continue
			}
		} else if booting && !o.booting {
			o.booting = true
			o.count.Reboots++
		}
		if booting {
			p.held = nil
		}
		if len(p.held) > 0 && !o.active(Freeze, now) {
			select {
			case p.slot <- struct{}{}:
				o.mu.Unlock()
				_ = p.thaw()
				<-p.slot
				o.mu.Lock()
				continue
			default: // a Send is under way, and does it
			}
		}
		next := o.next(now)
		if o.active(Babble, now) {
			p.babble(now)
			if t := now.Add(babbleTick); next.IsZero() || t.Before(next) {
				next = t
			}
		}
		p.wait(next)
	}
	o.mu.Unlock()
}

// cut loses the line; what had arrived can still be received.
func (p *port) cut(now time.Time) {
	p.lost = transport.Lost(p.o.in.String(), errUnplugged)
	n := 0
	for n < len(p.queue) && !p.queue[n].due.After(now) && !p.o.active(Freeze, now) {
		n++
	}
	p.queue, p.held = p.queue[:n], nil
	p.o.wake()
}

// babble is a device that sends what it should not.
func (p *port) babble(now time.Time) {
	if now.Sub(p.babbled) < babbleTick {
		return
	}
	p.babbled = now
	b := make([]byte, babbleSize)
	for i := range b {
		b[i] = byte(p.o.rand.IntN(256))
		if p.kind == transport.Text {
			b[i] = ' ' + b[i]%95
		}
	}
	p.o.count.Babbled += babbleSize
	p.push(item{b: b, kind: p.kind, due: now})
}
