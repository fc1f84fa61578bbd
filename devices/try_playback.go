package devices

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"math"
	"sync"
	"time"

	"labbox/devices/capture"
	"labbox/edge"
	"labbox/edge/frame"
	"labbox/firmware-protocols/lines"
	"labbox/firmware-protocols/modbus"
)

// Player plays a capture into the parser of a type: the codec, the reader and the
// stream of a box, at the times that were recorded. What was sent tells which
// answer was awaited.
type Player struct {
	Type *Type
	// Row gets each sample in order; nil: nobody.
	Row func(Row)
	// Line is told of each message, as in a Trial; nil: nobody.
	Line func(TryLine)
	// Pace waits until a chunk is due; nil: as fast as it goes.
	Pace func(at time.Duration)
}

// Row is one sample as people see it. It is valid during the call.
type Row struct {
	At       time.Duration // since the capture began
	DeviceUS float64       // by the device's own clock, NaN where it has none
	Channels []edge.Channel
	Values   []float64 // shown values, NaN where missing
	Lost     uint32    // known to be missing before it; frame.LostUnknown: some
}

// Play plays to the end. An error is the capture's own or that of a device that
// contradicts the type.
func (p *Player) Play(r *capture.Reader) (*TryReport, error) {
	clock := &stillClock{now: time.Second}
	trial := &Trial{Type: p.Type, Line: p.Line, Clock: clock}
	tr := &tracer{trial: trial, clock: clock, names: map[string]string{}, stats: map[string]*TryChannel{}, unknown: map[string]*TryField{}}
	ledger, err := NewLedger(context.Background(), "playback", &scratchKV{}, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	s, err := New(Config{Box: "playback", ID: "device", Type: p.Type, Opener: nowhere{}, Clock: clock, Ledger: ledger,
		Sinks: []edge.Sink{&rowSink{row: p.Row, opened: time.Second}}, Logger: slog.New(newsHandler{tr: tr})})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(context.Canceled)
	h := &rehearsal{clock: clock}
	l := &link{port: (*scriptPort)(h), watch: &watchers{}, ctx: ctx, cancel: cancel}
	tr.begin(s)
	s.stream.restart(1, s.contract, p.Type.Time != nil)
	s.codec.reset()
	pl := &playing{Player: p, s: s, l: l, r: newReader(s, l), tr: tr, clock: clock}
	tr.reader, pl.r.trace = pl.r, tr.record
	if _, self := s.codec.(describer); !self && p.Type.AutoChannel == nil {
		pl.r.prove1()
	}
	for {
		c, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if p.Pace != nil {
			p.Pace(c.At)
		}
		pl.until(time.Second + c.At)
		if err := pl.chunk(&c); err != nil {
			return nil, err
		}
	}
	pl.until(clock.Mono() + time.Second)
	pl.r.in.round.flush(s.stream.add)
	s.stream.flush()
	return tr.report(nil), nil
}

// playing is a playback under way.
type playing struct {
	*Player
	s     *Supervisor
	l     *link
	r     *reader
	tr    *tracer
	clock *stillClock
	last  time.Duration // when bytes came
	fresh bool          // since the last silence
	asked *expectation
	known bool
}

// until moves the clock on, through the silence that may end a message.
func (p *playing) until(at time.Duration) {
	if c, ok := p.s.codec.(silencer); ok && p.fresh && c.silence() > 0 && at-p.last >= c.silence() {
		p.clock.advance(max(0, p.last+c.silence()-p.clock.Mono()))
		now := p.clock.Mono()
		c.silent(func(rec *lines.Record) { p.r.record(rec, now) })
		p.fresh = false
	}
	p.clock.advance(max(0, at-p.clock.Mono()))
}

func (p *playing) chunk(c *capture.Chunk) error {
	if d, ok := p.s.codec.(describer); ok && !p.known {
		_, done, err := d.greet(p.clock.Mono())
		if err == nil && done {
			p.known = true
			err = p.s.adopt(p.r, d)
			p.r.prove1()
		}
		if err != nil {
			return err
		}
	}
	if c.Sent {
		p.tr.sent(c.Data)
		p.await(c.Data)
		return nil
	}
	p.last, p.fresh = p.clock.Mono(), true
	for data := c.Data; len(data) > 0; {
		n := len(data)
		if c.Kind == 0 { // byte by byte, as in a trial
			n = 1
		}
		p.tr.came(data[:n])
		err := p.s.codec.feed(data[:n], c.Kind, func(rec *lines.Record) { p.r.record(rec, p.clock.Mono()) })
		if err != nil {
			return err
		}
		data = data[n:]
	}
	return nil
}

// await arms what waits for the answer to a message.
func (p *playing) await(sent []byte) {
	if p.asked != nil {
		p.l.watch.remove(p.asked)
		p.asked = nil
	}
	out, in := p.find(sent)
	var a answerer
	switch {
	case out != nil:
		if out.begin != nil {
			out.begin()
		}
		a = out.answer
	case p.Type.Protocol.Messages != nil || p.Type.Protocol.SCPI != nil:
		a = someAnswer{p.s.codec}
	}
	if a == nil {
		return
	}
	p.asked = newAnswer(a, in)
	p.l.watch.add(p.asked)
	p.l.watch.arm(p.asked, p.clock.Mono())
}

// find makes the message that was sent, if it is one that the type sends without
// anybody's asking.
func (p *playing) find(sent []byte) (*outgoing, *round) {
	same := func(make func() (*outgoing, error)) *outgoing {
		if m, ok := p.s.codec.(*modbusCodec); ok && m.mode == modbus.TCP && len(sent) > 2 {
			m.mu.Lock()
			m.txid = binary.BigEndian.Uint16(sent) - 1
			m.mu.Unlock()
		}
		out, err := make()
		if err != nil {
			return nil
		}
		for _, first := range []*outgoing{out, out.why} {
			for o := first; o != nil; o = o.next {
				if bytes.Equal(o.data, sent) {
					return o
				}
			}
		}
		return nil
	}
	for _, group := range rounds(p.s.polls()) {
		for i := range group {
			if out := same(group[i].message); out != nil {
				in := &round{id: group[i].id, first: i == 0, last: i == len(group)-1}
				if !bytes.Equal(out.data, sent) || out.answer == nil {
					in = nil
				}
				return out, in
			}
		}
	}
	t := p.s.typ()
	steps := append(append(append(append([]Step{}, t.Connect.Identify...), t.Connect.Steps...), t.On.Mismatch...), t.On.Timeout...)
	if t.Safe != nil {
		steps = append(steps, t.Safe.Steps...)
	}
	for i := range steps {
		send, reply, args := steps[i].Send, steps[i].Reply, []argument(nil)
		if cmd := t.command(steps[i].Command); cmd != nil {
			a, err := cmd.resolve(stepArgs(steps[i].Args))
			if err != nil {
				continue
			}
			send, reply, args = cmd.Send, cmd.Reply, a
		}
		if send == nil {
			continue
		}
		if out := same(func() (*outgoing, error) { return p.s.codec.encode(nil, send, reply, args) }); out != nil {
			return out, nil
		}
	}
	return nil, nil
}

// someAnswer takes the first message that does not come by itself for the answer
// to a command, whose parameters a capture does not tell.
type someAnswer struct{ c codec }

func (a someAnswer) answer(r *lines.Record) (verdict, error) {
	if m, ok := a.c.(*messagesCodec); r.Kind != lines.Values || ok && m.known(r.Raw) {
		return notMine, nil
	}
	return obeyed, nil
}

// rowSink hands out frames sample by sample.
type rowSink struct {
	mu       sync.Mutex
	row      func(Row)
	opened   time.Duration
	contract *edge.Contract
	values   []float64
}

// Stream implements edge.Sink.
func (k *rowSink) Stream(_ string, _ uint32, c *edge.Contract) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.contract = c
}

// Frame implements edge.Sink.
func (k *rowSink) Frame(_ string, b []byte) {
	v, _, err := frame.Parse(b)
	if err != nil || k.row == nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for i := range v.Header().Samples {
		k.values = k.values[:0]
		for c := range k.contract.Channels {
			ch := &k.contract.Channels[c]
			k.values = append(k.values, v.Value(c, i)*ch.Scale+ch.Offset)
		}
		dev, ok := v.DeviceTime(i)
		if !ok {
			dev = math.NaN()
		}
		r := Row{At: v.BoxTime(i) - k.opened, DeviceUS: dev, Channels: k.contract.Channels, Values: k.values}
		if i == 0 {
			r.Lost = v.Header().Lost
		}
		k.row(r)
	}
}

// Event implements edge.Sink.
func (k *rowSink) Event(string, *edge.Event) {}
