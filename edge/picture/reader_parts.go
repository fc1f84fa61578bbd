package picture

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/textproto"
	"strconv"
	"strings"
)

const (
	maxHeaders = 8 << 10 // bytes of a part's headers
	maxToken   = 200     // of a boundary; RFC 2046 has 70
)

// NewParts reads the pictures of a multipart stream (RFC 2046; x-mixed-replace, mixed).
// It takes what cameras send: a boundary declared with its dashes or other than the one
// used, line ends of LF only or none around a picture, lengths that are wrong or missing,
// padding after a picture, parts that are no picture, empty ones.
func NewParts(r io.Reader, boundary string, max int) *Reader {
	p := NewReader(r, max)
	p.parts = true
	p.token = token([]byte(boundary))
	return p
}

// token is what is looked for of a boundary.
func token(b []byte) []byte {
	t := bytes.TrimLeft(bytes.Trim(b, "\" \t\r\n"), "-")
	if len(t) > maxToken {
		t = t[:maxToken]
	}
	return t
}

// nextPart goes to the next part that may be a picture, and reads its headers and SOI.
func (r *Reader) nextPart() (textproto.MIMEHeader, error) {
	if !r.began {
		r.began = true
		if err := r.learn(); err != nil {
			return nil, err
		}
	}
	for {
		if err := r.delimiter(); err != nil {
			return nil, err
		}
		h, err := r.headers()
		if err != nil {
			return nil, err
		}
		soi, err := r.body(h)
		if soi || err != nil {
			return h, err
		}
		if err := r.skip(0, true); err != nil {
			return nil, err
		}
	}
}

// learn takes the boundary from the first line where that is one: what is sent counts
// more than what was declared.
func (r *Reader) learn() error {
	for {
		b, err := r.r.Peek(2)
		if err != nil && len(b) == 0 {
			return err
		}
		if b[0] != '\r' && b[0] != '\n' {
			if string(b) != "--" && len(r.token) > 0 {
				return nil
			}
			break
		}
		_, _ = r.r.Discard(1)
		if err := r.skip(1, false); err != nil {
			return err
		}
	}
	// byte by byte, as a Peek for more would wait for more than the line
	for n := 2; n <= maxToken; n++ {
		b, err := r.r.Peek(n)
		if err != nil {
			return within(err)
		}
		if b[0] != '-' {
			break
		}
		if b[n-1] != '\n' {
			continue
		}
		if t := token(b); len(t) > 0 && (len(r.token) == 0 || !bytes.Contains(b, r.token)) {
			r.token = bytes.Clone(t)
		}
		break
	}
	if len(r.token) == 0 {
		return fmt.Errorf("%w: no boundary between parts", ErrNotJPEG)
	}
	return nil
}

// delimiter goes behind the next boundary's line. The end of the last part is io.EOF.
func (r *Reader) delimiter() error {
	first, n := r.token[0], len(r.token)
	for {
		b, err := r.r.ReadSlice(first)
		full := errors.Is(err, bufio.ErrBufferFull)
		if err != nil && !full {
			return err
		}
		if err := r.skip(len(b), false); err != nil {
			return err
		}
		if full {
			continue
		}
		rest, err := r.r.Peek(n - 1)
		if err != nil {
			return within(err)
		}
		if !bytes.Equal(rest, r.token[1:]) {
			continue
		}
		_, _ = r.r.Discard(n - 1)
		line, err := r.line()
		if err == nil && strings.HasPrefix(line, "--") {
			return io.EOF
		}
		return err
	}
}

// headers reads those of a part, up to the empty line or to a picture that begins
// without one.
func (r *Reader) headers() (textproto.MIMEHeader, error) {
	h := textproto.MIMEHeader{}
	for read := 0; read < maxHeaders; {
		if b, err := r.r.Peek(2); err == nil && b[0] == 0xFF && b[1] == markerSOI {
			return h, nil
		}
		line, err := r.line()
		if err != nil {
			return nil, err
		}
		read += len(line) + 2
		if line == "" {
			return h, nil
		}
		if strings.HasPrefix(line, "--") && strings.Contains(line, string(r.token)) {
			if strings.HasSuffix(line, string(r.token)+"--") {
				return nil, io.EOF
			}
			h = textproto.MIMEHeader{} // the part before was empty
			continue
		}
		if k, v, ok := strings.Cut(line, ":"); ok {
			h.Add(strings.TrimSpace(k), strings.TrimSpace(v))
		}
	}
	return nil, fmt.Errorf("%w: headers of a part over %d bytes", ErrNotJPEG, maxHeaders)
}

// line reads one, of any length below the limit, without its end.
func (r *Reader) line() (string, error) {
	b, err := r.r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) || err == nil && len(b) > maxHeaders {
		return "", fmt.Errorf("%w: headers of a part over %d bytes", ErrNotJPEG, maxHeaders)
	}
	if len(b) > 0 && errors.Is(err, io.EOF) {
		err = nil
	}
	return string(bytes.TrimRight(b, " \t\r\n")), within(err)
}

// body says whether a picture begins, and reads its SOI then.
func (r *Reader) body(h textproto.MIMEHeader) (bool, error) {
	kind := strings.ToLower(h.Get("Content-Type"))
	if kind != "" && !strings.HasPrefix(kind, "image/") && !strings.HasPrefix(kind, "application/octet-stream") {
		return false, nil
	}
	// a length is used for nothing else: a picture's end is seen in itself
	if n, err := strconv.ParseInt(h.Get("Content-Length"), 10, 64); err == nil && n > int64(r.max) {
		return false, fmt.Errorf("%w of %d bytes: %d", ErrTooLarge, r.max, n)
	} else if err == nil && n == 0 {
		return false, nil
	}
	for {
		b, err := r.r.Peek(3)
		if err != nil {
			return false, within(err)
		}
		if b[0] == '\r' || b[0] == '\n' {
			_, _ = r.r.Discard(1)
			if err := r.skip(1, false); err != nil {
				return false, err
			}
			continue
		}
		if b[0] != 0xFF || b[1] != markerSOI || b[2] != 0xFF {
			return false, nil
		}
		_, _ = r.r.Discard(2)
		return true, nil
	}
}
