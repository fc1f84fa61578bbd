package scpi

import (
	"bytes"
	"encoding/hex"
	"math"
	"slices"
	"testing"
)

// FuzzDecode feeds arbitrary bytes in arbitrary chunks: the chunks change nothing,
// nothing grows, and behind the next terminator a good message is read.
func FuzzDecode(f *testing.F) {
	for _, v := range readVectors[vector](f, "replies") {
		f.Add([]byte(v.Input), uint8(0), uint8(3))
	}
	f.Add([]byte("#9999999999\n#0\n\"\"\"\n"), uint8(7), uint8(1))
	f.Fuzz(func(t *testing.T, b []byte, mode, chunk uint8) {
		o := Options{
			End: []string{"\n", "\r\n", "\r", "\x03\n"}[mode&3], Max: []int{64, 4096}[mode>>2&1],
			BareBlocks: mode&8 != 0, Plain: mode&16 != 0, Multiline: mode&32 != 0,
			Prompt: []string{"", "=> "}[mode>>6&1], Echo: mode&128 != 0,
		}
		d, e := decoder(t, o), decoder(t, o)
		d.Sent([]byte("ECHO?"))
		e.Sent([]byte("ECHO?"))
		whole, cut := feed(d, b, len(b)+1), feed(e, b, int(chunk)+1)
		if !slices.Equal(whole, cut) || d.Stats() != e.Stats() {
			t.Fatalf("in chunks of %d:\n%q\n%q\n%+v\n%+v", chunk+1, whole, cut, d.Stats(), e.Stats())
		}
		if s := d.Stats(); uint64(len(whole)) != s.Replies+s.Broken+s.Overlong {
			t.Fatalf("%d messages, %+v", len(whole), s)
		}
		if len(d.cut.buf) > o.Max+1+maxTerminator {
			t.Fatalf("holds %d bytes", len(d.cut.buf))
		}
		// What is still due of a block, then the end of a message that has begun.
		if _, left := d.Pending(); left > 1<<20 {
			d.Reset()
		} else {
			feed(d, make([]byte, left), 1<<20)
		}
		if o.Multiline {
			d.Reset()
		}
		feed(d, []byte(o.End), 1)
		if got := feed(d, []byte("17"+o.End), 1); len(got) != 1 || got[0] != "nr1:17" {
			t.Fatalf("the next good message reads as %q", got)
		}
	})
}

// FuzzResponse takes a message apart: its elements lie within it, and a string or
// block that is written again reads the same.
func FuzzResponse(f *testing.F) {
	for _, v := range readVectors[vector](f, "replies") {
		f.Add([]byte(v.Input), false)
	}
	f.Fuzz(func(t *testing.T, b []byte, plain bool) {
		r := Response{Raw: b, plain: plain}
		n := 0
		for u := range r.Units() {
			for d := range u.Data() {
				n += len(d.Raw)
				if (d.Kind == Other || d.Kind >= String) && !math.IsNaN(d.Num) {
					t.Fatalf("%v has the number %v", d.Kind, d.Num)
				}
				var again []byte
				var err error
				switch d.Kind {
				case Block:
					again, err = AppendBlock(nil, d.Body)
				case String:
					again, err = AppendString(nil, d.AppendText(nil))
				default:
					continue
				}
				if err != nil {
					continue // control characters in a string
				}
				s := Response{Raw: again}.First()
				if s.Kind != d.Kind || !bytes.Equal(s.AppendText(nil), d.AppendText(nil)) && d.Kind == String || d.Kind == Block && !bytes.Equal(s.Body, d.Body) {
					t.Fatalf("%q becomes %q, %s", d.Raw, again, hex.EncodeToString(s.Body))
				}
			}
		}
		if n > len(b) {
			t.Fatalf("elements of %d bytes in %d", n, len(b))
		}
		_, _ = ParseIDN(b)
		q := NewErrorQueue(Options{}, 4)
		_, _ = q.Take(r)
		if len(q.Errors()) > 4 {
			t.Fatal("more errors than wanted")
		}
		_ = q.Err()
	})
}
