package framing

import (
	"bytes"
	"errors"
	"fmt"

	"labbox/firmware-protocols/checksum"
)

// ErrBody is wrapped by what Append returns: this message cannot be sent.
var ErrBody = errors.New("framing: message cannot be sent")

// Encoder wraps messages. It is not safe for concurrent use.
type Encoder struct {
	l     *layout
	plain []byte
	check *Decoder
	read  func(*Message)
	want  []byte
	good  int
	bad   int
}

// NewEncoder returns an encoder, or the *KeyError of Check.
func NewEncoder(o Options) (*Encoder, error) {
	o.SkipFirst = false
	l, err := compile(o)
	if err != nil {
		return nil, err
	}
	e := &Encoder{l: l, check: newDecoder(l)}
	e.read = func(m *Message) {
		if m.Why == OK && bytes.Equal(m.Body, e.want) {
			e.good++
		} else {
			e.bad++
		}
	}
	return e, nil
}

// Append appends the frame around body. It reads the frame back: what a decoder
// of the same Options would not read as one message with this body, such as one
// that holds the end mark, is refused with ErrBody, and dst comes back as it was.
func (e *Encoder) Append(dst, body []byte) ([]byte, error) {
	l := e.l
	if len(body) > l.max {
		return dst, fmt.Errorf("%w: %d bytes, at most %d", ErrBody, len(body), l.max)
	}
	out, err := e.append(dst, body)
	if err != nil {
		return dst, err
	}
	if err := e.readBack(out[len(dst):], body); err != nil {
		return dst, err
	}
	return out, nil
}

func (e *Encoder) append(dst, body []byte) ([]byte, error) {
	l := e.l
	if len(body) < l.extra {
		return dst, fmt.Errorf("%w: %d bytes are less than the tail's %d", ErrBody, len(body), l.extra)
	}
	content, extra := body[:len(body)-l.extra], body[len(body)-l.extra:]
	begin := len(dst)
	switch l.way {
	case sized:
		return e.sized(dst, body)
	case cobs, stuffed:
		dst = append(append(dst, l.lead...), l.start...)
		e.plain = append(append(e.plain[:0], l.start...), content...)
		if l.tail == 0 {
			e.plain = e.sum(e.plain, e.plain)
		}
		if l.way == cobs {
			return append(cobsEncode(dst, e.plain), 0), nil
		}
		dst = l.stuff(dst, e.plain[len(l.start):])
		dst = append(dst, l.mark...)
		if l.tail > 0 {
			e.plain = append(append(e.plain, l.mark...), extra...)
		}
	default:
		if l.opt.Hex {
			e.plain = append(append(e.plain[:0], l.start...), content...)
			e.plain = e.sum(e.plain, e.plain)
			dst = append(dst, l.start...)
			for _, c := range e.plain[len(l.start):] {
				dst = append(dst, digits[c>>4], digits[c&15])
			}
			return append(dst, l.mark...), nil
		}
		dst = append(append(dst, l.start...), content...)
		if l.tail == 0 {
			dst = e.sum(dst, dst[begin:])
		}
		dst = append(dst, l.mark...)
	}
	if l.tail == 0 {
		return dst, nil
	}
	dst = append(dst, extra...)
	if l.way == stuffed && !l.raw {
		dst = e.sum(dst, e.plain)
	} else {
		dst = e.sum(dst, dst[begin:])
	}
	return append(dst, l.final...), nil
}

func (e *Encoder) sized(dst, body []byte) ([]byte, error) {
	l := e.l
	begin := len(dst)
	dst = append(dst, l.start...)
	if n := l.length; n.Size > 0 {
		head := n.At - len(l.start)
		if len(body) < head {
			return dst, fmt.Errorf("%w: %d bytes do not reach the length field", ErrBody, len(body))
		}
		dst = append(dst, body[:head]...)
		body = body[head:]
		v := n.At + n.Size + len(body) + l.width + len(l.final) - n.Add
		var ok bool
		if dst, ok = n.appendValue(dst, v); !ok {
			return dst, fmt.Errorf("%w: the length field cannot hold %d", ErrBody, v)
		}
	} else if len(body) != l.max {
		return dst, fmt.Errorf("%w: %d bytes, every message has %d", ErrBody, len(body), l.max)
	}
	dst = append(dst, body...)
	dst = e.sum(dst, dst[begin:])
	return append(dst, l.final...), nil
}

// sum appends the checksum of frame.
func (e *Encoder) sum(dst, frame []byte) []byte {
	l := e.l
	if l.width == 0 {
		return dst
	}
	var x uint32
	if to := len(frame) - l.until; to >= l.from { // else the frame is refused
		x = l.sum.Sum(frame[l.from:to])
	}
	return checksum.Append(dst, l.sum, x, l.form, l.little, l.upper)
}

// readBack feeds frame to a decoder of its own.
func (e *Encoder) readBack(frame, body []byte) error {
	e.want, e.good, e.bad = body, 0, 0
	e.check.Reset()
	e.check.Feed(frame, e.read)
	pending := e.check.Pending()
	if e.l.way == silent {
		e.check.Silent(e.read)
		pending = false
	}
	e.want = nil
	empty := len(body) == 0 && e.l.passes()
	if e.bad == 0 && !pending && (e.good == 1 || empty && e.good == 0) {
		return nil
	}
	for _, mark := range [][]byte{e.l.mark, e.l.start} {
		if len(mark) > 0 && bytes.Contains(body, mark) && e.l.way == marked {
			return fmt.Errorf("%w: it holds the mark %q", ErrBody, mark)
		}
	}
	return fmt.Errorf("%w: %.64q would be read as something else", ErrBody, body)
}
