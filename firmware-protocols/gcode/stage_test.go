package gcode

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

func newStage(t testing.TB, free bool) *Stage {
	t.Helper()
	s, err := NewStage(StageOptions{Rate: 1200, HomeRate: 600, Homing: !free})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStageVectors(t *testing.T) {
	type step struct {
		Send, SendHex, Answer string
		MS                    int
	}
	type dialogue struct {
		Name  string
		Free  bool
		Steps []step
	}
	for _, v := range readVectors[dialogue](t, "stage") {
		t.Run(v.Name, func(t *testing.T) {
			for _, chunk := range []int{1, 1000} {
				s := newStage(t, v.Free)
				var out []byte
				for i, st := range v.Steps {
					if out = out[:0]; i == 0 {
						out = s.Start(out)
					}
					// Time in small steps must come to the same.
					for left := time.Duration(st.MS) * time.Millisecond; left > 0; {
						n := min(left, time.Duration(chunk)*10*time.Millisecond)
						out = s.Advance(n, out)
						left -= n
					}
					more, err := hex.DecodeString(st.SendHex)
					if err != nil {
						t.Fatal(err)
					}
					for in := append([]byte(st.Send), more...); len(in) > 0; {
						n := min(chunk, len(in))
						out = s.Feed(in[:n], out)
						in = in[n:]
					}
					// The bar of a report is no line end, so ends are compared as they are.
					if got := strings.ReplaceAll(string(out), "\r\n", "\n"); bars(got) != st.Answer {
						t.Fatalf("step %d, %q: answers %q, want %q", i, st.Send, bars(got), st.Answer)
					}
				}
			}
		})
	}
}

func bars(s string) string { return strings.ReplaceAll(s, "\n", "|") }

// job is a program of many short moves.
func job() (lines [][]byte) {
	for i := range 60 {
		lines = append(lines, fmt.Appendf(nil, "G1 X-%d.%03d Y-%d F1200\n", i%7, i, i%5))
	}
	return lines
}

// TestWindowKeepsTheBuffer: a host that counts characters loses nothing, one that does
// not count loses bytes, and sees it.
func TestWindowKeepsTheBuffer(t *testing.T) {
	s, d, w := newStage(t, true), decoder(t, Options{}), NewWindow(0)
	lines := job()
	var oks, errs int
	read := func(b []byte) {
		d.Feed(b, func(l *Line) {
			switch l.Kind {
			case OK:
				oks++
			case Error:
				errs++
			default:
				return
			}
			if id, expected := w.Ok(); !expected || id != uint64(oks+errs) {
				t.Fatalf("answer %d is of line %d, expected %v", oks+errs, id, expected)
			}
		})
	}
	read(s.Start(nil))
	next, most := 0, 0
	for step := 0; oks+errs < len(lines); step++ {
		for next < len(lines) {
			if _, ok := w.Push(lines[next]); !ok {
				break
			}
			read(s.Feed(lines[next], nil))
			next++
		}
		most = max(most, s.used)
		read(s.Feed([]byte{StatusQuery}, nil))
		read(s.Advance(5*time.Millisecond, nil))
		if step > 100000 {
			t.Fatalf("stuck: %d sent, %d answered", next, oks)
		}
	}
	if s.Lost() != 0 || errs != 0 || w.Used() != 0 || most < 60 {
		t.Errorf("lost %d bytes, %d errors, %d under way, at most %d waited", s.Lost(), errs, w.Used(), most)
	}

	s = newStage(t, true)
	for range 100 {
		s.Feed([]byte("\x00\x00G90\n"), nil)
	}
	if s.used != 0 || s.Lost() != 0 {
		t.Errorf("after lines with NUL: %d bytes wait, lost %d", s.used, s.Lost())
	}
	s = newStage(t, true)
	s.Feed(make([]byte, 200), s.Start(nil))
	if s.used != DefaultBuffer || s.Lost() != 200-DefaultBuffer {
		t.Errorf("the buffer holds %d bytes, lost %d", s.used, s.Lost())
	}
	s = newStage(t, true)
	out := s.Start(nil)
	for _, l := range lines {
		out = s.Feed(l, out)
	}
	out = s.Advance(time.Hour, out)
	if n := strings.Count(string(out), "ok\r\n"); s.Lost() == 0 || n >= len(lines) || s.used > DefaultBuffer {
		t.Errorf("without a window: lost %d bytes, %d oks", s.Lost(), n)
	}
	if out = s.Feed([]byte("\nG90\n"), nil); !strings.HasPrefix(string(out), "error:11\r\n") || !strings.HasSuffix(string(out), "ok\r\n") {
		t.Errorf("the line with the hole answers %q", out)
	}
}

func TestStageOptionsRefused(t *testing.T) {
	for _, o := range []StageOptions{{Rate: -1}, {Buffer: 4}, {Min: [3]float64{1, 0, 0}}, {HomeRate: -2}} {
		if _, err := NewStage(o); !errors.Is(err, ErrOptions) {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

func FuzzStage(f *testing.F) {
	for _, s := range []string{"$H\nG1X-10F600\n?!~\x18", "$X\nG92X5\nG20G91G0X-1\n", "$J=G91X-10F600\n\x85", "G4P1\nG1X-1e9F1e9\n", "M3S1(x;\r\n$$\n"} {
		f.Add([]byte(s), uint8(20))
	}
	f.Fuzz(func(t *testing.T, b []byte, ms uint8) {
		s := newStage(t, false)
		out := s.Start(nil)
		out = s.Feed([]byte("$X\n"), out)
		for i, c := range b {
			out = s.Feed(b[i:i+1], out)
			if c == '\n' {
				out = s.Advance(time.Duration(ms)*time.Millisecond, out)
			}
			if !s.inside(s.pos) {
				t.Fatalf("the stage is at %v", s.pos)
			}
			if s.used > DefaultBuffer || len(s.rx) > 2*DefaultBuffer+2 {
				t.Fatalf("%d bytes wait", s.used)
			}
		}
		d := decoder(t, Options{})
		d.Feed(out, func(l *Line) {
			if l.Kind == Garbage || l.Kind == Overlong || l.Kind == Text {
				t.Fatalf("the stage says %s %q", show(l), l.Raw)
			}
		})
		s.Feed([]byte{SoftReset}, nil)
		if got := s.Feed([]byte("$X\nG90\n"), nil); !strings.HasSuffix(string(got), "ok\r\nok\r\n") {
			t.Fatalf("after a reset: %q", got)
		}
	})
}
