package devices

import (
	"hash/fnv"
	"math"
	"sync"
	"time"

	"labbox/edge"
	"labbox/edge/frame"
)

// stream turns samples into frames for the sinks, and remembers the newest
// values. It is safe for concurrent use: the reader adds, a ticker flushes.
type stream struct {
	device string
	sinks  []edge.Sink
	id     uint64

	naming sync.Mutex // held while a contract is made and announced: the newest is the last

	mu     sync.Mutex
	epoch  uint32
	c      *edge.Contract
	b      *frame.Builder
	buf    []byte
	seq    uint64
	counts edge.StatusCount
	values []float64 // shown, newest
	came   []time.Duration
	at     time.Duration
	any    bool
	rate   rateMeter

	pause  time.Duration // between samples: longer is a gap; 0: their count tells
	marked bool          // the gap before the next sample is
}

// streamID names a device's stream: 53 bits, so that JavaScript can hold it.
func streamID(box, device string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(box + "/" + device))
	return h.Sum64() >> 11
}

func newStream(box, device string, sinks []edge.Sink) *stream {
	return &stream{device: device, sinks: sinks, id: streamID(box, device)}
}

// restart begins an epoch under a contract.
func (s *stream) restart(epoch uint32, c *edge.Contract, deviceTime bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flushLocked()
	s.epoch, s.c, s.seq = epoch, c, 0
	s.values, s.came = make([]float64, len(c.Channels)), make([]time.Duration, len(c.Channels))
	for i := range s.values {
		s.values[i] = math.NaN()
	}
	if len(c.Channels) == 0 {
		s.b = nil
		return
	}
	s.b = frame.NewBuilder(s.id, epoch, 0, columns(c), deviceTime)
	for _, k := range s.sinks {
		k.Stream(s.device, epoch, c)
	}
}

// relabel announces a contract that changes nothing of what frames mean, such as
// narrower limits: the epoch goes on.
func (s *stream) relabel(c *edge.Contract) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flushLocked()
	if s.c == nil { // it has not begun
		return
	}
	s.c = c
	for _, k := range s.sinks {
		k.Stream(s.device, s.epoch, c)
	}
}

func (s *stream) add(at time.Duration, deviceUS float64, row []float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.b == nil {
		return
	}
	if s.any && !s.marked && s.pause > 0 && at-s.at > s.pause {
		s.b.Lose(frame.LostUnknown)
		s.counts.Lost++
	}
	s.marked = false
	s.b.Add(at, deviceUS, row)
	s.seq++
	s.counts.Samples++
	for i, x := range row {
		if !math.IsNaN(x) && i < len(s.values) {
			s.values[i], s.came[i] = x*s.c.Channels[i].Scale+s.c.Channels[i].Offset, at
		}
	}
	s.at, s.any = at, true
	s.rate.add(at)
	if s.b.Len() >= 256 {
		s.flushLocked()
	}
}

// expect sets how long a live device's data may pause without a gap: until they
// count as old. Of a device that counts its samples every gap is known.
func (s *stream) expect(t *Type) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pause = t.Stale; t.Count != nil {
		s.pause = 0
	}
}

func (s *stream) lose(n uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.b == nil {
		return
	}
	s.b.Lose(n)
	s.marked = true
	if n != frame.LostUnknown {
		s.seq += uint64(n)
		s.counts.Lost += uint64(n)
	} else {
		s.counts.Lost++
	}
}

func (s *stream) flush() {
	s.mu.Lock()
	s.flushLocked()
	s.mu.Unlock()
}

func (s *stream) flushLocked() {
	if s.b == nil || s.b.Len() == 0 {
		return
	}
	s.buf = s.b.AppendFrame(s.buf[:0])
	for rest := s.buf; len(rest) > 0; {
		v, more, err := frame.Parse(rest)
		if err != nil { // whatever it is, it costs these samples and no other device
			s.counts.Garbage++
			s.b.Lose(frame.LostUnknown)
			return
		}
		for _, k := range s.sinks {
			k.Frame(s.device, v.Bytes())
		}
		rest = more
	}
}

// garbage counts a record that was not understood.
func (s *stream) garbage() {
	s.mu.Lock()
	s.counts.Garbage++
	s.mu.Unlock()
}

// newest returns the time of the last sample; ok is false before the first.
func (s *stream) newest() (at time.Duration, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.at, s.any
}

// shown returns a channel's newest shown value, NaN where there is none.
func (s *stream) shown(channel string) float64 {
	x, _ := s.reading(channel)
	return x
}

// reading is shown with the box time at which the value was taken.
func (s *stream) reading(channel string) (x float64, at time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.c != nil {
		if i := s.c.Channel(channel); i >= 0 && i < len(s.values) {
			return s.values[i], s.came[i]
		}
	}
	return math.NaN(), 0
}

func (s *stream) info(now time.Duration) (edge.StreamInfo, edge.StatusCount) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return edge.StreamInfo{ID: s.id, Epoch: s.epoch, Seq: s.seq, RateHz: s.rate.hz(now)}, s.counts
}

// rateMeter counts samples in half-second bins over the last two seconds.
type rateMeter struct {
	bins [5]int
	bin  int64
}

const rateBin = 500 * time.Millisecond

func (r *rateMeter) roll(now time.Duration) {
	b := int64(now / rateBin)
	for i := r.bin + 1; i <= b && i <= r.bin+int64(len(r.bins)); i++ {
		r.bins[i%int64(len(r.bins))] = 0
	}
	r.bin = max(r.bin, b)
}

func (r *rateMeter) add(now time.Duration) {
	r.roll(now)
	r.bins[r.bin%int64(len(r.bins))]++
}

// hz is the mean over the four whole bins before the present one.
func (r *rateMeter) hz(now time.Duration) float64 {
	r.roll(now)
	n := 0
	for i := int64(1); i < int64(len(r.bins)) && r.bin-i >= 0; i++ {
		n += r.bins[(r.bin-i)%int64(len(r.bins))]
	}
	return float64(n) / (rateBin.Seconds() * float64(len(r.bins)-1))
}
