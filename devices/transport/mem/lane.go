package mem

import (
	"time"

	"labbox/devices/transport"
)

// lane is one direction of a pipe. Its bytes are in one queue: the first
// `arrived` of them are at the far end, the others wait to leave.
type lane struct {
	p        *pipe
	size     int
	baud     int // 0: everything has always arrived
	buf      []byte
	head     int // buf[head:] is the queue
	arrived  int
	msgs     []message // of a line of messages: how the queue divides
	since    time.Time // up to when arrived is reckoned
	armed    bool      // a timer will look again
	until    time.Time // not zero: closed, what has not arrived by then is gone
	discards uint64
}

type message struct {
	n    int
	kind transport.Kind
}

func newLane(p *pipe, o Options) *lane { return &lane{p: p, size: o.Buffer, baud: o.Baud} }

// advance reckons what has arrived by now, and sees to it that somebody looks
// again as long as more is to come. The lock is held, here and below.
func (l *lane) advance() {
	if l.baud == 0 {
		return
	}
	now := time.Now()
	waiting := len(l.buf) - l.head - l.arrived
	if room := l.room(); waiting > room {
		waiting = room // the far end does not receive: the line waits
	}
	if passed := now.Sub(l.since); waiting <= 0 {
		l.since = now
	} else if passed >= l.timeFor(waiting) {
		l.arrived += waiting
		l.since = now
	} else if n := int(int64(passed) * int64(l.baud) / int64(10*time.Second)); n > 0 {
		l.arrived += n
		l.since = l.since.Add(l.timeFor(n))
	}
	if !l.until.IsZero() && !now.Before(l.until) {
		l.cut()
	}
	l.arm()
}

// room is how much more the far end takes while it does not receive: a queue
// full, or the one message that is larger than that.
func (l *lane) room() int {
	size := l.size
	if len(l.msgs) > 0 {
		size = max(size, l.msgs[0].n)
	}
	return size - l.arrived
}

func (l *lane) timeFor(n int) time.Duration {
	return time.Duration(int64(n) * 10 * int64(time.Second) / int64(l.baud))
}

// arm sets a timer for the next byte, or the next millisecond where several
// bytes leave in one.
func (l *lane) arm() {
	waiting := len(l.buf) - l.head - l.arrived
	if l.armed || waiting <= 0 || l.room() <= 0 {
		return
	}
	l.armed = true
	time.AfterFunc(max(l.timeFor(1), time.Millisecond)+1, func() {
		l.p.mu.Lock()
		defer l.p.mu.Unlock()
		l.armed = false
		l.advance()
		l.p.wake()
	})
}

// here is the number of bytes that can be received.
func (l *lane) here() int {
	if l.baud == 0 {
		return len(l.buf) - l.head
	}
	l.advance()
	return l.arrived
}

// queued is the number of bytes that have not left.
func (l *lane) queued() int {
	if l.baud == 0 {
		return len(l.buf) - l.head
	}
	l.advance()
	return len(l.buf) - l.head - l.arrived
}

// ended says that nothing more will arrive.
func (l *lane) ended() bool {
	return l.queued() == 0 || l.baud > 0 && l.until.IsZero()
}

// put queues what fits of b and says how much that was. A message goes in whole
// or not at all; one larger than the queue has it for itself.
func (l *lane) put(b []byte, kind transport.Kind) int {
	queued := l.queued()
	n := min(len(b), l.size-queued)
	if l.p.messages {
		if n < len(b) && queued > 0 {
			return 0
		}
		if n = len(b); n == 0 {
			return 0
		}
		if kind == transport.Stream {
			kind = transport.Text
		}
		l.msgs = append(l.msgs, message{n, kind})
	}
	if l.head > 0 && len(l.buf)+n > cap(l.buf) {
		l.buf = l.buf[:copy(l.buf, l.buf[l.head:])]
		l.head = 0
	}
	l.buf = append(l.buf, b[:n]...)
	if l.baud > 0 {
		l.arm()
	}
	return n
}

// take receives into b: bytes, or one whole message.
func (l *lane) take(b []byte) (int, transport.Kind, error) {
	here := l.here()
	if !l.p.messages {
		n := copy(b, l.buf[l.head:l.head+here])
		l.drop(n)
		return n, transport.Stream, nil
	}
	if len(l.msgs) == 0 || l.msgs[0].n > here {
		return 0, transport.Stream, nil
	}
	m := l.msgs[0]
	l.msgs = append(l.msgs[:0], l.msgs[1:]...)
	defer l.drop(m.n)
	if m.n > len(b) {
		return 0, m.kind, transport.ErrTooLong
	}
	return copy(b, l.buf[l.head:l.head+m.n]), m.kind, nil
}

// drop takes n bytes that have arrived off the queue.
func (l *lane) drop(n int) {
	l.head += n
	l.arrived = max(0, l.arrived-n)
	if l.head == len(l.buf) {
		l.buf, l.head = l.buf[:0], 0
	}
	if l.baud > 0 {
		l.advance()
	}
}

// cut drops what has not arrived.
func (l *lane) cut() {
	if l.baud == 0 {
		return
	}
	l.keep(l.arrived)
}

// discard drops what has not left; a Send that waits will return.
func (l *lane) discard() {
	l.discards++
	if l.baud == 0 {
		l.keep(0)
		return
	}
	l.advance()
	l.keep(l.arrived)
}

// keep shortens the queue to n bytes, less where n falls into a message.
func (l *lane) keep(n int) {
	if l.p.messages {
		whole := 0
		for i, m := range l.msgs {
			if whole+m.n > n {
				l.msgs = l.msgs[:i]
				break
			}
			whole += m.n
		}
		n = whole
		l.arrived = min(l.arrived, n)
	}
	l.buf = l.buf[:l.head+n]
	if n == 0 {
		l.buf, l.head = l.buf[:0], 0
	}
}

// expire lets what is queued leave for d more, then cuts it.
func (l *lane) expire(d time.Duration) {
	if l.baud == 0 {
		return
	}
	l.advance()
	l.until = time.Now().Add(d)
}
