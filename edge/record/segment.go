package record

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"time"

	"labbox/edge/frame"
)

// Kinds of records.
const (
	kindHeader = 1
	kindFrame  = 2
	kindEvent  = 3
	kindGap    = 4
	kindEnd    = 5
)

const (
	marker     = 0xA7676553
	headSize   = 40
	endPayload = 24
	endSize    = headSize + endPayload
	maxPayload = frame.MaxSize
	maxEvent   = 256 << 10
	format     = 1
)

func crc(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

func pad8(n int) int { return (n + 7) &^ 7 }

// appendRecord appends one record. Salt and index are stamped when it is
// written, see stamp.
func appendRecord(dst []byte, kind byte, at time.Duration, payload []byte) []byte {
	var head [headSize]byte
	le := binary.LittleEndian
	le.PutUint32(head[0:], marker)
	le.PutUint32(head[8:], crc(payload))
	le.PutUint32(head[12:], uint32(len(payload)))
	head[20] = kind
	le.PutUint64(head[32:], uint64(at))
	dst = append(dst, head[:]...)
	dst = append(dst, payload...)
	for range pad8(len(payload)) - len(payload) {
		dst = append(dst, 0)
	}
	return dst
}

// resum sets the payload's checksum after the payload was changed in place.
func resum(b, payload []byte) { binary.LittleEndian.PutUint32(b[8:], crc(payload)) }

// recordSize is the size of the record at the start of b, which holds whole
// records of our own making.
func recordSize(b []byte) int {
	return headSize + pad8(int(binary.LittleEndian.Uint32(b[12:])))
}

// stamp completes the head at the start of b.
func stamp(b []byte, salt uint32, index uint64) {
	le := binary.LittleEndian
	le.PutUint32(b[16:], salt)
	le.PutUint64(b[24:], index)
	le.PutUint32(b[4:], crc(b[8:headSize]))
}

// header is the first record's payload.
type header struct {
	Format     int          `json:"format"`
	Box        string       `json:"box"`
	Device     string       `json:"device"`
	Number     uint64       `json:"number"`
	Boot       uint64       `json:"boot"`
	Salt       uint32       `json:"salt"`
	WallOffset int64        `json:"wall_offset_ns"`
	Contract   ContractInfo `json:"contract"`
}

func parseHeader(b []byte) (h header, err error) {
	if err := json.Unmarshal(b, &h); err != nil {
		return h, fmt.Errorf("record: segment header: %w", err)
	}
	if h.Format != format {
		return h, fmt.Errorf("record: segment format %d, this program reads %d", h.Format, format)
	}
	return h, nil
}

// span is the box time that a segment covers, and its samples.
type span struct {
	first, last time.Duration
	samples     uint64
	any         bool
}

func (s *span) cover(first, last time.Duration, samples int) {
	if !s.any {
		s.first, s.last, s.any = first, last, true
	}
	s.first, s.last = min(s.first, first), max(s.last, last)
	s.samples += uint64(samples)
}

// record adds the record's time to the span.
func (s *span) record(r *rec) {
	first, last, n := r.at, r.at, 0
	if r.kind == kindFrame {
		if v, _, err := frame.Parse(r.payload); err == nil {
			first, last, n = frameSpan(v)
		}
	}
	s.cover(first, last, n)
}

func frameSpan(v frame.View) (first, last time.Duration, n int) {
	h := v.Header()
	if h.Samples == 0 {
		return h.T0, h.T0, 0
	}
	return h.T0, max(h.T0, v.BoxTime(h.Samples-1)), h.Samples
}

func appendEnd(dst []byte, s span) []byte {
	var p [endPayload]byte
	le := binary.LittleEndian
	le.PutUint64(p[0:], uint64(s.first))
	le.PutUint64(p[8:], uint64(s.last))
	le.PutUint64(p[16:], s.samples)
	return appendRecord(dst, kindEnd, s.last, p[:])
}

func parseEnd(p []byte) (s span, ok bool) {
	if len(p) != endPayload {
		return s, false
	}
	le := binary.LittleEndian
	return span{time.Duration(le.Uint64(p)), time.Duration(le.Uint64(p[8:])), le.Uint64(p[16:]), true}, true
}
