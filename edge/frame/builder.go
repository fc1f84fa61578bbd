package frame

import "time"

// Builder collects samples and encodes them. It is not safe for concurrent use.
// It allocates nothing once it has seen its largest batch.
type Builder struct {
	p    pending
	next uint64 // number of the sample that Add takes next
	lost uint32 // declared missing before that sample
	done []byte // frames that a gap or a restart has closed
	held int    // samples in done
}

// NewBuilder returns a Builder whose first sample has the number firstSeq.
// stream and sequence numbers stay within MaxInt. deviceTime says whether the
// device stamps its samples. Columns beyond 1024 or of an unknown format panic:
// they come from a checked descriptor.
func NewBuilder(stream uint64, epoch uint32, firstSeq uint64, cols []Column, deviceTime bool) *Builder {
	b := &Builder{next: firstSeq % MaxInt}
	b.p.stream = stream & MaxInt
	b.p.epoch = epoch
	b.shape(cols, deviceTime)
	return b
}

func (b *Builder) shape(cols []Column, deviceTime bool) {
	if len(cols) == 0 || len(cols) > maxChannels {
		panic("frame: a builder needs 1 to 1024 columns")
	}
	for _, c := range cols {
		if c.Format.Size() == 0 {
			panic("frame: unknown format of a column")
		}
	}
	b.p.shape(cols, deviceTime)
}

// Restart begins a new epoch: sequence numbers start at 0 again. Samples that
// are still pending keep the old epoch and come out first; a declared loss is
// carried to the first new sample.
func (b *Builder) Restart(epoch uint32, cols []Column, deviceTime bool) {
	b.close()
	b.next = 0
	b.p.epoch = epoch
	b.shape(cols, deviceTime)
}

// Add takes one sample: the box's monotonic time, the device's own time in us
// (NaN where unknown) and the values in column order (NaN where missing; vals
// may be shorter than the columns).
func (b *Builder) Add(box time.Duration, deviceUS float64, vals []float64) {
	if !b.p.fits(box, 1) || b.next == 0 { // the numbers begin anew behind MaxInt
		b.close()
	}
	if len(b.p.box) == 0 {
		b.p.seq, b.p.lost = b.next, b.lost
		b.lost = 0
	}
	b.p.add(box, deviceUS, vals)
	b.skip(1)
}

// skip counts n samples. MaxInt itself is the end of the last frame's numbers.
func (b *Builder) skip(n uint64) { b.next = (b.next + n) % MaxInt }

// Lose declares that n samples, or LostUnknown, are missing before the next
// Add. A known number advances the sequence.
func (b *Builder) Lose(n uint32) {
	if n == 0 {
		return
	}
	b.close()
	b.lost = AddLost(b.lost, n)
	if n != LostUnknown {
		b.skip(uint64(n))
	}
}

// Len is the number of samples that AppendFrame would encode.
func (b *Builder) Len() int { return b.held + len(b.p.box) }

// AppendFrame appends what is pending to dst and forgets it: nothing, one frame,
// or several where gaps or a restart lie between.
func (b *Builder) AppendFrame(dst []byte) []byte {
	dst = append(dst, b.done...)
	b.done, b.held = b.done[:0], 0
	if len(b.p.box) > 0 {
		dst = b.p.encode(dst)
		b.p.clear()
	}
	return dst
}

// close moves the open frame to done.
func (b *Builder) close() {
	if n := len(b.p.box); n > 0 {
		b.done = b.p.encode(b.done)
		b.held += n
		b.p.clear()
	}
}
