//go:build linux

package modbus

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// libmodbus starts peer/server.c and connects to it.
func libmodbus(t *testing.T, m Mode) line {
	t.Helper()
	gcc := tool(t, "gcc", "gcc")
	if _, err := os.Stat("/usr/include/modbus/modbus.h"); err != nil {
		missing(t, "libmodbus-dev")
	}
	bin := filepath.Join(t.TempDir(), "server")
	if out, err := exec.Command(gcc, "-O1", "-Wall", "-I/usr/include/modbus", "-o", bin, "peer/server.c", "-lmodbus", "-lm").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	args, here := []string{"tcp"}, ""
	if m == RTU {
		var there string
		here, there = ptyPair(t)
		args = []string{"rtu", there}
	}
	cmd := exec.Command(bin, args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	start(t, cmd)
	var port int
	if _, err := fmt.Fscanf(bufio.NewReader(out), "ready %d", &port); err != nil {
		t.Fatal(err)
	}
	if m == RTU {
		return openPort(t, here)
	}
	c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// client asks one thing after the other.
type client struct {
	t    *testing.T
	port line
	mode Mode
	dec  *Decoder
	txid uint16
	raw  []byte // sent in place of the next request
	echo bool   // the line hands back what was sent
}

func (c *client) ask(req Request) kept {
	c.t.Helper()
	c.txid++
	req.TxID = c.txid
	adu, err := req.Append(nil, c.mode)
	if err == nil {
		err = c.dec.Begin(req)
	}
	if err != nil {
		c.t.Fatal(err)
	}
	if c.raw != nil {
		adu, c.raw = c.raw, nil
	}
	if _, err := c.port.Write(adu); err != nil {
		c.t.Fatal(err)
	}
	var got []kept
	if c.echo {
		c.dec.Feed(adu, keep(&got))
	}
	_ = c.port.SetReadDeadline(time.Now().Add(patience))
	var in [300]byte
	for len(got) == 0 {
		n, err := c.port.Read(in[:])
		if err != nil {
			c.t.Fatalf("%v: %v, %+v", req.Function, err, c.dec.Stats())
		}
		c.dec.Feed(in[:n], keep(&got))
	}
	if err := Match(req, got[0].Reply); err != nil || len(got) != 1 {
		c.t.Fatalf("%+v: %v", got, err)
	}
	return got[0]
}

// values asks for all registers.
func (c *client) values(registers []Register, gap int) []float64 {
	c.t.Helper()
	out := make([]float64, len(registers))
	plan := must(Plan(registers, gap, 0))
	for i := range plan {
		r := c.ask(plan[i].Request(1))
		if r.Exception != 0 {
			c.t.Fatalf("%+v: %v", plan[i], r.Exception)
		}
		if err := plan[i].Extract(r.Data, func(k int, v float64, ok bool) {
			if !ok {
				c.t.Errorf("%+v has no value", registers[k])
			}
			out[k] = v
		}); err != nil {
			c.t.Fatal(err)
		}
	}
	return out
}

func (c *client) write(reqs ...Request) {
	c.t.Helper()
	for _, req := range reqs {
		if r := c.ask(req); r.Exception != 0 {
			c.t.Fatalf("%+v: %v", req, r.Exception)
		}
	}
}

func TestPeerLibmodbus(t *testing.T) {
	for _, k := range []struct {
		name string
		mode Mode
		echo bool
	}{{"rtu", RTU, false}, {"rtu with echo", RTU, true}, {"tcp", TCP, false}} {
		t.Run(k.name, func(t *testing.T) {
			port := libmodbus(t, k.mode)
			c := &client{t: t, port: port, mode: k.mode, dec: NewDecoder(Options{Mode: k.mode, Echo: k.echo}), echo: k.echo}
			t.Run("bits", c.bits)
			t.Run("registers", c.registers)
			t.Run("exceptions", c.exceptions)
			t.Run("orders", c.orders)
			if s := c.dec.Stats(); s.Garbage != 0 || s.Strays != 0 || s.BadCRC != 0 || k.echo && s.Echoes < s.Replies-2 {
				t.Errorf("%+v", s)
			}
		})
	}
}

func (c *client) bits(t *testing.T) {
	c.t = t
	var discrete, coils []Register
	for i := range uint16(999) {
		discrete = append(discrete, Register{Table: Discrete, At: i})
	}
	for i, v := range c.values(discrete, 0) {
		if (v == 1) != (i%3 == 0) {
			t.Fatalf("discrete %d is %v", i, v)
		}
	}
	want := []float64{1, 0, 1, 1, 0, 0, 0, 1, 1, 1, 0}
	var writes []Write
	for i, v := range want {
		coils = append(coils, Register{Table: Coil, At: uint16(100 + i)})
		writes = append(writes, Write{coils[i], v})
	}
	reqs := must(EncodeMany(1, writes, 0))
	if len(reqs) != 1 || reqs[0].Function != WriteMultipleCoils {
		t.Fatalf("%+v", reqs)
	}
	c.write(reqs...)
	c.write(must(Encode(1, coils[1], 1)), must(Encode(1, coils[0], 0)))
	want[0], want[1] = 0, 1
	if got := c.values(coils, 0); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("coils %v, want %v", got, want)
	}
}

func (c *client) registers(t *testing.T) {
	c.t = t
	var squares []Register
	for i := range uint16(200) {
		squares = append(squares, Register{Table: Input, At: 20 + i})
	}
	for i, v := range c.values(squares, 0) {
		if v != float64(i*i&0xffff) {
			t.Fatalf("input %d is %v", 20+i, v)
		}
	}
	regs := []Register{
		{Table: Holding, At: 200, As: I16, Scale: 0.1},
		{Table: Holding, At: 201, As: BCD},
		{Table: Holding, At: 202, As: I64, WordOrder: Little},
		{Table: Holding, At: 300, As: U16},
		{Table: Holding, At: 301, As: F64},
	}
	want := []float64{-12.5, 1234, -123456789012, 65535, 3.125}
	var writes []Write
	for i, r := range regs {
		writes = append(writes, Write{r, want[i]})
	}
	reqs := must(EncodeMany(1, writes, 0))
	if len(reqs) != 2 {
		t.Fatalf("%+v", reqs)
	}
	c.write(reqs...)
	if got := c.values(regs, 100); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v, want %v", got, want)
	}
	c.write(must(Encode(1, regs[3], 17)))
	if got := c.values(regs[3:4], 0); got[0] != 17 {
		t.Errorf("%v", got)
	}
	text := Register{Table: Holding, At: 400, As: Text, Length: 8}
	c.write(must(EncodeText(1, text, "labbox bench 3")))
	plan := must(Plan([]Register{text}, 0, 0))
	r := c.ask(plan[0].Request(1))
	if err := plan[0].ExtractText(r.Data, func(_ int, s []byte) {
		if string(s) != "labbox bench 3" {
			t.Errorf("%q", s)
		}
	}); err != nil {
		t.Error(err)
	}
}

func (c *client) exceptions(t *testing.T) {
	c.t = t
	for _, req := range []Request{
		must(NewRead(1, ReadCoils, 999, 2)),
		must(NewRead(1, ReadDiscreteInputs, 5000, 1)),
		must(NewRead(1, ReadHoldingRegisters, 999, 2)),
		must(NewRead(1, ReadInputRegisters, 65535, 1)),
		NewWriteCoil(1, 1000, true),
		NewWriteRegister(1, 1000, 1),
		must(NewWriteCoils(1, 999, []bool{true, false})),
		must(NewWriteRegisters(1, 999, []uint16{1, 2})),
	} {
		if r := c.ask(req); r.Exception != IllegalDataAddress {
			t.Errorf("%+v: %+v", req, r)
		}
	}
	// A count that this package never sends: exception 3.
	c.raw = rtu(1, 3, 0, 0, 0, 126)
	if c.mode == TCP {
		c.raw = append(appendMBAP(nil, c.txid+1, 5), 1, 3, 0, 0, 0, 126)
	}
	if c.echo {
		return // it would be no echo of the request
	}
	if r := c.ask(must(NewRead(1, ReadHoldingRegisters, 0, 125))); r.Exception != IllegalDataValue {
		t.Errorf("%+v", r)
	}
}

// orders: both sides agree on each order of words and bytes, both ways.
func (c *client) orders(t *testing.T) {
	c.t = t
	c.raw = nil
	orders := []struct{ word, byte Order }{{Big, Big}, {Little, Little}, {Big, Little}, {Little, Big}} // abcd dcba badc cdab
	var in, out, understood []Register
	var writes []Write
	want := []float64{1.5, -273.125, 1000.25, 0.001}
	for i, o := range orders {
		in = append(in, Register{Table: Input, At: uint16(2 * i), As: F32, WordOrder: o.word, ByteOrder: o.byte})
		out = append(out, Register{Table: Holding, At: uint16(10 + 2*i), As: F32, WordOrder: o.word, ByteOrder: o.byte})
		understood = append(understood, Register{Table: Input, At: uint16(10 + 2*i), As: I32, Scale: 0.001})
		writes = append(writes, Write{out[i], want[i]})
	}
	for i, v := range c.values(in, 0) {
		if v != float64(float32(123.456)) {
			t.Errorf("%+v reads as %v", orders[i], v)
		}
	}
	c.write(must(EncodeMany(1, writes, 0))...)
	for i, v := range c.values(understood, 0) {
		if v != want[i] {
			t.Errorf("libmodbus understands %v as %v in %+v", want[i], v, orders[i])
		}
	}
	for i, v := range c.values(out, 0) {
		if v != float64(float32(want[i])) {
			t.Errorf("%v reads back as %v in %+v", want[i], v, orders[i])
		}
	}
}
