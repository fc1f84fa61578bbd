package record

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// Kinds of records in a picture file.
const (
	picHeader  = 1
	picCamera  = 2
	picPicture = 3
)

const (
	picMarker   = 0xA7676550
	picHeadSize = 48
	maxPicture  = 64 << 20
	maxPicJSON  = 64 << 10 // of a header or a camera
)

// picHead is the head of a record in a picture file.
type picHead struct {
	kind   byte
	camera int // its place in edge.Run.Cameras
	size   int // of the payload
	sum    uint32
	salt   uint32
	boot   uint64
	at     time.Duration
	wall   int64 // wall minus monotonic clock, ns
}

// space is what the record takes.
func (h *picHead) space() int64 { return picHeadSize + int64(pad8(h.size)) }

func appendPic(dst []byte, h picHead, payload []byte) []byte {
	var b [picHeadSize]byte
	le := binary.LittleEndian
	le.PutUint32(b[0:], picMarker)
	le.PutUint32(b[8:], crc(payload))
	le.PutUint32(b[12:], uint32(len(payload)))
	le.PutUint32(b[16:], h.salt)
	b[20] = h.kind
	le.PutUint16(b[22:], uint16(h.camera))
	le.PutUint64(b[24:], h.boot)
	le.PutUint64(b[32:], uint64(h.at))
	le.PutUint64(b[40:], uint64(h.wall))
	le.PutUint32(b[4:], crc(b[8:]))
	dst = append(append(dst, b[:]...), payload...)
	var zero [8]byte
	return append(dst, zero[:pad8(len(payload))-len(payload)]...)
}

func parsePicHead(b []byte) (h picHead, ok bool) {
	le := binary.LittleEndian
	if le.Uint32(b) != picMarker || le.Uint32(b[4:]) != crc(b[8:picHeadSize]) {
		return h, false
	}
	h = picHead{kind: b[20], camera: int(le.Uint16(b[22:])), size: int(le.Uint32(b[12:])), sum: le.Uint32(b[8:]), salt: le.Uint32(b[16:]),
		boot: le.Uint64(b[24:]), at: time.Duration(le.Uint64(b[32:])), wall: int64(le.Uint64(b[40:]))}
	return h, h.size <= maxPicture
}

// picFileHeader is the first record's payload.
type picFileHeader struct {
	Format int    `json:"format"`
	Box    string `json:"box"`
	Device string `json:"device"`
	Run    string `json:"run"`
}

// picScanner finds the records of a picture file by their heads and steps over
// damage; payloads it does not read.
type picScanner struct {
	r       io.ReaderAt
	off     int64 // where to look next
	end     int64
	good    int64 // end of the last record
	salt    uint32
	salted  bool
	damaged int64 // bytes skipped so far
	search  bool  // the last look found nothing
	buf     []byte
	bufOff  int64
}

// head returns the bytes of a head at s.off, nil where the file ends before.
func (s *picScanner) head() ([]byte, error) {
	if s.off+picHeadSize > s.end {
		return nil, nil
	}
	if i := s.off - s.bufOff; i >= 0 && i+picHeadSize <= int64(len(s.buf)) {
		return s.buf[i : i+picHeadSize], nil
	}
	n := int64(512)
	if s.search {
		n = chunk
	}
	n = min(n, s.end-s.off)
	if int64(cap(s.buf)) < n {
		s.buf = make([]byte, n)
	}
	got, err := s.r.ReadAt(s.buf[:n], s.off)
	s.buf, s.bufOff = s.buf[:got], s.off
	if got < picHeadSize {
		if err == nil || errors.Is(err, io.EOF) {
			s.end = s.off + int64(got) // shorter than it was said to be
			return nil, nil
		}
		return nil, fmt.Errorf("record: read pictures: %w", err)
	}
	return s.buf[:picHeadSize], nil
}

// next returns the next record's head and where it stands, ok false at the end.
func (s *picScanner) next() (h picHead, at int64, ok bool, err error) {
	from := s.off
	for {
		b, err := s.head()
		if b == nil || err != nil {
			return h, 0, false, err
		}
		h, ok := parsePicHead(b)
		if !ok || s.salted && h.salt != s.salt || s.off+h.space() > s.end { // torn, too: but look on
			s.off += 8
			s.search = true
			continue
		}
		s.salt, s.salted, s.search = h.salt, true, false
		at := s.off
		s.damaged += at - from
		s.off += h.space()
		s.good = s.off
		return h, at, true, nil
	}
}

var errPicture = errors.New("record: the picture is damaged")

// readPic reads and checks the record at off, whose payload has size bytes.
func readPic(r io.ReaderAt, off int64, size int) (picHead, []byte, error) {
	b := make([]byte, picHeadSize+size)
	if n, err := r.ReadAt(b, off); n < len(b) {
		if errors.Is(err, io.EOF) {
			err = errPicture
		}
		return picHead{}, nil, err
	}
	h, ok := parsePicHead(b[:picHeadSize])
	payload := b[picHeadSize:]
	if !ok || h.size != size || crc(payload) != h.sum {
		return picHead{}, nil, errPicture
	}
	return h, payload, nil
}

// readPicJSON reads a header or a camera; false where it is damaged.
func readPicJSON(r io.ReaderAt, off int64, h *picHead, v any) (bool, error) {
	if h.size > maxPicJSON {
		return false, nil
	}
	_, b, err := readPic(r, off, h.size)
	if errors.Is(err, errPicture) {
		return false, nil
	}
	return err == nil && json.Unmarshal(b, v) == nil, err
}
