package picture

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// pic collects one picture.
type pic struct {
	r   *bufio.Reader
	b   []byte
	max int
}

// room makes place for n bytes more; nothing is ever held beyond the limit.
func (p *pic) room(n int) error {
	need := len(p.b) + n
	if need > p.max {
		return fmt.Errorf("%w of %d bytes", ErrTooLarge, p.max)
	}
	if need > cap(p.b) {
		b := make([]byte, len(p.b), min(p.max, max(need, 2*cap(p.b))))
		copy(b, p.b)
		p.b = b
	}
	return nil
}

func (p *pic) byte() (byte, error) {
	if err := p.room(1); err != nil {
		return 0, err
	}
	c, err := p.r.ReadByte()
	if err != nil {
		return 0, within(err)
	}
	p.b = append(p.b, c)
	return c, nil
}

// marker reads FF, any fill bytes, and the marker's code.
func (p *pic) marker() (byte, error) {
	c, err := p.byte()
	if err == nil && c != 0xFF {
		err = &brokenError{len(p.b)}
	}
	for err == nil && c == 0xFF {
		c, err = p.byte()
	}
	return c, err
}

// segment reads a marker segment by its length.
func (p *pic) segment() error {
	if err := p.room(2); err != nil {
		return err
	}
	at := len(p.b)
	for range 2 {
		if _, err := p.byte(); err != nil {
			return err
		}
	}
	n := int(binary.BigEndian.Uint16(p.b[at:])) - 2
	if n < 0 {
		return &brokenError{len(p.b)}
	}
	if err := p.room(n); err != nil {
		return err
	}
	at = len(p.b)
	p.b = p.b[:at+n]
	_, err := io.ReadFull(p.r, p.b[at:])
	return within(err)
}

// scan reads entropy-coded data, in which FF 00 is a byte and FF D0..D7 are restart
// markers, and returns the marker that ends it.
func (p *pic) scan() (byte, error) {
	for {
		b, err := p.r.ReadSlice(0xFF)
		if roomErr := p.room(len(b)); roomErr != nil {
			return 0, roomErr
		}
		p.b = append(p.b, b...)
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		c := byte(0xFF)
		for err == nil && c == 0xFF {
			c, err = p.byte()
		}
		if err != nil {
			return 0, within(err)
		}
		if c != 0 && (c < 0xD0 || c > 0xD7) {
			return c, nil
		}
	}
}

// within makes the end of a stream an unexpected one.
func within(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// Dimensions reads the width and height of a JPEG from its frame header. It knows those
// that browsers show: baseline, extended sequential and progressive. Its error is
// ErrNotJPEG.
func Dimensions(jpeg []byte) (width, height int, err error) {
	bad := func(what string) (int, int, error) {
		return 0, 0, fmt.Errorf("%w: %s", ErrNotJPEG, what)
	}
	if len(jpeg) < 4 || jpeg[0] != 0xFF || jpeg[1] != markerSOI {
		return bad("it does not begin like one")
	}
	for i := 2; i+1 < len(jpeg); {
		m := jpeg[i+1]
		switch {
		case jpeg[i] != 0xFF || m == 0 || m == markerSOI || m == markerEOI || m == markerSOS:
			return bad("no frame header")
		case m == 0xFF: // fill
			i++
			continue
		case m == 0x01 || m >= 0xD0 && m <= 0xD7:
			i += 2
			continue
		}
		if i+4 > len(jpeg) {
			break
		}
		n := int(binary.BigEndian.Uint16(jpeg[i+2:]))
		seg := jpeg[i+4:]
		if n < 2 || n-2 > len(seg) {
			break
		}
		seg = seg[:n-2]
		if !isFrame(m) {
			i += 2 + n
			continue
		}
		if m > 0xC2 {
			return bad(fmt.Sprintf("coding %d, which browsers do not show", m-0xC0))
		}
		if len(seg) < 6 {
			break
		}
		height, width = int(binary.BigEndian.Uint16(seg[1:])), int(binary.BigEndian.Uint16(seg[3:]))
		if width == 0 || height == 0 {
			return bad("no size")
		}
		return width, height, nil
	}
	return bad("it breaks off")
}
