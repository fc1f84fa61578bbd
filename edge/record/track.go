package record

import (
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"labbox/edge"
	"labbox/edge/frame"
)

// track is the recording of one device: a bounded buffer that the device's
// owner fills, and the segment that the writer empties it into.
type track struct {
	device string

	mu   sync.Mutex
	buf  []byte // whole records
	cuts []cut
	info ContractInfo
	held int     // bytes in buf and out
	drop dropped // since the last frame that was taken

	// Of the writer goroutine alone.
	out      []byte
	outAt    int
	outCuts  []cut
	outInfo  ContractInfo
	file     segmentFile
	salt     uint32
	index    uint64
	opened   time.Duration
	dirty    bool
	dirDirty bool

	// Under Store.mu.
	segments []*segment
	next     uint64 // number of the next segment
}

// cut says that a new segment begins at this offset.
type cut struct {
	at   int
	info ContractInfo
}

// dropped is what the buffer had no room for.
type dropped struct {
	any    bool
	said   bool // a gap record stands in the buffer
	lost   uint32
	reason string
}

// Contract gives the contract and calibration of the frames that follow. Another
// one than before begins a new segment.
func (s *Store) Contract(device string, c ContractInfo) error {
	t, err := s.track(device)
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.info.same(c) {
		t.info = c
		t.cuts = append(t.cuts, cut{len(t.buf), c})
	}
	return nil
}

// Frame records one frame, or several that stand one behind the other. It copies
// the bytes and does not wait for the disk; what finds no room in the buffer
// becomes a declared gap. Bytes that are no frame are an error (contract).
func (s *Store) Frame(device string, frames []byte) error {
	t, err := s.track(device)
	if err != nil {
		return err
	}
	defer s.nudge()
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(frames) > 0 {
		v, rest, err := frame.Parse(frames)
		if err == nil && v.Header().MinMax() {
			err = fmt.Errorf("record: a min/max view is no recording")
		}
		if err != nil {
			return edge.Errorf(edge.CodeContract, "%w", err)
		}
		frames = rest
		if t.held+len(v.Bytes())+2*headSize+64 > s.cfg.BufferBytes {
			h := v.Header()
			s.dropped(t, frame.AddLost(h.Lost, uint32(h.Samples)))
			continue
		}
		t.sayDropped(s.cfg.Clock.Mono())
		at := len(t.buf)
		t.buf = appendRecord(t.buf, kindFrame, v.Header().T0, v.Bytes())
		if t.drop.any { // the frame itself says what is missing before it
			payload := t.buf[at+headSize : at+headSize+len(v.Bytes())]
			frame.SetLost(payload, frame.AddLost(v.Header().Lost, t.drop.lost))
			resum(t.buf[at:], payload)
			t.drop = dropped{}
		}
		t.held += len(t.buf) - at
	}
	return nil
}

// dropped notes lost samples; t.mu is held.
func (s *Store) dropped(t *track, lost uint32) {
	if !t.drop.any || t.drop.reason == "" {
		t.drop.reason = "overflow"
		if s.faulty() {
			t.drop.reason = "disk"
		}
	}
	t.drop.any, t.drop.said = true, false
	t.drop.lost = frame.AddLost(t.drop.lost, lost)
}

// sayDropped puts a gap record into the buffer; t.mu is held.
func (t *track) sayDropped(now time.Duration) {
	if !t.drop.any || t.drop.said {
		return
	}
	b, err := json.Marshal(Gap{Lost: t.drop.lost, Reason: t.drop.reason})
	if err != nil {
		return
	}
	at := len(t.buf)
	t.buf = appendRecord(t.buf, kindGap, now, b)
	t.held += len(t.buf) - at
	t.drop.said = true
}

// Event records one event, as JSON, in order with the frames.
func (s *Store) Event(device string, event []byte, at time.Duration) error {
	if len(event) > maxEvent || !json.Valid(event) {
		return edge.Errorf(edge.CodeTooLarge, "an event is JSON of at most %d bytes", maxEvent)
	}
	t, err := s.track(device)
	if err != nil {
		return err
	}
	defer s.nudge()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.held+len(event)+2*headSize > s.cfg.BufferBytes {
		s.dropped(t, 0)
		return edge.Errorf(edge.CodeStoreFull, "the recorder's buffer is full")
	}
	n := len(t.buf)
	t.buf = appendRecord(t.buf, kindEvent, at, event)
	t.held += len(t.buf) - n
	return nil
}

// nudge wakes the writer.
func (s *Store) nudge() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}
