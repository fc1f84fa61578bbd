package audit

import (
	"bytes"
	"testing"
)

// FuzzLog: whatever stands in a file, reading it ends well, what is accepted is a
// chain, line for line as it would be written, and a start thinks as verify does.
func FuzzLog(f *testing.F) {
	b, h := appendRecord(nil, Head{}, appendEvent(nil, refused("s1", 1)))
	f.Add(b)
	b, h = appendRecord(b, h, []byte(`{"code":"audit.dropped","args":{"n":3,"hash":"00"}}`))
	f.Add(b)
	f.Add(append(b, "{\"hash\""...))
	b, _ = appendRecord(b, h, []byte(`{"code":"audit.broken","args":{"n":"x"}}`))
	f.Add(b)
	f.Add(bytes.Repeat([]byte("x"), 3*maxLine))
	f.Add([]byte("\n\x00\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		c := checker{anchors: map[Head]bool{}}
		if err := c.read(t.Context(), bytes.NewReader(b), "file", true, 1); err != nil {
			t.Fatal(err)
		}
		c.end()
		r := c.report
		if r.OK() {
			var head Head
			rest := b
			for range r.Records {
				line, after, _ := bytes.Cut(rest, []byte("\n"))
				_, _, event, err := parseRecord(line)
				if err != nil {
					t.Fatalf("%q was accepted: %v", line, err)
				}
				again, next := appendRecord(nil, head, event)
				if !bytes.Equal(again[:len(again)-1], line) {
					t.Fatalf("%q was accepted, and is written %q", line, again)
				}
				head, rest = next, after
			}
			if len(rest) != r.Torn {
				t.Fatalf("%d bytes left, torn %d", len(rest), r.Torn)
			}
		}
		end, err := readTailOf(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		if r.OK() && (end.whole || end.last != r.Head || end.good+int64(r.Torn) != int64(len(b))) {
			t.Fatalf("verify says %+v, and a start %+v", r, end)
		}
	})
}

// FuzzEvent: an event is written as encoding/json would.
func FuzzEvent(f *testing.F) {
	f.Add("bench", "Zoë", "a\x00\xff<\u2028", 1.5)
	f.Fuzz(func(t *testing.T, a, b, c string, x float64) {
		e := refused(a, 1)
		e.Box, e.Actor.Name, e.Args["text"], e.Args[c] = b, c, b, x
		delete(e.Args, "args")
		if x != x || x-x != 0 {
			return
		}
		want := mustJSON(t, e)
		if got := appendEvent(nil, e); len(want) <= maxEvent && !jsonEqual(t, got, want) {
			t.Fatalf("got  %s\nwant %s", got, want)
		}
	})
}
