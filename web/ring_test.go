package web

import (
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"labbox/edge"
	"labbox/edge/frame"
)

// source makes frames of one stream; the first channel is the sample's number.
type source struct{ b *frame.Builder }

func newSource() *source {
	return &source{frame.NewBuilder(1, 1, 0, []frame.Column{{Format: frame.F32}}, false)}
}

func (s *source) next(t testing.TB, from, n int) frame.View {
	t.Helper()
	for i := range n {
		s.b.Add(time.Duration(from+i)*time.Millisecond, math.NaN(), []float64{float64(from + i)})
	}
	v, _, err := frame.Parse(s.b.AppendFrame(nil))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// join parses what slices gave.
func join(t testing.TB, bufs [][]byte) (seqs []uint64) {
	t.Helper()
	for _, b := range bufs {
		for len(b) > 0 {
			v, rest, err := frame.Parse(b)
			if err != nil {
				t.Fatal(err)
			}
			for i := range v.Header().Samples {
				seqs = append(seqs, v.Header().Seq+uint64(i))
			}
			b = rest
		}
	}
	return seqs
}

// TestRingProperty: whatever the sizes, a reader that keeps up gets every frame
// once and in order, in messages of bounded size, and old slices stay intact.
func TestRingProperty(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	r, src := newRing(time.Second, 64<<10), newSource()
	var held [][]byte
	var cursor, want uint64
	seq, now := 0, time.Duration(0)
	for range 3000 {
		n := 1 + rnd.IntN(40)
		now += time.Duration(rnd.IntN(20)) * time.Millisecond
		r.put(src.next(t, seq, n), 0, now)
		seq += n
		r.visible = r.head()
		if rnd.IntN(3) > 0 {
			continue
		}
		for cursor < r.visible {
			if cursor < r.base {
				t.Fatalf("cursor %d below %d: the test is too slow a reader", cursor, r.base)
			}
			bufs, size, next := r.slices(nil, cursor, 4<<10)
			if next == cursor || size > 4<<10 && len(bufs) > 1 {
				t.Fatalf("%d bytes in %d pieces", size, len(bufs))
			}
			for _, s := range join(t, bufs) {
				if s != want {
					t.Fatalf("sample %d, want %d", s, want)
				}
				want++
			}
			held, cursor = bufs, next
		}
		if r.bytes > 64<<10 && len(r.items) > 1 {
			t.Fatalf("%d bytes", r.bytes)
		}
	}
	last := join(t, held)
	for i := range 2000 { // long after the ring has forgotten them
		r.put(src.next(t, seq+i, 1), 0, now+time.Hour)
	}
	if again := join(t, held); again[0] != last[0] || len(again) != len(last) {
		t.Fatal("a slice changed under its reader")
	}
}

func TestRingKeepsItsTime(t *testing.T) {
	r, src := newRing(60*time.Second, 32<<20), newSource()
	for i := range 70_000 { // 70 s of one frame a ms
		r.put(src.next(t, i, 1), 0, time.Duration(i)*time.Millisecond)
	}
	if n := len(r.items); n < 60_000 || n > 60_002 {
		t.Fatalf("%d frames for 60 s", n)
	}
	if cur := r.since(65 * time.Second); r.item(cur).seq != 65_000 {
		t.Fatalf("since: %d", r.item(cur).seq)
	}
	cur, ok := r.after(1, 65_000)
	if !ok || r.item(cur).seq != 65_001 {
		t.Fatalf("after: %v", ok)
	}
	if cur, ok = r.after(1, 69_999); !ok || cur != r.head() {
		t.Fatalf("after the last: %d, %v", cur, ok)
	}
	if _, ok = r.after(2, 0); ok {
		t.Fatal("another epoch was found")
	}
}

// watched is one subscription on a clock that the test moves.
func watched(t *testing.T) (*device, *sub, *source) {
	d := newDevice("d", 60*time.Second, 32<<20)
	d.setStatus(&edge.Status{Stream: edge.StreamInfo{Epoch: 1}}, 0)
	s := &sub{c: &client{wake: make(chan struct{}, 1)}, d: d, v: d.all}
	d.all.subs[s] = struct{}{}
	return d, s, newSource()
}

func (s *sub) drain(t *testing.T, now time.Duration) (seqs []uint64, gaps []gap) {
	t.Helper()
	for {
		bufs, more := s.collect(nil, now)
		for i, b := range bufs {
			if len(b) > 0 && b[0] == opText {
				var g gap
				at := 2
				if b[1] == 126 {
					at = 4
				}
				if err := json.Unmarshal(b[at:], &g); err != nil {
					t.Fatal(err)
				}
				gaps = append(gaps, g)
				bufs[i] = nil
			} else if len(b) > 0 && b[0] == opBinary && len(b) <= 10 {
				bufs[i] = nil
			}
		}
		seqs = append(seqs, join(t, bufs)...)
		if !more {
			return seqs, gaps
		}
	}
}

func TestOneWhoStopsAcknowledgingIsNotFed(t *testing.T) {
	d, s, src := watched(t)
	now, sent := time.Duration(0), 0
	for i := range 100 { // 10 s of 100 ms
		now = time.Duration(i) * 100 * time.Millisecond
		d.put(src.next(t, i*10, 10), now)
		d.flush(now)
		seqs, gaps := s.drain(t, now)
		sent += len(seqs)
		if gaps != nil {
			t.Fatal(gaps)
		}
		if i < 20 { // then it falls silent
			s.ack(place{1, uint64(sent - 1)})
		}
	}
	if sent < 200+380 || sent > 200+440 {
		t.Fatalf("%d samples went out; 200 were acknowledged, 4 s more are 400", sent)
	}
	// It comes back within the ring: nothing is lost.
	s.ack(place{1, uint64(sent - 1)})
	if seqs, gaps := s.drain(t, now); len(seqs) != 1000-sent || gaps != nil {
		t.Fatalf("%d samples, gaps %v", len(seqs), gaps)
	}
}

func TestOneWhoStaysBehindSkipsAndIsTold(t *testing.T) {
	d, s, src := watched(t)
	var gaps []gap
	var next uint64
	for i := range 600 { // 60 s; a message holds 1.3 s of data and takes 2.6 s to get through
		now := time.Duration(i) * 100 * time.Millisecond
		d.put(src.next(t, i*5000, 5000), now)
		d.flush(now)
		if i%26 != 25 {
			continue
		}
		bufs, _ := s.collect(nil, now)
		for len(bufs) > 0 && bufs[0][0] == opText {
			var g gap
			if err := json.Unmarshal(bufs[0][2:], &g); err != nil {
				t.Fatal(err)
			}
			if g.From != next || g.Why != "slow" {
				t.Fatalf("gap %+v, next is %d", g, next)
			}
			gaps, next, bufs = append(gaps, g), *g.To+1, bufs[1:]
		}
		for _, seq := range join(t, bufs[1:]) {
			if seq != next {
				t.Fatalf("undeclared gap: %d, next is %d", seq, next)
			}
			next++
		}
		if behind := uint64(i*5000) - min(uint64(i*5000), next); behind > 15*50_000 {
			t.Fatalf("%d s behind", behind/50_000)
		}
	}
	if len(gaps) == 0 || len(gaps) > 8 {
		t.Fatalf("%d gaps in 40 s", len(gaps))
	}
}

func TestAckOfAnotherEpoch(t *testing.T) {
	s := &sub{marks: []mark{{1, 10, 0}, {1, 20, 1}, {2, 5, 2}, {2, 9, 3}}, epoch: 2}
	s.ack(place{7, 100}) // nobody knows this epoch
	if len(s.marks) != 4 {
		t.Fatal(s.marks)
	}
	s.ack(place{1, 9})
	if len(s.marks) != 3 {
		t.Fatal(s.marks)
	}
	s.ack(place{2, 4})
	if len(s.marks) != 1 || s.marks[0].next != 9 {
		t.Fatal(s.marks)
	}
	s.ack(place{2, 8})
	if len(s.marks) != 0 {
		t.Fatal(s.marks)
	}
}

func FuzzParseMessage(f *testing.F) {
	for _, s := range []string{`{"op":"hello","v":1}`, `{"op":"subscribe","device":"d","since":{"epoch":1,"seq":2},"id":1}`,
		`{"op":"cmd","args":{"a":1,"b":"x","c":true,"d":null},"id":"k"}`, `{"op":"ack","streams":{"1":[1,2]}}`, `[]`, `{"id":1e999}`, "{\"op\":\"\xff\"}"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := parseMessage(b)
		if errors.Is(err, errNotJSON) {
			return
		}
		if len(m.ID) > maxID {
			t.Fatalf("id of %d bytes", len(m.ID))
		}
		r := okReply(idOrNull(m.ID), nil)
		if err != nil {
			if code := edge.CodeOf(err); code == edge.CodeInternal || code == "" {
				t.Fatalf("uncoded: %v", err)
			}
			r = errorReply(idOrNull(m.ID), err)
		}
		if !json.Valid(text(r)[2+2*b2i(text(r)[1] == 126):]) {
			t.Fatalf("reply %q", text(r))
		}
		if err == nil {
			_, _ = m.ask()
			_ = checkView(&m)
		}
	})
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}
