package modbus

import (
	"bytes"
	"errors"
	"slices"
	"testing"
)

// device is unit 1 with ten cells in each table, register i holding 100+i.
func device(t testing.TB, m Mode) (*Server, *Bank) {
	t.Helper()
	b := &Bank{}
	for _, table := range []Table{Coil, Discrete, Holding, Input} {
		if err := b.Add(table, 0, 10); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 10 {
		b.Cells(Holding, 0, 10)[i] = uint16(100 + i)
		b.Cells(Coil, 0, 10)[i] = uint16(i % 2)
	}
	s := NewServer(m)
	s.Attach(1, b)
	return s, b
}

func collect(into *[]byte) func([]byte) {
	return func(p []byte) { *into = append(*into, p...) }
}

func TestServerRTU(t *testing.T) {
	read := rtu(1, 3, 0, 0, 0, 2)
	answer := rtu(1, 3, 4, 0, 100, 0, 101)
	for _, c := range []struct {
		name    string
		input   []byte
		want    []byte
		silence bool // the answer needs it
		garbage uint64
	}{
		{name: "a read", input: read, want: answer},
		{name: "two reads", input: slices.Concat(read, read), want: slices.Concat(answer, answer)},
		{name: "noise in front", input: slices.Concat([]byte{0xff, 0, 0}, read), want: answer, garbage: 3},
		{name: "a damaged one in front", input: slices.Concat([]byte{1, 3, 0, 0, 0, 2, 0xc4, 0xc}, read), want: answer, garbage: 8},
		{name: "half a write in front", input: slices.Concat([]byte{1, 16, 0, 0, 0, 2, 4, 0}, read), want: answer, silence: true, garbage: 8},
		{name: "another unit", input: slices.Concat(rtu(2, 3, 0, 0, 0, 2), read), want: answer},
		{name: "another unit's answer", input: slices.Concat(rtu(2, 3, 4, 1, 2, 3, 4), read), want: answer, garbage: 9},
		{name: "no such cell", input: rtu(1, 3, 0, 9, 0, 2), want: rtu(1, 0x83, 2)},
		{name: "beyond the last address", input: rtu(1, 3, 0xff, 0xff, 0, 2), want: rtu(1, 0x83, 2)},
		{name: "nothing asked", input: rtu(1, 1, 0, 0, 0, 0), want: rtu(1, 0x81, 3)},
		{name: "too many registers", input: rtu(1, 4, 0, 0, 0, 126), want: rtu(1, 0x84, 3)},
		{name: "half on", input: rtu(1, 5, 0, 0, 0x12, 0), want: rtu(1, 0x85, 3)},
		{name: "byte count and count disagree", input: rtu(1, 16, 0, 0, 0, 2, 2, 0, 1), want: rtu(1, 0x90, 3)},
		{name: "a write of nothing", input: rtu(1, 16, 0, 0, 0, 0, 0), want: rtu(1, 0x90, 3)},
		{name: "read exception status", input: rtu(1, 7), want: rtu(1, 0x87, 1)},
		{name: "report server id", input: rtu(1, 17), want: rtu(1, 0x91, 1)},
		{name: "mask write", input: rtu(1, 22, 0, 4, 0, 0xf2, 0, 0x25), want: rtu(1, 0x96, 1)},
		{name: "read and write", input: rtu(1, 23, 0, 3, 0, 6, 0, 14, 0, 3, 6, 0, 255, 0, 255, 0, 255), want: rtu(1, 0x97, 1)},
		{name: "a function of the maker's", input: rtu(1, 65, 1, 2, 3), want: rtu(1, 0xc1, 1), silence: true},
		{name: "broadcast read", input: rtu(0, 3, 0, 0, 0, 2)},
		{name: "nine coils", input: rtu(1, 1, 0, 0, 0, 9), want: rtu(1, 1, 2, 0xaa, 0)},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, chunk := range []int{1000, 1, 3} {
				s, _ := device(t, RTU)
				var got []byte
				for p := range slices.Chunk(c.input, chunk) {
					s.Feed(p, collect(&got))
				}
				if !c.silence && !bytes.Equal(got, c.want) {
					t.Errorf("in chunks of %d: % x, want % x", chunk, got, c.want)
				}
				s.Silence(collect(&got))
				if !bytes.Equal(got, c.want) || s.Stats().Garbage != c.garbage {
					t.Errorf("in chunks of %d, then silence: % x, want % x; %+v", chunk, got, c.want, s.Stats())
				}
			}
		})
	}
}

func TestServerWrites(t *testing.T) {
	for _, m := range []Mode{RTU, TCP} {
		s, b := device(t, m)
		var after []Access
		b.After = func(a Access) { a.Values = slices.Clone(a.Values); after = append(after, a) }
		coils := must(NewWriteCoils(1, 1, []bool{true, true, false, true, false, false, false, false, true}))
		regs := must(NewWriteRegisters(1, 8, []uint16{0xffff, 7}))
		for _, r := range []Request{NewWriteCoil(1, 0, true), coils, NewWriteRegister(1, 3, 0x8001), regs} {
			var got []byte
			var replies []kept
			d := NewDecoder(Options{Mode: m})
			if err := d.Begin(r); err != nil {
				t.Fatal(err)
			}
			s.Feed(must(r.Append(nil, m)), collect(&got))
			d.Feed(got, keep(&replies))
			if len(replies) != 1 || replies[0].Exception != 0 || Match(r, replies[0].Reply) != nil {
				t.Errorf("%v: % x", r.Function, got)
			}
		}
		if got := b.Cells(Coil, 0, 10); !slices.Equal(got, []uint16{1, 1, 1, 0, 1, 0, 0, 0, 0, 1}) {
			t.Errorf("coils %v", got)
		}
		if got := b.Cells(Holding, 0, 10); !slices.Equal(got, []uint16{100, 101, 102, 0x8001, 104, 105, 106, 107, 0xffff, 7}) {
			t.Errorf("registers %v", got)
		}
		if len(after) != 4 || after[3].At != 8 || after[3].Count != 2 || !slices.Equal(after[3].Values, []uint16{0xffff, 7}) || !after[3].Write {
			t.Errorf("%+v", after)
		}
	}
}

func TestServerBroadcast(t *testing.T) {
	s, b := device(t, RTU)
	_, other := device(t, RTU)
	s.Attach(9, other)
	s.Feed(rtu(0, 6, 0, 3, 0, 77), func(p []byte) { t.Errorf("answered with % x", p) })
	if b.Cells(Holding, 3, 1)[0] != 77 || other.Cells(Holding, 3, 1)[0] != 77 {
		t.Error("a broadcast reaches every unit")
	}
	b.Before = func(Access) Exception { t.Error("a read by broadcast is carried out"); return 0 }
	s.Feed(rtu(0, 3, 0, 0, 0, 2), func(p []byte) { t.Errorf("answered with % x", p) })
}

func TestServerHooks(t *testing.T) {
	s, b := device(t, RTU)
	b.Before = func(a Access) Exception {
		switch {
		case a.Function == WriteSingleRegister:
			return IllegalFunction // this device wants function 16
		case a.Write && a.Values[0] > 1000:
			return ServerDeviceFailure
		case !a.Write && a.Table == Input:
			b.Cells(Input, 0, 1)[0]++
		}
		return 0
	}
	for _, c := range []struct{ in, want []byte }{
		{rtu(1, 6, 0, 1, 0, 1), rtu(1, 0x86, 1)},
		{rtu(1, 16, 0, 1, 0, 1, 2, 4, 0), rtu(1, 0x90, 4)},
		{rtu(1, 3, 0, 1, 0, 1), rtu(1, 3, 2, 0, 101)}, // neither was stored
		{rtu(1, 4, 0, 0, 0, 1), rtu(1, 4, 2, 0, 1)},
		{rtu(1, 4, 0, 0, 0, 1), rtu(1, 4, 2, 0, 2)},
	} {
		var got []byte
		s.Feed(c.in, collect(&got))
		if !bytes.Equal(got, c.want) {
			t.Errorf("% x: % x, want % x", c.in, got, c.want)
		}
	}
	if st := s.Stats(); st.Requests != 5 || st.Exceptions != 2 {
		t.Errorf("%+v", st)
	}
}

func TestServerTCP(t *testing.T) {
	read := []byte{0, 5, 0, 0, 0, 6, 1, 3, 0, 0, 0, 1}
	answer := []byte{0, 5, 0, 0, 0, 5, 1, 3, 2, 0, 100}
	unit := func(u byte, frame []byte) []byte { f := slices.Clone(frame); f[6] = u; return f }
	for _, c := range []struct {
		name     string
		in, want []byte
		garbage  uint64
	}{
		{"a read", read, answer, 0},
		{"three at once", slices.Concat(read, read, read), slices.Concat(answer, answer, answer), 0},
		{"unit 0", unit(0, read), unit(0, answer), 0},
		{"unit 255", unit(255, read), unit(255, answer), 0},
		{"a unit that is not here", unit(3, read), []byte{0, 5, 0, 0, 0, 3, 3, 0x83, 11}, 0},
		{"a wrong protocol", slices.Concat([]byte{0, 5, 0, 9, 0, 2, 1, 3}, read), answer, 8},
		{"text", slices.Concat([]byte("GET / HTTP/1.0\r\n\r\n"), read), answer, 18},
		{"what looks like a header behind noise", slices.Concat([]byte{0xaa, 0xaa, 1, 0, 0, 0, 0, 0, 9, 1, 3}, read), answer, 11},
		{"a byte count that is not the count's", []byte{0, 5, 0, 0, 0, 11, 1, 16, 0, 0, 0, 2, 3, 0, 1, 0, 2}, []byte{0, 5, 0, 0, 0, 3, 1, 0x90, 3}, 0},
		{"a length that is not the function's", []byte{0, 5, 0, 0, 0, 7, 1, 3, 0, 0, 0, 1, 0}, []byte{0, 5, 0, 0, 0, 3, 1, 0x83, 3}, 0},
		{"a function alone", []byte{0, 5, 0, 0, 0, 2, 1, 3}, []byte{0, 5, 0, 0, 0, 3, 1, 0x83, 3}, 0},
		{"encapsulated interface transport", []byte{0, 5, 0, 0, 0, 5, 1, 43, 14, 1, 0}, []byte{0, 5, 0, 0, 0, 3, 1, 0xab, 1}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, chunk := range []int{1000, 1, 3} {
				s, _ := device(t, TCP)
				var got []byte
				for p := range slices.Chunk(c.in, chunk) {
					s.Feed(p, collect(&got))
				}
				if !bytes.Equal(got, c.want) || s.Stats().Garbage != c.garbage {
					t.Errorf("in chunks of %d: % x, want % x; %+v", chunk, got, c.want, s.Stats())
				}
			}
		})
	}
}

func TestBank(t *testing.T) {
	registers := []Register{
		{Field: "pv", Table: Input, At: 10, As: F32},
		{Field: "run", Table: Coil, At: 3},
		{Field: "alarm", Table: Holding, At: 20, As: Bit, Bit: 4},
		{Field: "sv", Table: Holding, At: 22, As: I16, Scale: 0.1},
		{Field: "name", Table: Holding, At: 30, As: Text, Length: 4},
	}
	b, err := NewBank(registers, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		i      int
		value  float64
		refuse error
	}{{0, 21.5, nil}, {1, 1, nil}, {2, 1, nil}, {3, -12.3, nil}, {3, 4000, ErrRange}, {1, 2, ErrRange}, {2, 0.5, ErrRange}, {4, 1, ErrRange}} {
		if err := b.Set(registers[c.i], c.value); !errors.Is(err, c.refuse) {
			t.Errorf("%s = %v: %v", registers[c.i].Field, c.value, err)
		}
	}
	for i, want := range []float64{21.5, 1, 1, -12.3} {
		if got, ok := b.Get(registers[i]); !ok || got != want {
			t.Errorf("%s is %v, %v, want %v", registers[i].Field, got, ok, want)
		}
	}
	if err := b.SetText(registers[4], "TC-12"); err != nil || !slices.Equal(b.Cells(Holding, 30, 4), []uint16{'T'<<8 | 'C', '-'<<8 | '1', '2' << 8, 0}) {
		t.Errorf("%v %x", err, b.Cells(Holding, 30, 4))
	}
	if b.Cells(Holding, 20, 3) == nil || b.Cells(Holding, 22, 2) != nil || b.Cells(Coil, 4, 1) != nil {
		t.Error("holes of one register have cells, others do not")
	}
	if _, ok := b.Get(Register{Table: Input, At: 500}); ok {
		t.Error("a register without a cell has a value")
	}
	// Neighbours that were added apart are read together.
	if err := errors.Join(b.Add(Input, 100, 2), b.Add(Input, 102, 2), b.Add(Input, 98, 2)); err != nil || b.Cells(Input, 98, 6) == nil || b.Cells(Input, 98, 7) != nil {
		t.Errorf("%v %v", err, b.Cells(Input, 98, 6))
	}
	// Joined runs keep their values.
	if err := b.Add(Holding, 18, 20); err != nil || b.Cells(Holding, 18, 20)[4] != 0xff85 {
		t.Errorf("%v % x", err, b.Cells(Holding, 18, 20))
	}
}
