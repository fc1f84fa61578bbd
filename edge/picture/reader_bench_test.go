package picture_test

import (
	"bytes"
	"io"
	"testing"

	"labbox/edge"
	"labbox/edge/picture"
)

// BenchmarkParts reads a stream of 640x480 pictures as the web process does.
func BenchmarkParts(b *testing.B) {
	p := edge.Picture{JPEG: drawn(b, 640, 480, 3)}
	part := picture.AppendPart(nil, &p)
	b.SetBytes(int64(len(part)))
	b.ReportAllocs()
	r := picture.NewParts(io.MultiReader(repeat(part, b.N)...), "labbox-picture", 4<<20)
	b.ResetTimer()
	for range b.N {
		if _, _, err := r.Next(); err != nil {
			b.Fatal(err)
		}
	}
}

func repeat(part []byte, n int) []io.Reader {
	all := make([]io.Reader, n)
	for i := range all {
		all[i] = bytes.NewReader(part)
	}
	return all
}
