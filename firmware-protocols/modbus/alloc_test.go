package modbus

import "testing"

// poll is one turn of a client and a server: request, execution, answer, values.
type poll struct {
	mode    Mode
	plan    []Read
	dec     *Decoder
	srv     *Server
	adu     []byte
	in      []byte
	sum     float64
	req     Request
	answers int
	send    func([]byte)
	emit    func(Reply)
	value   func(int, float64, bool)
}

func newPoll(t testing.TB, m Mode) *poll {
	t.Helper()
	var regs []Register
	for i := range uint16(60) {
		regs = append(regs, Register{Table: Holding, At: 2 * i, As: F32, WordOrder: Little})
	}
	bank := must(NewBank(regs, 0))
	for i, r := range regs {
		if err := bank.Set(r, float64(i)); err != nil {
			t.Fatal(err)
		}
	}
	p := &poll{mode: m, plan: must(Plan(regs, 0, 0)), dec: NewDecoder(Options{Mode: m}), srv: NewServer(m)}
	p.srv.Attach(1, bank)
	p.send = func(adu []byte) { p.in = append(p.in, adu...) }
	p.value = func(_ int, v float64, ok bool) {
		if ok {
			p.sum += v
		}
	}
	p.emit = func(r Reply) {
		if Match(p.req, r) == nil && r.Exception == 0 && p.plan[0].Extract(r.Data, p.value) == nil {
			p.answers++
		}
	}
	return p
}

func (p *poll) turn() {
	var err error
	p.req = p.plan[0].Request(1)
	p.req.TxID++
	if p.adu, err = p.req.Append(p.adu[:0], p.mode); err != nil {
		panic(err)
	}
	if err = p.dec.Begin(p.req); err != nil {
		panic(err)
	}
	p.in = p.in[:0]
	p.srv.Feed(p.adu, p.send)
	p.dec.Feed(p.in[:7], p.emit)
	p.dec.Feed(p.in[7:], p.emit)
}

func TestNoAllocations(t *testing.T) {
	for _, m := range []Mode{RTU, TCP} {
		p := newPoll(t, m)
		p.turn()
		if p.answers != 1 || p.sum != 59*60/2 {
			t.Fatalf("%d answers, the values add up to %v", p.answers, p.sum)
		}
		if n := testing.AllocsPerRun(100, p.turn); n != 0 {
			t.Errorf("%v: %v allocations a turn", m, n)
		}
		junk := make([]byte, 4096)
		for i := range junk {
			junk[i] = byte(i * 7)
		}
		if n := testing.AllocsPerRun(10, func() { p.dec.Feed(junk, p.emit); p.srv.Feed(junk, p.send); p.in = p.in[:0] }); n != 0 {
			t.Errorf("%v: %v allocations on garbage", m, n)
		}
	}
}

// BenchmarkTurn is a request, its execution and the 60 float32 of its answer.
func BenchmarkTurn(b *testing.B) {
	for _, m := range []Mode{RTU, TCP} {
		b.Run(m.String(), func(b *testing.B) {
			p := newPoll(b, m)
			b.ReportAllocs()
			for b.Loop() {
				p.turn()
			}
		})
	}
}

// BenchmarkGarbage is the worst that a line can bring: bytes that all look like
// the beginning of something.
func BenchmarkGarbage(b *testing.B) {
	junk := make([]byte, 4096)
	for i := range junk {
		junk[i] = 1 + byte(i%4)
	}
	b.Run("decoder", func(b *testing.B) {
		p := newPoll(b, RTU)
		b.SetBytes(int64(len(junk)))
		for b.Loop() {
			if err := p.dec.Begin(p.plan[0].Request(1)); err != nil {
				b.Fatal(err)
			}
			for i := range junk {
				p.dec.Feed(junk[i:i+1], p.emit)
			}
		}
	})
	b.Run("server", func(b *testing.B) {
		p := newPoll(b, RTU)
		b.SetBytes(int64(len(junk)))
		for b.Loop() {
			for i := range junk {
				p.srv.Feed(junk[i:i+1], p.send)
			}
		}
	})
}
