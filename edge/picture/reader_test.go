package picture_test

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"net/textproto"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"labbox/edge"
	"labbox/edge/picture"
)

// drawn is a JPEG whose entropy-coded data is not small.
func drawn(t testing.TB, w, h, seed int) []byte {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for i := range img.Pix {
		img.Pix[i] = byte((i*i + seed*i) >> 5)
	}
	img.Set(0, 0, color.Black)
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 95}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// withThumbnail puts a whole JPEG into a header segment.
func withThumbnail(j, thumb []byte) []byte {
	b := append([]byte{0xFF, 0xD8, 0xFF, 0xE1, byte((len(thumb) + 8) >> 8), byte(len(thumb) + 8)}, "Exif\x00\x00"...)
	return append(append(b, thumb...), j[2:]...)
}

// scans is the frame of a picture with two scans, restart markers, fill bytes and a
// stuffed FF; decoders would refuse its data.
func scans() []byte {
	b := []byte{0xFF, 0xD8, 0xFF, 0xFF, 0xC2, 0, 8, 8, 0, 16, 0, 32, 0}
	for range 2 {
		b = append(b, 0xFF, 0xDA, 0, 3, 1, 'x', 0xFF, 0x00, 0xD9, 0xFF, 0xD3, 'y', 0xFF, 0xFF)
		b = append(b, 0xC4, 0, 4, 0xFF, 0xD9)
	}
	return append(b, 0xFF, 0xD9)
}

type got struct {
	jpegs   [][]byte
	headers []textproto.MIMEHeader
	err     error
}

func all(r *picture.Reader) (g got) {
	for {
		j, h, err := r.Next()
		if err != nil {
			g.err = err
			return g
		}
		g.jpegs, g.headers = append(g.jpegs, j), append(g.headers, h)
	}
}

func want(t *testing.T, g got, err error, jpegs ...[]byte) {
	t.Helper()
	if !errors.Is(g.err, err) {
		t.Errorf("ended with %v, want %v", g.err, err)
	}
	if len(g.jpegs) != len(jpegs) {
		t.Fatalf("%d pictures, want %d (%v)", len(g.jpegs), len(jpegs), g.err)
	}
	for i := range jpegs {
		if !bytes.Equal(g.jpegs[i], jpegs[i]) {
			t.Errorf("picture %d is another one: %d bytes, want %d", i, len(g.jpegs[i]), len(jpegs[i]))
		}
	}
}

const limit = 1 << 20

func TestReader(t *testing.T) {
	a, b := drawn(t, 64, 48, 3), drawn(t, 320, 240, 5)
	thumb := withThumbnail(b, a)
	join := func(p ...any) []byte {
		var out []byte
		for _, p := range p {
			switch p := p.(type) {
			case string:
				out = append(out, p...)
			case []byte:
				out = append(out, p...)
			}
		}
		return out
	}
	for _, c := range []struct {
		name   string
		stream []byte
		err    error
		want   [][]byte
	}{
		{"nothing", nil, io.EOF, nil},
		{"two", join(a, b), io.EOF, [][]byte{a, b}},
		{"a thumbnail with an end of its own", join(thumb, a), io.EOF, [][]byte{thumb, a}},
		{"two scans", join(scans(), a), io.EOF, [][]byte{scans(), a}},
		{"garbage between", join("hello\xff\xd8\x00", a, "\r\n\xff\xff", b, "bye"), io.EOF, [][]byte{a, b}},
		{"cut off, then the next", join(a, b[:len(b)/2], a), io.EOF, [][]byte{a, a}},
		{"cut off in its header", join(b[:4], a, b, b, b, b, b), io.EOF, nil}, // see below
		{"cut off at the end", join(a, b[:len(b)-1]), io.ErrUnexpectedEOF, [][]byte{a}},
		{"text", join(strings.Repeat("no picture here\n", 100)), picture.ErrNotJPEG, nil},
		{"text without end", bytes.Repeat([]byte("no picture here\n"), 200_000), picture.ErrNotJPEG, nil},
		{"an end without a scan", join("\xff\xd8\xff\xd9", a), io.EOF, [][]byte{a}},
		{"broken ones without end", bytes.Repeat([]byte("\xff\xd8\xff\xd9"), 1000), picture.ErrNotJPEG, nil},
		{"too large", join(a, b[:600], bytes.Repeat([]byte{7}, limit), a), picture.ErrTooLarge, [][]byte{a}},
		{"too large in its header", join(a, "\xff\xd8", bytes.Repeat(join("\xff\xe1\xff\xff", make([]byte, 65533)), 20)), picture.ErrTooLarge, [][]byte{a}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, r := range []io.Reader{bytes.NewReader(c.stream), iotest.HalfReader(bytes.NewReader(c.stream))} {
				g := all(picture.NewReader(r, limit))
				if c.name == "cut off in its header" {
					// a length leads into the next picture: 64 KB behind are lost at most
					if len(g.jpegs) == 0 || !bytes.Equal(g.jpegs[len(g.jpegs)-1], b) {
						t.Fatalf("%d pictures, %v", len(g.jpegs), g.err)
					}
					continue
				}
				want(t, g, c.err, c.want...)
			}
		})
	}
	g := all(picture.NewReader(iotest.OneByteReader(bytes.NewReader(join(a, a[:len(a)-9], a))), len(a)))
	want(t, g, io.EOF, a, a)
	if _, _, err := picture.NewReader(iotest.ErrReader(io.ErrClosedPipe), limit).Next(); !errors.Is(err, io.ErrClosedPipe) {
		t.Error(err)
	}
}

// TestAtOnce: a picture is there with its last byte, and not with the first of the next.
func TestAtOnce(t *testing.T) {
	a := drawn(t, 64, 48, 1)
	for _, c := range []struct {
		name       string
		head, tail string
		read       func(io.Reader) *picture.Reader
	}{
		{"raw", "", "", func(r io.Reader) *picture.Reader { return picture.NewReader(r, limit) }},
		{"parts", "--b\r\nContent-Type: image/jpeg\r\n\r\n", "\r\n", func(r io.Reader) *picture.Reader { return picture.NewParts(r, "b", limit) }},
		{"parts with a length", "--b\r\nContent-Length: " + strconv.Itoa(len(a)) + "\r\n\r\n", "\r\n",
			func(r io.Reader) *picture.Reader { return picture.NewParts(r, "b", limit) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			pr, pw := io.Pipe()
			defer func() { _ = pr.Close() }()
			step := make(chan struct{})
			go func() {
				for range 3 {
					_, _ = pw.Write([]byte(c.head + string(a)))
					<-step
					_, _ = pw.Write([]byte(c.tail))
				}
				_ = pw.Close()
			}()
			r := c.read(pr)
			for range 3 {
				j, _, err := r.Next()
				if err != nil || !bytes.Equal(j, a) {
					t.Fatal(len(j), err)
				}
				step <- struct{}{}
			}
		})
	}
}

func TestParts(t *testing.T) {
	a, b := drawn(t, 64, 48, 3), drawn(t, 320, 240, 5)
	thumb := withThumbnail(b, a)
	A, B, T := string(a), string(b), string(thumb)
	length := func(n int) string { return "Content-Length: " + strconv.Itoa(n) + "\r\n" }
	const kind = "Content-Type: image/jpeg\r\n"
	two := func(line string) string {
		return line + "\r\n" + kind + "\r\n" + A + "\r\n" + line + "\r\n" + kind + "\r\n" + B
	}
	for _, c := range []struct {
		name, boundary, stream string
		err                    error
		want                   [][]byte
	}{
		{"nothing", "b", "", io.EOF, nil},
		{"no lengths", "b", two("--b") + "\r\n--b--\r\n", io.EOF, [][]byte{a, b}},
		{"lengths", "b", "--b\r\n" + length(len(a)) + "\r\n" + A + "\r\n--b\r\n" + kind + length(len(b)) + "\r\n" + B + "\r\n", io.EOF, [][]byte{a, b}},
		{"a line before the first", "b", "\r\n" + two("--b"), io.EOF, [][]byte{a, b}},
		{"text before the first", "b", "preamble\r\n" + two("--b"), io.EOF, [][]byte{a, b}},
		{"declared with its dashes", "--myboundary", two("--myboundary"), io.EOF, [][]byte{a, b}},
		{"declared and sent with more dashes", "--myboundary", two("----myboundary"), io.EOF, [][]byte{a, b}},
		{"sent without dashes", "--myboundary", two("myboundary"), io.EOF, [][]byte{a, b}},
		{"quoted", `"a b"`, two("--a b"), io.EOF, [][]byte{a, b}},
		{"another than declared", "video", two("--frame"), io.EOF, [][]byte{a, b}},
		{"not declared", "", two("--frame"), io.EOF, [][]byte{a, b}},
		{"not declared and none", "", A + B, picture.ErrNotJPEG, nil},
		{"one that begins twice", "aab", two("--aaab"), io.EOF, [][]byte{a, b}},
		{"line feeds only", "b", strings.ReplaceAll("--b\r\n"+kind+"\r\n", "\r", "") + A + "\n--b\n\n" + B, io.EOF, [][]byte{a, b}},
		{"no line end after a picture", "b", "--b\r\n\r\n" + A + "--b\r\n\r\n" + B + "--b--", io.EOF, [][]byte{a, b}},
		{"no empty line before a picture", "b", "--b\r\n" + kind + A + "--b\r\n" + kind + B, io.EOF, [][]byte{a, b}},
		{"an empty line too many", "b", "--b\r\n" + kind + "\r\n\r\n" + A + "\r\n--b\r\n\r\n" + B, io.EOF, [][]byte{a, b}},
		{"padding", "b", "--b\r\n" + length(len(a)+9) + "\r\n" + A + "\xff\xd8\xff\x00\x00\n\n--\r\n--b\r\n\r\n" + B, io.EOF, [][]byte{a, b}},
		{"a length too short", "b", "--b\r\n" + length(5) + "\r\n" + A + "\r\n--b\r\n\r\n" + B, io.EOF, [][]byte{a, b}},
		{"a length too long", "b", "--b\r\n" + length(len(a)+500) + "\r\n" + A + "\r\n--b\r\n\r\n" + B, io.EOF, [][]byte{a, b}},
		{"a length that is none", "b", "--b\r\nContent-Length: many\r\n\r\n" + A + "\r\n--b\r\n\r\n" + B, io.EOF, [][]byte{a, b}},
		{"a length over the limit", "b", "--b\r\n" + length(100e6) + "\r\n" + A, picture.ErrTooLarge, nil},
		{"too large without a length", "b", "--b\r\n\r\n" + B[:600] + strings.Repeat("x", limit), picture.ErrTooLarge, nil},
		{"a thumbnail with an end of its own", "b", "--b\r\n\r\n" + T + "\r\n--b\r\n\r\n" + A, io.EOF, [][]byte{thumb, a}},
		{"other parts", "b", "--b\r\nContent-Type: text/plain\r\n\r\nhello\r\n--b\r\nContent-Type: audio/basic\r\n\r\n" + A + "\r\n" + two("--b"), io.EOF, [][]byte{a, b}},
		{"empty parts", "b", "--b\r\n--b\r\n" + length(0) + "\r\n\r\n--b\r\n\r\n\r\n" + two("--b"), io.EOF, [][]byte{a, b}},
		{"cut off, then others", "b", "--b\r\n\r\n" + B[:len(b)/2] + "\r\n" + two("--b") + "\r\n" + two("--b"), io.EOF, [][]byte{b, a, b}},
		{"cut off at the end", "b", "--b\r\n\r\n" + A + "\r\n--b\r\n\r\n" + B[:900], io.ErrUnexpectedEOF, [][]byte{a}},
		{"ends in the first headers", "b", "--b\r\n" + kind, io.ErrUnexpectedEOF, nil},
		{"pictures of another kind", "b", strings.Repeat("--b\r\nContent-Type: image/png\r\n\r\n\x89PNG\r\n", 100), picture.ErrNotJPEG, nil},
		{"a web page", "b", strings.Repeat("<p>No parts here.</p>\n", 100_000), picture.ErrNotJPEG, nil},
		{"headers without end", "b", "--b\r\n" + strings.Repeat("X: y\r\n", 10_000), picture.ErrNotJPEG, nil},
		{"a header line without end", "b", "--b\r\nX: " + strings.Repeat("y", 1<<20), picture.ErrNotJPEG, nil},
		{"a boundary without end", "", "--" + strings.Repeat("y", 1<<20), picture.ErrNotJPEG, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, r := range []io.Reader{strings.NewReader(c.stream), iotest.OneByteReader(strings.NewReader(c.stream))} {
				want(t, all(picture.NewParts(r, c.boundary, limit)), c.err, c.want...)
			}
		})
	}
}

// TestWriterToReader: what we send is what we read, with its times.
func TestWriterToReader(t *testing.T) {
	var b []byte
	var jpegs [][]byte
	for i := range 3 {
		p := edge.Picture{JPEG: drawn(t, 64, 48, i), At: 5_000_000, WallMS: 77, Seq: uint64(i)}
		b, jpegs = picture.AppendPart(b, &p), append(jpegs, p.JPEG)
	}
	_, boundary, _ := strings.Cut(picture.ContentType, "boundary=")
	g := all(picture.NewParts(bytes.NewReader(b), boundary, limit))
	want(t, g, io.EOF, jpegs...)
	if h := g.headers[2]; h.Get(picture.HeaderTime) != "5000" || h.Get(picture.HeaderWall) != "77" || h.Get(picture.HeaderSeq) != "2" {
		t.Error(h)
	}
}

func TestDimensions(t *testing.T) {
	a := drawn(t, 321, 123, 3)
	for _, c := range []struct {
		name string
		jpeg []byte
		w, h int
	}{
		{"baseline", a, 321, 123},
		{"with a thumbnail", withThumbnail(a, drawn(t, 16, 16, 1)), 321, 123},
		{"progressive, fill bytes", scans(), 32, 16},
		{"empty", nil, 0, 0},
		{"text", []byte("hello"), 0, 0},
		{"cut off", a[:20], 0, 0},
		{"no frame", []byte{0xFF, 0xD8, 0xFF, 0xDA, 0, 2}, 0, 0},
		{"no height", []byte{0xFF, 0xD8, 0xFF, 0xC0, 0, 8, 8, 0, 0, 0, 32, 0}, 0, 0},
		{"lossless", []byte{0xFF, 0xD8, 0xFF, 0xC3, 0, 8, 8, 0, 16, 0, 32, 0}, 0, 0},
	} {
		w, h, err := picture.Dimensions(c.jpeg)
		if w != c.w || h != c.h || (c.w == 0) != errors.Is(err, picture.ErrNotJPEG) {
			t.Errorf("%s: %d x %d, %v", c.name, w, h, err)
		}
	}
}
