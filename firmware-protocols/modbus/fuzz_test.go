package modbus

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

// chunked feeds b in chunks, each in storage that is spoilt afterwards.
func chunked(b []byte, chunk int, feed func([]byte)) {
	for p := range slices.Chunk(b, chunk) {
		tmp := slices.Clone(p)
		feed(tmp)
		clear(tmp)
	}
}

// FuzzDecoder: how bytes are cut changes nothing, nothing grows, every byte is
// accounted for, and the answer behind any garbage is found.
func FuzzDecoder(f *testing.F) {
	for _, c := range frames(f).Cases {
		for _, m := range []Mode{RTU, TCP} {
			req, reply := c.frames(f, m)
			f.Add(reply, uint8(m), uint8(3))
			f.Add(append(req, reply[:len(reply)-1]...), uint8(m)|2, uint8(1))
		}
	}
	f.Add([]byte{17, 3, 250, 0, 0}, uint8(0), uint8(9))
	f.Add([]byte{0x15, 1, 0, 0, 0, 250, 17, 3, 247}, uint8(1), uint8(9))
	f.Add([]byte{0x15, 1, 0, 0, 0, 2, 17, 3}, uint8(1), uint8(9))
	cases := frames(f).Cases
	f.Fuzz(func(t *testing.T, b []byte, bits, chunk uint8) {
		o := Options{Mode: Mode(bits & 1), Echo: bits&2 != 0}
		c := cases[int(bits>>2)%len(cases)]
		req := c.request(t)
		run := func(chunk int) (*Decoder, []kept) {
			d := NewDecoder(o)
			var got []kept
			if err := d.Begin(req); err != nil {
				t.Fatal(err)
			}
			chunked(b, chunk, func(p []byte) { d.Feed(p, keep(&got)) })
			return d, got
		}
		whole, a := run(len(b) + 1)
		d, again := run(int(chunk) + 1)
		if fmt.Sprint(a) != fmt.Sprint(again) || whole.Stats() != d.Stats() {
			t.Fatalf("in chunks of %d:\n%+v %+v\n%+v %+v", chunk+1, a, whole.Stats(), again, d.Stats())
		}
		total := 0
		for _, r := range again {
			total += size(o.Mode, r.Reply)
			if (Match(req, r.Reply) == nil) == r.Stray {
				t.Fatalf("%+v: %v", r, Match(req, r.Reply))
			}
		}
		if s := d.Stats(); s.Echoes == 0 && int(s.Bytes) != total+int(s.Garbage)+d.Held() || d.Held() > maxTCP*2 {
			t.Fatalf("%d bytes in replies, %d held, %+v", total, d.Held(), s)
		}
		_, good := c.frames(t, o.Mode)
		if r := d.Stats(); r.Replies == 0 && d.Held() > 0 && c.Exception != 0 || c.Function == WriteSingleCoil || c.Function == WriteSingleRegister {
			// What began like the long answer may hide a short exception, and an
			// answer may be taken for the echo.
			d.Silence(func(Reply) {})
			d.echoDue = false
		}
		if !d.waiting {
			if err := d.Begin(req); err != nil {
				t.Fatal(err)
			}
			d.echoDue = false
		}
		before := d.Stats().Replies
		d.Feed(good, func(Reply) {})
		if d.Stats().Replies != before+1 {
			t.Fatalf("the good reply is lost: held %x, %+v", d.buf, d.Stats())
		}
	})
}

func size(m Mode, r Reply) int {
	n := 2
	if r.Exception == 0 {
		n = 1 + len(r.Data)
		if r.Function.IsRead() {
			n++
		}
	}
	if m == TCP {
		return mbap + n
	}
	return n + 3
}

// FuzzServer: how requests are cut changes nothing, nothing grows, each answer
// is one that a client reads, and after silence a good request is answered.
func FuzzServer(f *testing.F) {
	for _, c := range frames(f).Cases {
		for _, m := range []Mode{RTU, TCP} {
			req, reply := c.frames(f, m)
			f.Add(append(reply, req...), uint8(m), uint8(3))
		}
	}
	f.Add(rtu(1, 65, 1, 2), uint8(0), uint8(1))
	f.Add(rtu(1, 23, 0, 3, 0, 6, 0, 14, 0, 3, 6, 0, 255, 0, 255, 0, 255), uint8(0), uint8(1))
	f.Add(append([]byte{1, 16, 0, 0, 0, 2, 240}, rtu(1, 3, 0, 0, 0, 2)...), uint8(0), uint8(1))
	f.Fuzz(func(t *testing.T, b []byte, bits, chunk uint8) {
		m := Mode(bits & 1)
		run := func(chunk int) (*Server, *Bank, []byte) {
			s, bank := device(t, m)
			s.Attach(17, bank)
			var out []byte
			send := func(p []byte) {
				if st := firstReply(m, p); st != whole {
					t.Fatalf("the answer % x is none", p)
				}
				out = append(out, p...)
			}
			chunked(b, chunk, func(p []byte) {
				s.Feed(p, send)
				if len(s.buf) > 2*maxTCP {
					t.Fatal("the buffer grows")
				}
			})
			if bits&2 != 0 {
				s.Silence(send)
			}
			return s, bank, out
		}
		s, bank, a := run(len(b) + 1)
		s2, bank2, again := run(int(chunk) + 1)
		if string(a) != string(again) || s.Stats() != s2.Stats() || fmt.Sprint(bank.tables) != fmt.Sprint(bank2.tables) {
			t.Fatalf("in chunks of %d:\n% x %+v\n% x %+v", chunk+1, a, s.Stats(), again, s2.Stats())
		}
		ignore := func([]byte) {}
		s.Silence(ignore)
		if len(s.buf) != 0 {
			t.Fatalf("%d bytes held after silence", len(s.buf))
		}
		var out []byte
		req := must(NewRead(1, ReadHoldingRegisters, 0, 2))
		s.Feed(must(req.Append(nil, m)), collect(&out))
		d := NewDecoder(Options{Mode: m})
		if err := d.Begin(req); err != nil {
			t.Fatal(err)
		}
		d.Feed(out, func(Reply) {})
		if d.Stats().Replies != 1 {
			t.Fatalf("a good request is answered with % x", out)
		}
	})
}

// firstReply judges a frame that may answer any function.
func firstReply(m Mode, p []byte) state {
	n, st := replyAt(m, p)
	unknown := m == RTU && len(p) == 5 && p[1]&refuse != 0 || m == TCP && len(p) == 9 && p[7]&refuse != 0
	if st == whole && n == len(p) || unknown {
		if m == TCP || crcOK(p) {
			return whole
		}
	}
	return no
}

// FuzzRegister: what is written reads back as it was, or within half a step.
func FuzzRegister(f *testing.F) {
	for i := range 10 {
		f.Add(uint8(i), 1.0, 0.1, 0.0, uint8(i))
		f.Add(uint8(i), -32768.0, 1.0, -40.0, uint8(1))
	}
	f.Add(uint8(4), 9007199254740993.0, 0.0, 0.0, uint8(0))
	types := []Type{U16, I16, U32, I32, U64, I64, F32, F64, BCD}
	f.Fuzz(func(t *testing.T, k uint8, value, scale, offset float64, bits uint8) {
		r := Register{Field: "x", Table: Holding, As: types[int(k)%len(types)], Scale: scale, Offset: offset}
		if bits&1 != 0 {
			r.WordOrder = Little
		}
		if bits&2 != 0 {
			r.ByteOrder = Little
		}
		if r.As == BCD {
			r.Length = 1 + int(bits>>2)%3
		}
		plan, err := Plan([]Register{r}, 0, 0)
		if err != nil {
			return
		}
		req, err := Encode(1, r, value)
		if err != nil {
			return
		}
		if err := req.Check(RTU); err != nil {
			t.Fatal(err)
		}
		var got float64
		if err := plan[0].Extract(req.Data, func(_ int, v float64, _ bool) { got = v }); err != nil {
			t.Fatal(err)
		}
		if scale == 0 {
			scale = 1
		}
		raw := math.Abs((value - offset) / scale)
		step := math.Abs(scale)/2 + 1e-12*(math.Abs(value)+math.Abs(offset))
		if r.As == F32 {
			step = math.Abs(scale)*math.Max(raw*1e-7, 1e-45) + 1e-12*(math.Abs(value)+math.Abs(offset))
		}
		if d := math.Abs(got - value); d > step && raw < 1e300 && math.Abs(scale) > 1e-290 {
			t.Fatalf("%+v: %v reads back as %v", r, value, got)
		}
	})
}
