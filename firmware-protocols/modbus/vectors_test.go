package modbus

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"math"
	"os"
	"testing"
)

type frameCase struct {
	Name       string   `json:"name"`
	Unit       uint8    `json:"unit"`
	Function   Function `json:"function"`
	Address    uint16   `json:"address"`
	Count      uint16   `json:"count"`
	Values     string   `json:"values"`
	TxID       uint16   `json:"txid"`
	RTURequest string   `json:"rtuRequest"`
	RTUReply   string   `json:"rtuReply"`
	TCPRequest string   `json:"tcpRequest"`
	TCPReply   string   `json:"tcpReply"`
	Data       string   `json:"data"`
	Exception  uint8    `json:"exception"`
}

type frameFile struct {
	CRC []struct {
		Name, Hex, CRC string
	} `json:"crc"`
	Cases []frameCase `json:"cases"`
}

func (c *frameCase) request(t testing.TB) Request {
	r := Request{Unit: c.Unit, Function: c.Function, Address: c.Address, Count: c.Count, TxID: c.TxID}
	if c.Values != "" {
		r.Data = unhex(t, c.Values)
	}
	return r
}

func (c *frameCase) frames(t testing.TB, m Mode) (request, reply []byte) {
	if m == TCP {
		return unhex(t, c.TCPRequest), unhex(t, c.TCPReply)
	}
	return unhex(t, c.RTURequest), unhex(t, c.RTUReply)
}

func unhex(t testing.TB, s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func load(t testing.TB, path string, into any) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(b, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func frames(t testing.TB) (f frameFile) {
	load(t, "vectors/frames.json", &f)
	if len(f.Cases) < 9 || len(f.CRC) < 4 {
		t.Fatal("vectors are missing")
	}
	return f
}

func TestVectorsCRC(t *testing.T) {
	for _, c := range frames(t).CRC {
		if got := hex.EncodeToString(appendCRC(nil, unhex(t, c.Hex))); got != c.CRC {
			t.Errorf("%s: %s, want %s", c.Name, got, c.CRC)
		}
	}
}

// TestVectorsFrames holds both sides to the same frames.
func TestVectorsFrames(t *testing.T) {
	for _, m := range []Mode{RTU, TCP} {
		for _, c := range frames(t).Cases {
			t.Run(m.String()+"/"+c.Name, func(t *testing.T) {
				req := c.request(t)
				wantReq, wantReply := c.frames(t, m)
				adu, err := req.Append([]byte("x"), m)
				if err != nil || string(adu[1:]) != string(wantReq) {
					t.Fatalf("request %x, %v, want %x", adu, err, wantReq)
				}
				d := NewDecoder(Options{Mode: m})
				if err := d.Begin(req); err != nil {
					t.Fatal(err)
				}
				n := 0
				d.Feed(wantReply, func(r Reply) {
					n++
					if err := Match(req, r); err != nil || uint8(r.Exception) != c.Exception || hex.EncodeToString(r.Data) != c.Data {
						t.Errorf("%+v: %v", r, err)
					}
				})
				if n != 1 || d.Held() != 0 {
					t.Errorf("%d replies, %d bytes held", n, d.Held())
				}
				if got := c.serve(t, m, wantReq); string(got) != string(wantReply) {
					t.Errorf("the server answers %x, want %x", got, wantReply)
				}
			})
		}
	}
}

// serve answers the request from a bank that holds what the example says.
func (c *frameCase) serve(t testing.TB, m Mode, adu []byte) (out []byte) {
	b := &Bank{}
	tables := []Table{Coil, Discrete, Holding, Input}
	if f := c.Function; c.Exception == 0 {
		table := Holding
		if f.IsRead() {
			table = tables[f-1]
		} else if f == WriteSingleCoil || f == WriteMultipleCoils {
			table = Coil
		}
		if err := b.Add(table, int(c.Address), int(c.Count)); err != nil {
			t.Fatal(err)
		}
		cells, data := b.Cells(table, c.Address, int(c.Count)), unhex(t, c.Data)
		for i := range cells {
			if table.bits() {
				cells[i] = uint16(data[min(i/8, len(data)-1)] >> (i % 8) & 1)
			} else if f.IsRead() {
				cells[i] = uint16(data[2*i])<<8 | uint16(data[2*i+1])
			}
		}
	}
	s := NewServer(m)
	s.Attach(c.Unit, b)
	s.Feed(adu, func(p []byte) { out = append(out, p...) })
	return out
}

type valueCase struct {
	Name      string   `json:"name"`
	As        Type     `json:"as"`
	Hex       string   `json:"hex"`
	Value     *float64 `json:"value"`
	Scale     float64  `json:"scale"`
	Offset    float64  `json:"offset"`
	Bit       uint8    `json:"bit"`
	Length    int      `json:"length"`
	Missing   *int64   `json:"missing"`
	WordOrder Order    `json:"word_order"`
	ByteOrder Order    `json:"byte_order"`
}

func (c *valueCase) register() Register {
	return Register{Field: c.Name, Table: Holding, At: 7, As: c.As, Scale: c.Scale, Offset: c.Offset, Bit: c.Bit,
		Length: c.Length, Missing: c.Missing, WordOrder: c.WordOrder, ByteOrder: c.ByteOrder}
}

func TestVectorsValues(t *testing.T) {
	var f struct{ Cases []valueCase }
	load(t, "vectors/values.json", &f)
	if len(f.Cases) < 30 {
		t.Fatal("vectors are missing")
	}
	for _, c := range f.Cases {
		t.Run(string(c.As)+"/"+c.Name, func(t *testing.T) {
			r := c.register()
			plan, err := Plan([]Register{r}, 0, 0)
			if err != nil {
				t.Fatal(err)
			}
			err = plan[0].Extract(unhex(t, c.Hex), func(_ int, v float64, ok bool) {
				if ok != (c.Value != nil) || ok && v != *c.Value || !ok && !math.IsNaN(v) {
					t.Errorf("reads %v, %v, want %v", v, ok, c.Value)
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			if c.Value == nil {
				return
			}
			if c.As == Bit {
				if _, err := Encode(1, r, *c.Value); !errors.Is(err, ErrRegister) {
					t.Errorf("a bit of a register is written: %v", err)
				}
				return
			}
			req, err := Encode(1, r, *c.Value)
			if err != nil || hex.EncodeToString(req.Data) != c.Hex || req.Check(RTU) != nil {
				t.Errorf("is written as %x, %v, want %s", req.Data, err, c.Hex)
			}
		})
	}
}
