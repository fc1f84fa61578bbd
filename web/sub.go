package web

import (
	"time"
)

// How a slow client is recognised. One that acknowledges has at most ackWindow of
// data on its way; one that is more than maxLag behind for longer than lagGrace
// skips to freshLag before now, and is told so.
const (
	ackWindow = 4 * time.Second
	maxLag    = 5 * time.Second
	lagGrace  = 5 * time.Second
	freshLag  = time.Second
	markEvery = 250 * time.Millisecond
	maxMarks  = 64
)

// mark remembers when the samples up to a place were sent.
type mark struct {
	epoch uint32
	next  uint64
	at    time.Duration
}

// sub is one client's subscription of one device: a cursor into a view's ring.
// The client's lock guards it.
type sub struct {
	c      *client
	d      *device
	v      *view
	cursor uint64
	stream uint64
	epoch  uint32
	next   uint64 // sample after the last one sent, in epoch
	begun  bool   // epoch and next say something
	acks   bool   // this client acknowledges
	marks  []mark
	late   time.Duration // since when it lags too much, 0: it does not
}

// collect appends what is to be sent now: one binary message of live frames, a
// gap before it where samples are skipped. more says that there is more. The
// caller holds the client's lock.
func (s *sub) collect(dst [][]byte, now time.Duration) (_ [][]byte, more bool) {
	s.d.mu.RLock()
	defer s.d.mu.RUnlock()
	r := s.v.ring
	if s.blocked(now) {
		return dst, false
	}
	if s.cursor < r.base {
		dst = s.skip(dst, r.base)
	}
	if s.cursor >= r.visible {
		s.late = 0
		return dst, false
	}
	if now-r.item(s.cursor).at <= maxLag {
		s.late = 0
	} else if s.late == 0 {
		s.late = now
	} else if now-s.late > lagGrace {
		dst = s.skip(dst, min(r.since(now-freshLag), r.visible-1))
		s.late = 0
	}
	at := len(dst)
	dst = append(dst, nil)
	var size int
	dst, size, s.cursor = r.slices(dst, s.cursor, maxLiveBytes)
	dst[at] = appendHeader(make([]byte, 0, 10), opBinary, size)
	s.sent(r.item(s.cursor-1), now)
	return dst, s.cursor < r.visible
}

// skip moves the cursor on to frame n and declares what that leaves out.
func (s *sub) skip(dst [][]byte, n uint64) [][]byte {
	if n <= s.cursor {
		return dst
	}
	s.cursor = n
	it := s.v.ring.item(n)
	g := gap{Op: "gap", Device: s.d.id, Stream: it.stream, Epoch: it.epoch, Why: "slow"}
	switch {
	case s.begun && it.epoch == s.epoch:
		if it.seq <= s.next {
			return dst
		}
		g.From, g.To = s.next, before(it.seq)
	case s.begun:
		g.Epoch, g.From = s.epoch, s.next
	case it.seq > 0:
		g.To = before(it.seq)
	}
	return append(dst, text(g))
}

func before(seq uint64) *uint64 {
	seq--
	return &seq
}

// sent notes what went out for the acknowledgement to come.
func (s *sub) sent(last *item, now time.Duration) {
	s.stream, s.epoch, s.next, s.begun = last.stream, last.epoch, last.next, true
	if !s.acks || len(s.marks) == maxMarks || len(s.marks) > 0 && now-s.marks[len(s.marks)-1].at < markEvery {
		return
	}
	s.marks = append(s.marks, mark{epoch: last.epoch, next: last.next, at: now})
}

// blocked says whether so much is unacknowledged that more would only pile up
// where nobody sees it.
func (s *sub) blocked(now time.Duration) bool {
	return len(s.marks) > 0 && now-s.marks[0].at > ackWindow
}

// ack takes the client's word on the last sample it has drawn.
func (s *sub) ack(p place) {
	s.acks = true
	n := 0
	for n < len(s.marks) && (s.marks[n].epoch != p.Epoch || s.marks[n].next <= p.Seq+1) {
		// A mark of another epoch is older than one of p's, or p is of an epoch
		// that is over: then it stays.
		if s.marks[n].epoch != p.Epoch && !s.reaches(n, p.Epoch) {
			break
		}
		n++
	}
	s.marks = append(s.marks[:0], s.marks[n:]...)
}

// reaches says whether epoch comes after mark n.
func (s *sub) reaches(n int, epoch uint32) bool {
	for _, m := range s.marks[n:] {
		if m.epoch == epoch {
			return true
		}
	}
	return s.epoch == epoch
}

// place sets the cursor of a new subscription; the caller holds the device's
// lock. It returns the gap to declare, if there is one.
func (s *sub) place(m *message, now time.Duration) *gap {
	r := s.v.ring
	if m.Since == nil {
		s.cursor = r.visible
		if m.BackMS > 0 {
			s.cursor = min(r.since(now-time.Duration(m.BackMS)*time.Millisecond), r.visible)
		}
		return nil
	}
	s.epoch, s.next, s.begun = m.Since.Epoch, m.Since.Seq+1, true
	cursor, ok := r.after(m.Since.Epoch, m.Since.Seq)
	if s.cursor = cursor; ok {
		// after gives the ring's first frame of that epoch where older ones are gone.
		if cursor < r.head() {
			if it := r.item(cursor); it.epoch == s.epoch && it.seq > s.next && cursor == r.base {
				return &gap{Op: "gap", Device: s.d.id, Stream: it.stream, Epoch: it.epoch, From: s.next, To: before(it.seq), Why: "resume"}
			}
		}
		return nil
	}
	// The stream has started anew, or was away too long: all there is comes,
	// after a gap whose end nobody knows.
	s.cursor = r.base
	return &gap{Op: "gap", Device: s.d.id, Stream: s.d.status.Stream.ID, Epoch: s.epoch, From: s.next, Why: "restart"}
}

// first is the sample that will come first.
func (s *sub) first() place {
	r := s.v.ring
	if s.cursor < r.head() && s.cursor >= r.base {
		it := r.item(s.cursor)
		return place{Epoch: it.epoch, Seq: it.seq}
	}
	if n := len(s.d.all.ring.items); n > 0 {
		it := &s.d.all.ring.items[n-1]
		return place{Epoch: it.epoch, Seq: it.next}
	}
	return place{Epoch: s.d.status.Stream.Epoch, Seq: s.d.status.Stream.Seq}
}

// streamOf is the stream that frames of a device will name.
func (d *device) streamOf() uint64 {
	if n := len(d.all.ring.items); n > 0 {
		return d.all.ring.items[n-1].stream
	}
	return d.status.Stream.ID
}
