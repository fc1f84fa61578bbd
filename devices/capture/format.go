package capture

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"labbox/devices/transport"
)

// MaxChunk is the longest chunk in bytes; Writer.Add cuts a longer one of a
// stream in two.
const MaxChunk = 64 << 10

// maxLine holds a chunk of escaped bytes.
const maxLine = 4*MaxChunk + 64

const magic = "# labbox capture 1"

// Header says what was captured.
type Header struct {
	Type string // of the device; "" unknown
	Hash string // of its type file
	Port string // as the person named it
	Baud int    // 0: not a serial line
	Date time.Time
}

// Chunk is what came or went at once.
type Chunk struct {
	At   time.Duration // since the capture began
	Sent bool          // to the device
	Kind transport.Kind
	Data []byte // of a Reader: valid until the next call
}

// ErrFormat is wrapped by every error about what a file holds; the message has
// the line.
var ErrFormat = errors.New("capture")

// AppendLine appends a chunk as a line with its newline.
func AppendLine(dst []byte, c Chunk) []byte {
	dst = strconv.AppendInt(dst, c.At.Microseconds(), 10)
	if c.Sent {
		dst = append(dst, " >"...)
	} else {
		dst = append(dst, " <"...)
	}
	switch c.Kind {
	case transport.Text:
		dst = append(dst, 't')
	case transport.Binary:
		dst = append(dst, 'b')
	case transport.Stream:
	}
	dst = append(dst, ' ')
	return append(appendQuoted(dst, c.Data), '\n')
}

func appendQuoted(dst, b []byte) []byte {
	const digits = "0123456789abcdef"
	dst = append(dst, '"')
	for _, c := range b {
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c == '\n':
			dst = append(dst, '\\', 'n')
		case c == '\r':
			dst = append(dst, '\\', 'r')
		case c == '\t':
			dst = append(dst, '\\', 't')
		case c < ' ' || c >= 0x7f:
			dst = append(dst, '\\', 'x', digits[c>>4], digits[c&15])
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}

// ParseLine reads a line without its newline; the data goes to dst.
func ParseLine(line string, dst []byte) (Chunk, error) {
	at, rest, _ := strings.Cut(line, " ")
	us, err := strconv.ParseUint(at, 10, 53)
	if err != nil {
		return Chunk{}, fmt.Errorf("%w: %.20q is no time in microseconds", ErrFormat, at)
	}
	c := Chunk{At: time.Duration(us) * time.Microsecond}
	dir, quoted, _ := strings.Cut(rest, " ")
	if dir == "" || dir[0] != '<' && dir[0] != '>' {
		return Chunk{}, fmt.Errorf("%w: %.20q is no direction, < or >", ErrFormat, dir)
	}
	c.Sent = dir[0] == '>'
	switch dir[1:] {
	case "":
	case "t":
		c.Kind = transport.Text
	case "b":
		c.Kind = transport.Binary
	default:
		return Chunk{}, fmt.Errorf("%w: %.20q is no direction: after < or > comes nothing, t or b", ErrFormat, dir)
	}
	c.Data, err = unquote(dst, strings.TrimRight(quoted, "\r"))
	return c, err
}

func unquote(dst []byte, q string) ([]byte, error) {
	if len(q) < 2 || q[0] != '"' || q[len(q)-1] != '"' {
		return nil, fmt.Errorf("%w: the bytes do not stand in double quotes", ErrFormat)
	}
	q = q[1 : len(q)-1]
	for i := 0; i < len(q); i++ {
		c := q[i]
		if c == '"' || c < ' ' || c >= 0x7f {
			return nil, fmt.Errorf("%w: byte %02x has to be escaped", ErrFormat, c)
		}
		if c != '\\' {
			dst = append(dst, c)
			continue
		}
		if i++; i >= len(q) {
			return nil, fmt.Errorf("%w: a backslash at the end", ErrFormat)
		}
		switch q[i] {
		case '"', '\\':
			dst = append(dst, q[i])
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		case 'x':
			if i+2 >= len(q) {
				return nil, fmt.Errorf("%w: \\x takes two digits", ErrFormat)
			}
			n, err := strconv.ParseUint(q[i+1:i+3], 16, 8)
			if err != nil {
				return nil, fmt.Errorf("%w: \\x takes two digits", ErrFormat)
			}
			dst = append(dst, byte(n))
			i += 2
		default:
			return nil, fmt.Errorf("%w: unknown escape \\%c", ErrFormat, q[i])
		}
	}
	if len(dst) > MaxChunk {
		return nil, fmt.Errorf("%w: a chunk of %d bytes, at most %d", ErrFormat, len(dst), MaxChunk)
	}
	return dst, nil
}

// Reader reads a capture.
type Reader struct {
	sc     *bufio.Scanner
	h      Header
	line   int
	first  string // the first chunk's line, read with the header
	last   time.Duration
	buf    []byte
	cutOff bool
}

// NewReader reads the header. Errors wrap ErrFormat.
func NewReader(r io.Reader) (*Reader, error) {
	c := &Reader{sc: bufio.NewScanner(r)}
	c.sc.Buffer(make([]byte, 0, 4096), maxLine)
	c.sc.Split(c.split)
	if !c.sc.Scan() || strings.TrimRight(c.sc.Text(), "\r") != magic {
		return nil, fmt.Errorf("%w: line 1: no capture: it begins with %q", ErrFormat, magic)
	}
	c.line = 1
	for c.sc.Scan() {
		c.line++
		text := strings.TrimRight(c.sc.Text(), "\r")
		note, isNote := strings.CutPrefix(text, "#")
		if text == "" {
			continue
		}
		if !isNote {
			c.first = text
			break
		}
		key, value, _ := strings.Cut(strings.TrimSpace(note), ":")
		value = strings.TrimSpace(value)
		switch key {
		case "type":
			c.h.Type = value
		case "hash":
			c.h.Hash = value
		case "port":
			c.h.Port = value
		case "baud":
			n, err := strconv.Atoi(value)
			if err != nil || n < 0 {
				return nil, fmt.Errorf("%w: line %d: baud %.20q", ErrFormat, c.line, value)
			}
			c.h.Baud = n
		case "date":
			t, err := time.Parse(time.RFC3339, value)
			if err != nil {
				return nil, fmt.Errorf("%w: line %d: date %.30q", ErrFormat, c.line, value)
			}
			c.h.Date = t
		}
	}
	return c, c.err()
}

// split is bufio.ScanLines that drops a last line without its newline.
func (r *Reader) split(data []byte, atEOF bool) (int, []byte, error) {
	n, tok, err := bufio.ScanLines(data, false)
	if n == 0 && atEOF && len(data) > 0 {
		r.cutOff = true
		return len(data), nil, nil
	}
	return n, tok, err
}

func (r *Reader) err() error {
	if err := r.sc.Err(); err != nil {
		return fmt.Errorf("%w: line %d: %w", ErrFormat, r.line+1, err)
	}
	return nil
}

// Header is what the file says about itself.
func (r *Reader) Header() Header { return r.h }

// CutOff says, at the end, that a last line was dropped: whoever wrote it was
// stopped in the middle.
func (r *Reader) CutOff() bool { return r.cutOff }

// Next returns the next chunk, io.EOF at the end. Other errors wrap ErrFormat.
func (r *Reader) Next() (Chunk, error) {
	text := r.first
	r.first = ""
	for text == "" || text[0] == '#' {
		if !r.sc.Scan() {
			if err := r.err(); err != nil {
				return Chunk{}, err
			}
			return Chunk{}, io.EOF
		}
		r.line++
		text = strings.TrimRight(r.sc.Text(), "\r")
	}
	c, err := ParseLine(text, r.buf[:0])
	if err != nil {
		return Chunk{}, fmt.Errorf("line %d: %w", r.line, err)
	}
	r.buf = c.Data
	if c.At < r.last {
		return Chunk{}, fmt.Errorf("line %d: %w: the time goes back", r.line, ErrFormat)
	}
	r.last = c.At
	return c, nil
}
