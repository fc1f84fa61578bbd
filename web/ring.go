package web

import (
	"sort"
	"time"

	"labbox/edge/frame"
)

// Sizes of the slabs that frames are copied into. A slab starts small and
// doubles while it fills within a second, so that a quiet device stays small.
const (
	minSlab = 4 << 10
	maxSlab = 256 << 10
)

// item is one frame in a ring.
type item struct {
	slab     *[]byte
	off, end int
	at       time.Duration // arrival, this process's monotonic clock
	epoch    uint32
	stream   uint64
	seq      uint64 // first sample
	next     uint64 // sample after the last
}

// ring holds the encoded frames of one stream, oldest first. Frames lie one
// after another in slabs, so that a client's next message is a slice of them and
// costs no copy; a slab is never written twice, so slices stay valid after their
// frames have left the ring. Frames are counted from 0; a cursor is such a number.
// The owner of a ring guards it.
type ring struct {
	items    []item
	base     uint64 // number of items[0]
	visible  uint64 // frames before this one may be sent
	bytes    int
	keep     time.Duration
	maxBytes int

	slab     *[]byte
	slabAt   time.Duration
	slabSize int
}

func newRing(keep time.Duration, maxBytes int) *ring {
	return &ring{keep: keep, maxBytes: maxBytes, slabSize: minSlab}
}

// head is the number that the next frame will get.
func (r *ring) head() uint64 { return r.base + uint64(len(r.items)) }

func (r *ring) item(n uint64) *item { return &r.items[n-r.base] }

// reserve returns room for n bytes at the end of a slab.
func (r *ring) reserve(n int, now time.Duration) (slab *[]byte, off int) {
	if r.slab == nil || len(*r.slab)+n > cap(*r.slab) {
		if r.slab != nil {
			switch d := now - r.slabAt; {
			case d < time.Second && r.slabSize < maxSlab:
				r.slabSize *= 2
			case d > 8*time.Second && r.slabSize > minSlab:
				r.slabSize /= 2
			}
		}
		b := make([]byte, 0, max(n, r.slabSize))
		r.slab, r.slabAt = &b, now
	}
	return r.slab, len(*r.slab)
}

// put appends a copy of one frame with more lost before it than it says.
func (r *ring) put(v frame.View, more uint32, now time.Duration) {
	h := v.Header()
	b := v.Bytes()
	slab, off := r.reserve(len(b), now)
	*slab = append(*slab, b...)
	if more != 0 {
		frame.SetLost((*slab)[off:], frame.AddLost(h.Lost, more))
	}
	r.items = append(r.items, item{slab: slab, off: off, end: off + len(b), at: now,
		epoch: h.Epoch, stream: h.Stream, seq: h.Seq, next: h.Next})
	r.bytes += len(b)
	r.evict(now)
}

// evict drops what is too old or too much; the newest frame stays.
func (r *ring) evict(now time.Duration) {
	n := 0
	for n < len(r.items)-1 && (now-r.items[n].at > r.keep || r.bytes > r.maxBytes) {
		r.bytes -= r.items[n].end - r.items[n].off
		r.items[n].slab = nil
		n++
	}
	r.items = r.items[n:]
	r.base += uint64(n)
	r.visible = max(r.visible, r.base)
}

// slices appends the bytes of the frames from cursor on to dst, at most about
// max bytes and not beyond the visible ones, and returns the next cursor.
func (r *ring) slices(dst [][]byte, cursor uint64, maxBytes int) (_ [][]byte, size int, next uint64) {
	for cursor < r.visible {
		it := r.item(cursor)
		if size > 0 && size+it.end-it.off > maxBytes {
			break
		}
		from, slab, end := it.off, it.slab, it.end
		size += end - from
		for cursor++; cursor < r.visible; cursor++ {
			it = r.item(cursor)
			if it.slab != slab || size+it.end-it.off > maxBytes {
				break
			}
			size += it.end - it.off
			end = it.end
		}
		dst = append(dst, (*slab)[from:end])
	}
	return dst, size, cursor
}

// since returns the cursor of the first frame that arrived at t or later.
func (r *ring) since(t time.Duration) uint64 {
	return r.base + uint64(sort.Search(len(r.items), func(i int) bool { return r.items[i].at >= t }))
}

// after returns the cursor of the frame that holds the sample after (epoch, seq).
// ok is false where the ring does not know that epoch.
func (r *ring) after(epoch uint32, seq uint64) (cursor uint64, ok bool) {
	for i := len(r.items) - 1; i >= 0; i-- {
		it := &r.items[i]
		if it.epoch != epoch {
			continue
		}
		// The frames of one epoch stand together, in order.
		first := i
		for first > 0 && r.items[first-1].epoch == epoch {
			first--
		}
		n := sort.Search(i+1-first, func(k int) bool { return r.items[first+k].next > seq+1 })
		return r.base + uint64(first+n), true
	}
	return 0, false
}
