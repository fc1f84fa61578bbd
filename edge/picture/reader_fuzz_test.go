package picture_test

import (
	"bytes"
	"io"
	"testing"
	"testing/iotest"

	"labbox/edge/picture"
)

// checked reads to the end and looks at what must hold of any stream.
func checked(t *testing.T, max int, size int, read func(io.Reader) *picture.Reader, stream []byte) {
	r := read(bytes.NewReader(stream))
	g := all(r)
	total := 0
	for _, j := range g.jpegs {
		if len(j) > max || !bytes.HasPrefix(j, []byte{0xFF, 0xD8, 0xFF}) || !bytes.HasSuffix(j, []byte{0xFF, 0xD9}) {
			t.Fatalf("%d bytes: %x", len(j), j[:min(len(j), 40)])
		}
		if !bytes.Contains(stream, j) {
			t.Fatal("a picture that is not in the stream")
		}
		total += len(j)
	}
	if total > size {
		t.Fatalf("%d bytes of pictures in %d", total, size)
	}
	if _, _, err := r.Next(); err == nil || err.Error() != g.err.Error() {
		t.Fatalf("after %v: %v", g.err, err)
	}
	// how the bytes arrive changes nothing
	slow := all(read(iotest.OneByteReader(bytes.NewReader(stream))))
	if len(slow.jpegs) != len(g.jpegs) || slow.err.Error() != g.err.Error() {
		t.Fatalf("byte by byte %d pictures and %v, at once %d and %v", len(slow.jpegs), slow.err, len(g.jpegs), g.err)
	}
}

func FuzzReader(f *testing.F) {
	a := drawn(f, 16, 16, 1)
	f.Add(a)
	f.Add(append(withThumbnail(a, a), scans()...))
	f.Add(append(a[:len(a)-9], a...))
	f.Add([]byte("\xff\xd8\xff\xe1\x00\x00"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		checked(t, 2000, len(stream), func(r io.Reader) *picture.Reader { return picture.NewReader(r, 2000) }, stream)
	})
}

func FuzzParts(f *testing.F) {
	a := string(drawn(f, 16, 16, 1))
	f.Add("b", []byte("--b\r\nContent-Type: image/jpeg\r\nContent-Length: 9\r\n\r\n"+a+"\r\n--b\r\n\r\n"+a+"--b--"))
	f.Add("", []byte("\r\n--x y\n\n"+a+"\r\n--x y\n--x y\nContent-Length: 0\n\n"))
	f.Add("--b", []byte("--b\r\nContent-Type: text/plain\r\n\r\n"+a))
	f.Fuzz(func(t *testing.T, boundary string, stream []byte) {
		checked(t, 2000, len(stream), func(r io.Reader) *picture.Reader { return picture.NewParts(r, boundary, 2000) }, stream)
	})
}

func FuzzDimensions(f *testing.F) {
	f.Add(drawn(f, 16, 16, 1))
	f.Add(scans())
	f.Fuzz(func(t *testing.T, jpeg []byte) {
		w, h, err := picture.Dimensions(jpeg)
		if (err == nil) != (w > 0 && h > 0) || w > 65535 || h > 65535 {
			t.Fatal(w, h, err)
		}
	})
}
