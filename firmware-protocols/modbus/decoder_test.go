package modbus

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// kept is a Reply that outlives the call.
type kept struct {
	Reply
	data string
}

func keep(into *[]kept) func(Reply) {
	return func(r Reply) {
		k := kept{r, fmt.Sprintf("%x", r.Data)}
		k.Data = slices.Clone(r.Data)
		*into = append(*into, k)
	}
}

func rtu(parts ...byte) []byte { return appendCRC(slices.Clone(parts), parts) }

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestDecoder(t *testing.T) {
	two := must(NewRead(1, ReadHoldingRegisters, 0x0400, 2))
	two.TxID = 9
	set := NewWriteRegister(1, 5, 7)
	twoReply := rtu(1, 3, 4, 0, 10, 0, 11)
	setFrame := must(set.Append(nil, RTU))
	twoFrame := must(two.Append(nil, RTU))
	tcpReply := []byte{0, 9, 0, 0, 0, 7, 1, 3, 4, 0, 10, 0, 11}
	long := append([]byte{1, 3, 250}, make([]byte, 30)...)
	answer := "reply 000a000b"
	for _, c := range []struct {
		name    string
		opt     Options
		req     Request
		input   [][]byte
		silence bool
		want    []string
		garbage uint64
	}{
		{name: "a reply", req: two, input: [][]byte{twoReply}, want: []string{answer}},
		{name: "a byte of noise in front", req: two, input: [][]byte{{0}, twoReply}, want: []string{answer}, garbage: 1},
		{name: "its own unit as noise", req: two, input: [][]byte{{1}, twoReply}, want: []string{answer}, garbage: 1},
		{name: "what looks like a long reply", req: two, input: [][]byte{long, twoReply}, want: []string{answer}, garbage: 33},
		{name: "half a reply in front", req: two, input: [][]byte{twoReply[:5], twoReply}, want: []string{answer}, garbage: 5},
		{name: "an exception behind half a reply", req: two, input: [][]byte{twoReply[:5], rtu(1, 0x83, 2)}, silence: true,
			want: []string{"exception 2"}, garbage: 5},
		{name: "noise behind", req: two, input: [][]byte{twoReply, {0xff, 0}}, want: []string{answer}, garbage: 2},
		{name: "a damaged reply and a good one", req: two, input: [][]byte{{1, 3, 4, 0, 10, 0, 99}, twoReply[7:], twoReply},
			want: []string{answer}, garbage: 9},
		{name: "a late reply of another shape", req: two, input: [][]byte{rtu(1, 3, 2, 0, 5), twoReply},
			want: []string{"stray 0005", answer}},
		{name: "another unit", req: two, input: [][]byte{rtu(2, 3, 4, 0, 10, 0, 11)}, want: []string{"stray 000a000b"}},
		{name: "another value", req: set, input: [][]byte{rtu(1, 6, 0, 5, 0, 8)}, want: []string{"stray 00050008"}},
		{name: "the answer inside a stray's values", req: two, input: [][]byte{rtu(append([]byte{2, 3, 12, 0}, append(slices.Clone(twoReply), 0, 0)...)...)},
			want: []string{answer}, garbage: 8},
		{name: "the answer twice", req: two, input: [][]byte{twoReply, twoReply}, want: []string{answer, "stray 000a000b"}},
		{name: "a read's echo without the option", req: two, input: [][]byte{twoFrame, twoReply}, want: []string{answer}, garbage: 8},
		{name: "a read's echo", opt: Options{Echo: true}, req: two, input: [][]byte{twoFrame, twoReply}, want: []string{answer}},
		{name: "no echo of a read", opt: Options{Echo: true}, req: two, input: [][]byte{twoReply}, want: []string{answer}},
		{name: "only the echo of a write", opt: Options{Echo: true}, req: set, input: [][]byte{setFrame}},
		{name: "echo and answer of a write", opt: Options{Echo: true}, req: set, input: [][]byte{{0x55}, setFrame, setFrame},
			want: []string{"reply 00050007"}, garbage: 1},
		{name: "echo and exception", opt: Options{Echo: true}, req: set, input: [][]byte{setFrame, rtu(1, 0x86, 4)}, want: []string{"exception 4"}},
		{name: "tcp", opt: Options{Mode: TCP}, req: two, input: [][]byte{tcpReply}, want: []string{answer}},
		{name: "tcp: a wrong protocol", opt: Options{Mode: TCP}, req: two, input: [][]byte{{0, 9, 0, 1, 0, 2, 1, 1}, tcpReply},
			want: []string{answer}, garbage: 8},
		{name: "tcp: a header too short for its function", opt: Options{Mode: TCP}, req: two, input: [][]byte{{0, 9, 0, 0, 0, 2, 1, 3}, tcpReply},
			want: []string{answer}, garbage: 8},
		{name: "tcp: an earlier transaction", opt: Options{Mode: TCP}, req: two,
			input: [][]byte{{0, 8, 0, 0, 0, 7, 1, 3, 4, 0, 10, 0, 12}, tcpReply}, want: []string{"stray 000a000c", answer}},
		{name: "tcp: an exception", opt: Options{Mode: TCP}, req: two, input: [][]byte{{0, 9, 0, 0, 0, 3, 1, 0x83, 11}}, want: []string{"exception 11"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, chunk := range []int{1000, 1, 2, 3, 5} {
				d := NewDecoder(c.opt)
				if err := d.Begin(c.req); err != nil {
					t.Fatal(err)
				}
				var got []string
				emit := func(r Reply) {
					err := Match(c.req, r)
					switch {
					case r.Stray != errors.Is(err, ErrMismatch):
						t.Errorf("%+v matches: %v", r, err)
					case r.Stray:
						got = append(got, fmt.Sprintf("stray %x", r.Data))
					case r.Exception != 0:
						got = append(got, fmt.Sprintf("exception %d", r.Exception))
					default:
						got = append(got, fmt.Sprintf("reply %x", r.Data))
					}
				}
				for p := range slices.Chunk(slices.Concat(c.input...), chunk) {
					d.Feed(p, emit)
				}
				if !c.silence && slices.Contains(c.want, answer) && !slices.Contains(got, answer) {
					t.Errorf("in chunks of %d: the answer is not there before the silence", chunk)
				}
				d.Silence(emit)
				if !slices.Equal(got, c.want) || d.Stats().Garbage != c.garbage || d.Held() != 0 {
					t.Errorf("in chunks of %d: %q, want %q; %+v, %d held", chunk, got, c.want, d.Stats(), d.Held())
				}
			}
		})
	}
}

func TestDecoderBegin(t *testing.T) {
	d := NewDecoder(Options{})
	if err := d.Begin(Request{Unit: 0, Function: ReadCoils, Count: 1}); !errors.Is(err, ErrRequest) {
		t.Errorf("a read by broadcast: %v", err)
	}
	// Nobody answers a broadcast: a reply then is a stray.
	req := NewWriteRegister(0, 1, 2)
	if err := d.Begin(req); err != nil {
		t.Fatal(err)
	}
	var got []kept
	d.Feed(rtu(1, 6, 0, 1, 0, 2), keep(&got))
	if len(got) != 1 || !got[0].Stray {
		t.Errorf("%+v", got)
	}
	d.Feed(rtu(0, 6, 0, 1, 0, 2), keep(&got))
	if len(got) != 1 {
		t.Errorf("%+v %+v", got, d.Stats())
	}
	// Half a reply from before the request is not the beginning of its answer.
	d.Feed([]byte{1, 3, 20, 0, 1}, keep(&got))
	ten := must(NewRead(1, ReadHoldingRegisters, 0, 10))
	if err := d.Begin(ten); err != nil {
		t.Fatal(err)
	}
	d.Feed(rtu(1, 0x83, 0), keep(&got)) // no exception has this code
	d.Feed(rtu(1, 0x83, 6), keep(&got))
	if len(got) != 2 || got[1].Exception != ServerDeviceBusy || d.Stats().Garbage != 8+5+5 {
		t.Errorf("%+v %+v", got, d.Stats())
	}
}

// TestDecoderOverlap: a stray whose check sum happens to be the beginning of the
// answer does not take it away.
func TestDecoderOverlap(t *testing.T) {
	req := must(NewRead(1, ReadHoldingRegisters, 0, 2))
	answer := rtu(1, 3, 4, 0, 10, 0, 11)
	found := 0
	for unit := byte(2); unit <= MaxUnit; unit++ {
		for code := byte(1); code != 0; code++ {
			stray := rtu(unit, 0x84, code)
			if stray[4] != 1 {
				continue
			}
			found++
			for _, chunk := range []int{1, 100} {
				d := NewDecoder(Options{})
				if err := d.Begin(req); err != nil {
					t.Fatal(err)
				}
				var got []kept
				for p := range slices.Chunk(slices.Concat(stray[:4], answer), chunk) {
					d.Feed(p, keep(&got))
				}
				if len(got) != 1 || Match(req, got[0].Reply) != nil {
					t.Fatalf("behind % x: %+v", stray, got)
				}
			}
		}
	}
	if found == 0 {
		t.Error("no such stray")
	}
}

func TestMatch(t *testing.T) {
	read := must(NewRead(1, ReadInputRegisters, 8, 2))
	write := must(NewWriteRegisters(1, 8, []uint16{1, 2}))
	coil := NewWriteCoil(1, 8, true)
	for _, c := range []struct {
		req   Request
		reply Reply
		want  string
	}{
		{read, Reply{Unit: 1, Function: 4, Data: make([]byte, 4)}, ""},
		{read, Reply{Unit: 1, Function: 4, Exception: 2}, ""},
		{read, Reply{Unit: 2, Function: 4, Data: make([]byte, 4)}, "unit 2, not 1"},
		{read, Reply{Unit: 1, Function: 3, Data: make([]byte, 4)}, "read holding registers, not read input registers"},
		{read, Reply{Unit: 1, Function: 3, Exception: 2}, "read holding registers, not"},
		{read, Reply{Unit: 1, Function: 4, Data: make([]byte, 2)}, "2 bytes of values, not 4"},
		{read, Reply{Unit: 1, Function: 4, Data: make([]byte, 4), TxID: 7}, "transaction 7, not 0"},
		{read, Reply{Unit: 1, Function: 4, Data: make([]byte, 4), Stray: true}, "unasked"},
		{write, Reply{Unit: 1, Function: 16, Data: []byte{0, 8, 0, 2}}, ""},
		{write, Reply{Unit: 1, Function: 16, Data: []byte{0, 9, 0, 2}}, "address 9, not 8"},
		{write, Reply{Unit: 1, Function: 16, Data: []byte{0, 8, 0, 1}}, "count 1, not 2"},
		{write, Reply{Unit: 1, Function: 16}, "0 bytes, not 4"},
		{coil, Reply{Unit: 1, Function: 5, Data: []byte{0, 8, 0xff, 0}}, ""},
		{coil, Reply{Unit: 1, Function: 5, Data: []byte{0, 8, 0, 0}}, "value 0, not 65280"},
	} {
		err := Match(c.req, c.reply)
		if (err == nil) != (c.want == "") || err != nil && (!errors.Is(err, ErrMismatch) || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%+v: %v, want %q", c.reply, err, c.want)
		}
	}
}

func TestRequestRefused(t *testing.T) {
	for _, c := range []struct {
		mode Mode
		req  Request
		want string
	}{
		{RTU, Request{Unit: 0, Function: 3, Count: 1}, "broadcast"},
		{RTU, Request{Unit: 248, Function: 3, Count: 1}, "unit 248"},
		{RTU, Request{Unit: 1, Function: 3, Count: 126}, "count 126"},
		{TCP, Request{Unit: 1, Function: 3, Count: 0}, "count 0"},
		{TCP, Request{Unit: 1, Function: 1, Count: 2001}, "count 2001"},
		{TCP, Request{Unit: 1, Function: 3, Address: 65535, Count: 2}, "beyond 65535"},
		{TCP, Request{Unit: 1, Function: 7, Count: 1}, "function 7 is not spoken"},
		{TCP, Request{Unit: 1, Function: 6, Count: 1}, "0 bytes of values"},
		{TCP, Request{Unit: 1, Function: 6, Count: 2, Data: make([]byte, 4)}, "count 2"},
		{TCP, Request{Unit: 1, Function: 5, Count: 1, Data: []byte{1, 0}}, "neither ff00 nor 0000"},
		{TCP, Request{Unit: 1, Function: 16, Count: 124, Data: make([]byte, 248)}, "count 124"},
		{TCP, Request{Unit: 1, Function: 15, Count: 9, Data: make([]byte, 1)}, "1 bytes of values, must be 2"},
	} {
		got, err := c.req.Append([]byte("x"), c.mode)
		if !errors.Is(err, ErrRequest) || !strings.Contains(err.Error(), c.want) || string(got) != "x" {
			t.Errorf("%+v: %q, %v, want %q", c.req, got, err, c.want)
		}
	}
	for _, unit := range []uint8{0, 255} { // the device itself
		r := Request{Unit: unit, Function: 3, Count: 1}
		if err := r.Check(TCP); err != nil {
			t.Error(err)
		}
	}
	if _, err := NewRead(1, WriteSingleCoil, 0, 1); !errors.Is(err, ErrRequest) {
		t.Error(err)
	}
	if _, err := NewRead(1, ReadCoils, 0, 65537); !errors.Is(err, ErrRequest) {
		t.Error(err)
	}
	if _, err := NewWriteRegisters(1, 0, make([]uint16, 65537)); !errors.Is(err, ErrRequest) {
		t.Error(err)
	}
	if _, err := NewWriteCoils(1, 0, make([]bool, 1969)); !errors.Is(err, ErrRequest) {
		t.Error(err)
	}
}

func TestSilence(t *testing.T) {
	for _, c := range []struct {
		baud     int
		t15, t35 int // us
	}{{9600, 1719, 4011}, {19200, 860, 2006}, {19201, 750, 1750}, {115200, 750, 1750}, {1200, 13750, 32084}, {0, 1719, 4011}} {
		t15, t35 := Silence(c.baud)
		if t15.Microseconds() != int64(c.t15) && t15.Microseconds() != int64(c.t15)-1 || t35.Microseconds() != int64(c.t35) && t35.Microseconds() != int64(c.t35)-1 {
			t.Errorf("%d baud: %v, %v", c.baud, t15, t35)
		}
	}
}
