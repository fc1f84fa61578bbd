package frame_test

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"time"

	"labbox/edge/frame"
)

func TestRead(t *testing.T) {
	b := frame.NewBuilder(7, 1, 0, []frame.Column{{Format: frame.F64}}, false)
	var all []byte
	for i := range 3 {
		for j := range 40_000 * i / 2 {
			b.Add(time.Duration(j)*time.Millisecond, 0, []float64{float64(j)})
		}
		b.Add(time.Duration(i)*time.Hour, 0, []float64{1})
		all = b.AppendFrame(all)
	}
	r, n := bytes.NewReader(all), 0
	for rest := all; len(rest) > 0; n++ {
		v, next, err := frame.Parse(rest)
		if err != nil {
			t.Fatal(err)
		}
		got, err := frame.Read(r)
		if err != nil || !bytes.Equal(got, v.Bytes()) {
			t.Fatalf("frame %d: %d bytes, %v, want %d", n, len(got), err, len(v.Bytes()))
		}
		rest = next
	}
	if _, err := frame.Read(r); !errors.Is(err, io.EOF) || n < 3 {
		t.Fatalf("after %d frames: %v", n, err)
	}
	for _, cut := range []int{1, 47, 48, 60} {
		if _, err := frame.Read(bytes.NewReader(all[:cut])); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("cut at %d: %v", cut, err)
		}
	}
	all[0] = 'x'
	if _, err := frame.Read(bytes.NewReader(all)); err == nil {
		t.Error("a frame without its magic passed")
	}
}
