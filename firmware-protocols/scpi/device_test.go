package scpi

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// supply is a device for the tests, and what its handler was told.
type supply struct {
	*Device
	said []string
}

func newSupply(t testing.TB) *supply {
	volts := []Param{{Unit: "V", Max: 30, Default: 5}}
	ask := []Param{{Unit: "V", Max: 30, Default: 1.5, Optional: true}}
	s := &supply{}
	d, err := NewDevice(DeviceOptions{
		IDN: IDN{"ACME", "PS-3", "", "1.0"}, Depth: 4, Input: 80,
		Headers: []Header{
			{"volt", "[SOURce<1-2>]:VOLTage[:LEVel]", volts, false}, {"volt?", "VOLTage?", ask, false},
			{"mv?", "MEASure:VOLTage[:DC]?", nil, false}, {"mc?", "MEASure:CURRent?", nil, false},
			{"freq", "FREQuency", []Param{{Unit: "Hz", Max: 1e7}}, false},
			{"trig", "TRIGger:SOURce", []Param{{Kind: Choice, Choices: []string{"IMMediate", "EXTernal"}}}, false},
			{"outp", "OUTPut", []Param{{Kind: Boolean}}, false}, {"text", "DISPlay:TEXT", []Param{{Kind: Text}}, false},
			{"data", "DATA", []Param{{Kind: Data}}, false}, {"data?", "DATA?", nil, false},
			{"list", "ROUTe:CLOSe", []Param{{Kind: List}}, false},
		},
	}, s.handle)
	if err != nil {
		t.Fatal(err)
	}
	s.Device = d
	return s
}

func (s *supply) handle(c *Call) {
	switch c.ID {
	case "mv?", "volt?":
		x := 1.5
		if len(c.Args) > 0 && c.Args[0].Given {
			x = c.Args[0].Num
		}
		c.Number(x, 3)
	case "mc?":
		c.Number(0.25, 3)
	case "data?":
		c.Block([]byte("\n;,"))
	case "volt":
		s.said = append(s.said, fmt.Sprintf("volt[%d] %v", c.Suffixes[0], c.Args[0].Num))
	case "data":
		s.said = append(s.said, fmt.Sprintf("data %x", c.Args[0].Bytes))
	case "text", "list":
		s.said = append(s.said, fmt.Sprintf("%s %s", c.ID, c.Args[0].Bytes))
	case "*RST", "*TST?":
		s.said = append(s.said, c.ID)
	default:
		s.said = append(s.said, fmt.Sprint(c.ID, " ", c.Args[0].Num))
	}
}

func TestDeviceVectors(t *testing.T) {
	type step struct {
		Send, Answer string
		Fill         int
		Say          []string
		Errors       []int
	}
	type dialogue struct {
		Name  string
		Steps []step
	}
	for _, v := range readVectors[dialogue](t, "device") {
		t.Run(v.Name, func(t *testing.T) {
			for _, chunk := range []int{1, 5, 1000} {
				s := newSupply(t)
				for _, step := range v.Steps {
					s.said = nil
					var out []byte
					in := []byte(strings.Repeat("x", step.Fill) + step.Send)
					for len(in) > 0 {
						n := min(chunk, len(in))
						out = s.Feed(in[:n], out)
						in = in[n:]
					}
					if string(out) != step.Answer {
						t.Errorf("%q in chunks of %d: answers %q, want %q", step.Send, chunk, out, step.Answer)
					}
					if !reflect.DeepEqual(s.said, step.Say) {
						t.Errorf("%q: handler told %q, want %q", step.Send, s.said, step.Say)
					}
					if step.Errors == nil {
						continue
					}
					var codes []int
					for s.Errors() > 0 {
						codes = append(codes, s.pop().Code)
					}
					if !reflect.DeepEqual(codes, step.Errors) {
						t.Errorf("%q: errors %v, want %v", step.Send, codes, step.Errors)
					}
				}
			}
		})
	}
}

// TestDeviceBusy: *OPC? and *WAI wait for a motion, and what comes behind them waits.
func TestDeviceBusy(t *testing.T) {
	s := newSupply(t)
	s.Busy(true, nil)
	out := s.Feed([]byte("MEAS:VOLT?;*WAI;CURR?\n*IDN"), nil)
	out = s.Feed([]byte("?\n*OPC\n"), out)
	if string(out) != "1.500" {
		t.Errorf("before: %q", out)
	}
	if out = s.Busy(false, nil); string(out) != ";0.250\nACME,PS-3,0,1.0\n" {
		t.Errorf("after: %q", out)
	}
	s.Busy(true, nil)
	if out = s.Feed([]byte("*CLS;*OPC\n*ESR?\n*OPC?\n"), nil); string(out) != "0\n" {
		t.Errorf("*OPC while busy: %q", out)
	}
	if out = s.Busy(false, nil); string(out) != "1\n" || s.esr != eventOPC {
		t.Errorf("then: %q, %d", out, s.esr)
	}
	s.Busy(true, nil)
	s.Feed([]byte("*WAI\n"), nil)
	for range 100 {
		s.Feed([]byte("VOLT 1\n"), nil)
	}
	if len(s.waiting) > 80 || s.Errors() == 0 {
		t.Errorf("%d bytes wait, %d errors", len(s.waiting), s.Errors())
	}
}

func TestPatternsRefused(t *testing.T) {
	for _, p := range []string{"", "?", "[VOLT]", "VOLT[:DC", "VOLT]", "VO LT", "1VOLT", "*RST", "VOLT<2-1>", "ABCDEFGHIJKLM", "VOLT\n"} {
		if _, err := NewDevice(DeviceOptions{Headers: []Header{{Pattern: p}}}, nil); !errors.Is(err, ErrOptions) {
			t.Errorf("%q: %v", p, err)
		}
	}
}

// TestSides: what the writer writes the device reads, and the decoder reads its answer.
func TestSides(t *testing.T) {
	s, d := newSupply(t), decoder(t, Options{})
	w := NewWriter(Options{}, 80)
	w.Begin()
	msg, err := w.Header("VOLT").Number(12.5, -1).Header("DATA").Block([]byte{10, 0}).Header("DATA?").Header(":MEAS:VOLT?").End()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	d.Feed(s.Feed(msg, nil), func(r Response) { got = append(got, show(r)) })
	if fmt.Sprint(s.said, got) != "[volt[1] 12.5 data 0a00] [block:0a3b2c|nr2:1.5]" {
		t.Error(s.said, got)
	}
}

func TestUnderscore(t *testing.T) {
	got := 0
	d, err := NewDevice(DeviceOptions{Headers: []Header{{Pattern: "TEST_one<n>", ID: "x"}}}, func(c *Call) { got = c.Suffixes[0] })
	if err != nil {
		t.Fatal(err)
	}
	if d.Feed([]byte("test_ONE7\nTEST_2\nTEST\x5f\n"), nil); got != 1 || d.Errors() != 0 {
		t.Error(got, d.Errors())
	}
}

func FuzzDevice(f *testing.F) {
	for _, s := range []string{"MEAS:VOLT?;CURR?\n", "VOLT 1.5mV;*OPC?\n", "DATA #14\n;,x\n", "ROUT:CLOS (@1,3:5)\n", "DISP:TEXT \"a\"\"b\n", "SOUR99999999999:VOLT MAX\n", "::;,#0\n"} {
		f.Add([]byte(s), uint8(3))
	}
	f.Fuzz(func(t *testing.T, b []byte, chunk uint8) {
		s, u := newSupply(t), newSupply(t)
		whole := s.Feed(b, nil)
		var cut []byte
		for rest := b; len(rest) > 0; {
			n := min(int(chunk)+1, len(rest))
			cut = u.Feed(rest[:n], cut)
			rest = rest[n:]
		}
		if string(whole) != string(cut) || !reflect.DeepEqual(s.said, u.said) || s.Errors() != u.Errors() {
			t.Fatalf("in chunks of %d: %q %q, %q %q", chunk+1, whole, cut, s.said, u.said)
		}
		if s.Errors() > 4 || len(s.cut.buf) > 100 {
			t.Fatalf("%d errors, %d bytes", s.Errors(), len(s.cut.buf))
		}
		if s.cut.scan.left > 1<<20 {
			return
		}
		s.Feed(make([]byte, s.cut.scan.left), nil)
		if out := s.Feed([]byte("\n*CLS;*IDN?\n"), nil); !strings.HasSuffix(string(out), "ACME,PS-3,0,1.0\n") {
			t.Fatalf("then: %q", out)
		}
	})
}
