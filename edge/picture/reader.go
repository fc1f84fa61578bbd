package picture

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/textproto"
)

// What is wrong with a stream; tell them apart with errors.Is. Any other error is that
// of the reader below: io.EOF between two pictures, io.ErrUnexpectedEOF within one.
var (
	ErrTooLarge = errors.New("picture is over the limit")
	ErrNotJPEG  = errors.New("not a JPEG")
)

// Limits of what is skipped between two pictures; beyond them it is ErrNotJPEG.
const (
	maxSkipped = 64 << 10 // bytes, besides the limit of a picture
	maxBroken  = 64       // parts without a picture, or broken pictures
)

const (
	markerSOI = 0xD8
	markerEOI = 0xD9
	markerSOS = 0xDA
)

// Reader takes the JPEGs out of a stream. It is for one goroutine.
//
// A picture is found by its marker segments (ITU-T T.81, annex B), not by looking for
// its end: a thumbnail in its header holds an end of its own. It is handed out when its
// last byte has come, without waiting for what follows. One that breaks off, or is none,
// is skipped; the stream goes on at the next.
type Reader struct {
	r       *bufio.Reader
	max     int
	parts   bool
	token   []byte // the boundary without leading dashes; nil: not known yet
	began   bool   // the stream's first line was looked at
	atSOI   bool   // the two bytes of an SOI have been read
	given   bool   // there was a picture
	size    int    // of the last picture
	skipped int    // bytes since then
	broken  int
	err     error
}

// NewReader reads JPEGs one after another, as a program writes them that has no
// container around them (ffmpeg -f mjpeg, image2pipe). A picture has at most max bytes.
func NewReader(r io.Reader, max int) *Reader {
	return &Reader{r: bufio.NewReaderSize(r, 32<<10), max: max}
}

// Next is the next picture, which is the caller's from then on, and the headers of its
// part (nil without parts). After an error there is no other picture.
func (r *Reader) Next() ([]byte, textproto.MIMEHeader, error) {
	for r.err == nil {
		var h textproto.MIMEHeader
		var jpeg []byte
		if r.parts {
			h, r.err = r.nextPart()
		} else if !r.atSOI {
			r.err = r.seek()
		}
		if r.err == nil {
			jpeg, r.err = r.jpeg()
		}
		var b *brokenError
		if errors.As(r.err, &b) {
			r.err = r.skip(b.read, true)
			continue
		}
		if r.err == nil {
			r.given, r.size, r.skipped, r.broken = true, len(jpeg), 0, 0
			return jpeg, h, nil
		}
	}
	nothing := r.skipped > 0 && !r.parts || r.broken > 0
	if !r.given && nothing && (errors.Is(r.err, io.EOF) || errors.Is(r.err, io.ErrUnexpectedEOF)) {
		r.err = fmt.Errorf("%w: %d bytes without a picture", ErrNotJPEG, r.skipped)
	}
	return nil, nil, r.err
}

// brokenError says that what looked like a picture is none, and how much of it was read.
type brokenError struct{ read int }

func (*brokenError) Error() string { return "broken picture" }

// skip counts what was no picture.
func (r *Reader) skip(n int, broken bool) error {
	r.skipped += n
	if broken {
		r.broken++
	}
	if r.skipped > r.max+maxSkipped || r.broken > maxBroken {
		return fmt.Errorf("%w: %d bytes without a picture", ErrNotJPEG, r.skipped)
	}
	return nil
}

// seek goes to the next beginning of a picture, and reads its SOI.
func (r *Reader) seek() error {
	for {
		b, err := r.r.ReadSlice(0xFF)
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			r.skipped += len(b)
			return err
		}
		if err == nil {
			// the byte after an SOI begins a marker, too: FF D8 alone is found in noise
			next, err := r.r.Peek(2)
			if err == nil && next[0] == markerSOI && next[1] == 0xFF {
				if err := r.skip(len(b)-1, false); err != nil {
					return err
				}
				r.atSOI = true
				_, err = r.r.Discard(1)
				return err
			}
		}
		if err := r.skip(len(b), false); err != nil {
			return err
		}
	}
}

// jpeg reads one picture whose SOI has been read. A brokenError leaves the stream
// anywhere, or at the next picture with atSOI.
func (r *Reader) jpeg() ([]byte, error) {
	r.atSOI = false
	p := pic{r: r.r, max: r.max, b: make([]byte, 0, min(r.max, max(4096, r.size+r.size/8)))}
	p.b = append(p.b, 0xFF, markerSOI)
	frame, scan := false, false
	m, err := p.marker()
	for err == nil {
		switch {
		case m == markerEOI && scan:
			return p.b, nil
		case m == markerSOI:
			r.atSOI = true // the one before broke off
			return nil, &brokenError{len(p.b) - 2}
		case m == 0x01 || m >= 0xD0 && m <= 0xD7: // stand alone
			m, err = p.marker()
			continue
		case m == 0 || m == markerEOI || m == markerSOS && !frame:
			return nil, &brokenError{len(p.b)}
		}
		if err = p.segment(); err != nil {
			break
		}
		frame = frame || isFrame(m)
		if m == markerSOS {
			scan = true
			m, err = p.scan()
		} else {
			m, err = p.marker()
		}
	}
	return nil, err
}

// isFrame says whether a marker is that of a frame header (SOF).
func isFrame(m byte) bool {
	return m >= 0xC0 && m <= 0xCF && m != 0xC4 && m != 0xC8 && m != 0xCC
}
