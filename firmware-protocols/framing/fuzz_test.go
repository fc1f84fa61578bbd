package framing

import (
	"bytes"
	"fmt"
	"testing"
)

// FuzzDecode feeds arbitrary bytes in arbitrary chunks to every way: the chunks
// change nothing, no byte is handed over twice or forgotten, nothing grows, and
// the next good frames are read.
func FuzzDecode(f *testing.F) {
	for _, path := range vectorFiles(f) {
		for _, c := range readVectors(f, path).Cases {
			var all []byte
			for _, in := range c.Input {
				all = append(all, unlatin(f, in.Text)...)
			}
			if len(all) > 4096 {
				continue
			}
			for i := range ways {
				f.Add(all, uint8(i), uint8(3), false)
			}
		}
	}
	for i, w := range ways {
		frame, err := encoder(f, w.o).Append(nil, []byte(w.body))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(append(frame[1:], frame...), uint8(i), uint8(5), i&1 == 0)
	}
	f.Fuzz(func(t *testing.T, b []byte, which, chunk uint8, skip bool) {
		w := ways[int(which)%len(ways)]
		o := w.o
		o.SkipFirst = skip
		if o.Size == 0 {
			o.Max = 40
		}
		d, e := decoder(t, o), decoder(t, o)
		whole, cut := feed(d, b, len(b)+1), feed(e, b, int(chunk)+1)
		if fmt.Sprint(whole) != fmt.Sprint(cut) || d.Stats() != e.Stats() {
			t.Fatalf("%s in chunks of %d:\n%v %+v\n%v %+v", w.name, chunk+1, whole, d.Stats(), cut, e.Stats())
		}
		if most := 2 * d.l.rawMax; cap(d.buf) > 2*max(most, len(b)) || len(d.buf) > most || len(e.buf) > most || cap(e.buf) > 2*most+64 ||
			cap(e.plain) > 2*most+64 || cap(e.join) > 2*most+64 {
			t.Fatalf("%s: holds %d and %d bytes, has room for %d and %d", w.name, len(d.buf), len(e.buf), cap(d.buf), cap(e.buf))
		}
		checkMessages(t, d, b, whole, skip)

		frame, err := encoder(t, o).Append(nil, []byte(w.body))
		if err != nil {
			t.Fatal(err)
		}
		if o.Checksum == nil && (o.Length != nil || o.Size > 0) {
			return // a false frame swallows what follows, nothing can tell
		}
		d.Silent(keep(&whole)) // gives up what a false start waits for
		var list []got
		for range 2 {
			list = append(list, feed(d, frame, 9)...)
			if d.l.way == silent {
				d.Silent(keep(&list))
			}
		}
		if g := goods(list); len(g) == 0 || g[len(g)-1] != w.body {
			t.Fatalf("%s after %q: two good frames read as %v", w.name, b, list)
		}
	})
}

// checkMessages compares what was handed over with what was fed.
func checkMessages(t *testing.T, d *Decoder, b []byte, list []got, skip bool) {
	s := d.Stats()
	var good, bad, raw uint64
	for _, g := range list {
		if g.why == OK {
			good++
			raw += uint64(len(g.raw))
		} else {
			bad++
		}
		if len(g.body) > d.l.max || g.why != OK && g.body != "" || g.why != OK && g.raw == "" || len(g.raw) > d.l.rawMax {
			t.Fatalf("%+v", g)
		}
	}
	if good != s.Messages || bad != s.Bad || s.Bytes != uint64(len(b)) || raw+s.Lost+uint64(len(d.buf)) > s.Bytes {
		t.Fatalf("%d good, %d bad, %d raw bytes, %d held: %+v", good, bad, raw, len(d.buf), s)
	}
	if !d.l.rescans() || skip {
		return
	}
	var all []byte // every byte belongs to exactly one message
	for _, g := range list {
		all = append(all, g.raw...)
	}
	if all = append(all, d.buf...); !bytes.Equal(all, b) {
		t.Fatalf("fed %q, got %q", b, all)
	}
}

// FuzzRoundTrip sends arbitrary bodies: what Append takes is read back, behind
// and before others.
func FuzzRoundTrip(f *testing.F) {
	for i, w := range ways {
		f.Add([]byte(w.body), []byte("\x00\x10\x02$~\r\n\xc0\xdb"), uint8(i))
	}
	f.Add([]byte("0"), []byte(""), uint8(25)) // a length field below zero
	f.Fuzz(func(t *testing.T, one, two []byte, which uint8) {
		w := ways[int(which)%len(ways)]
		e, d := encoder(t, w.o), decoder(t, w.o)
		var want []string
		var list []got
		for _, body := range [][]byte{one, two, one, []byte(w.body)} {
			frame, err := e.Append(nil, body)
			if err != nil {
				if len(frame) > 0 {
					t.Fatalf("%s: %v leaves %q", w.name, err, frame)
				}
				continue
			}
			if len(body) > 0 || !d.l.passes() {
				want = append(want, string(body))
			}
			list = append(list, feed(d, frame, 11)...)
			if d.l.way == silent {
				d.Silent(keep(&list))
			}
		}
		if g := goods(list); len(list) != len(g) || fmt.Sprintf("%q", g) != fmt.Sprintf("%q", want) {
			t.Fatalf("%s: sent %q, got %v", w.name, want, list)
		}
	})
}
