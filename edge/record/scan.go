package record

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"
)

// rec is one valid record. The payload is valid until the next call of next.
type rec struct {
	kind    byte
	index   uint64
	at      time.Duration
	payload []byte
	off     int64
	skipped int64 // damaged bytes right before it
}

// scanner reads the records of a segment and steps over damage. Memory stays
// within one record and one chunk.
type scanner struct {
	r       io.ReaderAt
	off     int64 // where to look next
	end     int64
	good    int64 // end of the last valid record
	salt    uint32
	salted  bool
	damaged int64 // bytes skipped so far
	buf     []byte
	bufOff  int64
}

const chunk = 128 << 10

func newScanner(r io.ReaderAt, off, end int64) *scanner {
	return &scanner{r: r, off: off, end: end, good: off}
}

// at returns n bytes at off, nil where the segment ends before.
func (s *scanner) at(off int64, n int) ([]byte, error) {
	if off+int64(n) > s.end {
		return nil, nil
	}
	if i := off - s.bufOff; i >= 0 && i+int64(n) <= int64(len(s.buf)) {
		return s.buf[i : i+int64(n)], nil
	}
	want := int(min(int64(max(n, chunk)), s.end-off))
	if cap(s.buf) < want {
		s.buf = make([]byte, want)
	}
	s.buf, s.bufOff = s.buf[:want], off
	got, err := s.r.ReadAt(s.buf, off)
	s.buf = s.buf[:got]
	if got < n {
		if err == nil || errors.Is(err, io.EOF) {
			s.end = off + int64(got) // shorter than it was said to be
			return nil, nil
		}
		return nil, fmt.Errorf("record: read segment: %w", err)
	}
	return s.buf[:n], nil
}

// next returns the next valid record, ok false at the end of the segment.
func (s *scanner) next() (r rec, ok bool, err error) {
	le := binary.LittleEndian
	from := s.off
	for {
		b, err := s.at(s.off, headSize)
		if b == nil || err != nil {
			return rec{}, false, err
		}
		if le.Uint32(b) != marker || crc(b[8:headSize]) != le.Uint32(b[4:]) || s.salted && le.Uint32(b[16:]) != s.salt {
			s.off += 8
			continue
		}
		n := int(le.Uint32(b[12:]))
		sum, salt := le.Uint32(b[8:]), le.Uint32(b[16:])
		r = rec{kind: b[20], index: le.Uint64(b[24:]), at: time.Duration(le.Uint64(b[32:])), off: s.off}
		if n > maxPayload {
			s.off += 8
			continue
		}
		size := int64(headSize + pad8(n))
		if b, err = s.at(s.off, int(size)); err != nil {
			return rec{}, false, err
		}
		if b == nil { // its length leaves the file: torn, but look on
			s.off += 8
			continue
		}
		if crc(b[headSize:headSize+n]) != sum {
			s.off += size
			continue
		}
		s.salt, s.salted = salt, true
		r.payload = b[headSize : headSize+n : headSize+n]
		r.skipped = r.off - from
		s.damaged += r.skipped
		s.off += size
		s.good = s.off
		return r, true, nil
	}
}
