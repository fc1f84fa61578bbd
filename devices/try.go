package devices

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"labbox/devices/capture"
	"labbox/devices/transport"
	"labbox/devices/transport/serial"
	"labbox/edge"
	"labbox/edge/config"
)

// Trial tries a type file on a live device: it connects as a box does, asks what
// the file says is to be asked, and tells of every message what became of it.
//
// Without Commands it sends questions only: `connect: identify`, what a protocol
// has to say so that the device describes itself, and the polls. With Commands it
// does all that a box does at connecting and at its end: `connect: steps`, the
// safe sequence. It never sends a command of its own.
type Trial struct {
	Type     *Type
	Opener   transport.Opener
	Baud     int // of the line, for pacing; 0: not a serial line
	Commands bool
	// Line is told of each message, in order, one call at a time; nil: nobody.
	Line func(TryLine)
	// Note is told of all bytes in both directions; nil: nobody.
	Note func(capture.Chunk)
	// Clock defaults to the system's.
	Clock edge.Clock
}

// OpenPort finds the port that a trial uses, as a box file would have it, with the
// type's settings: a path, a USB id or a TCP address. baud is 0 where it is no
// serial line.
func OpenPort(t *Type, p config.Port) (_ transport.Opener, baud int, _ error) {
	dev := &config.Device{ID: "device", Type: t.Name, Port: p}
	if p.Listen != "" || p.MQTT {
		return nil, 0, edge.Errorf(edge.CodeBadConfig, "a device that dials in cannot be tried").WithHint("try it in a box: labbox run")
	}
	return (&Bench{}).opener(t, &config.Box{}, dev, serial.NewRegistry(), BenchConfig{Seed: 1})
}

// TryLine is one message, or news about the device.
type TryLine struct {
	At    time.Duration // since the port was opened
	Dir   byte          // '<' from the device, '>' to it, '!' news
	Bytes []byte        // valid during the call
	Text  string        // what it is, or why it is nothing
}

// Run tries until ctx ends or the line is lost, and reports. An error means that
// the port could not be opened, or that the type cannot be tried.
func (t *Trial) Run(ctx context.Context) (*TryReport, error) {
	clock := t.Clock
	if clock == nil {
		clock = edge.NewSystemClock()
	}
	tr := &tracer{trial: t, clock: clock, names: map[string]string{}, stats: map[string]*TryChannel{}, unknown: map[string]*TryField{}}
	log := slog.New(newsHandler{tr: tr})
	ledger, err := NewLedger(ctx, "try", &scratchKV{}, nil, log)
	if err != nil {
		return nil, err
	}
	s, err := New(Config{Box: "try", ID: "device", Type: t.Type, Opener: t.Opener, Baud: t.Baud, Clock: clock, Ledger: ledger, Logger: log})
	if err != nil {
		return nil, err
	}
	port, err := t.Opener.Open(ctx)
	if err != nil {
		return nil, err
	}
	tr.begin(s)
	s.stream.restart(1, s.contract, t.Type.Time != nil)
	lost := t.session(ctx, s, tr, port)
	if ctx.Err() != nil {
		lost = nil
	}
	return tr.report(lost), nil
}

// session runs one connection, as Supervisor.session does.
func (t *Trial) session(ctx context.Context, s *Supervisor, tr *tracer, port transport.Port) error {
	lctx, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(context.Canceled)
	if t.Note != nil {
		port = capture.Tap(port, tr.since, t.Note)
	}
	port = &tracePort{Port: port, tr: tr}
	l := &link{port: port, watch: &watchers{}, ctx: lctx, cancel: cancel}
	l.w = newWriter(port, s.clock, t.Baud, l.watch, func() {
		cancel(edge.Errorf(edge.CodeWriteStuck, "the port takes no more bytes"))
		_ = port.Close()
	})
	s.codec.reset()
	r := newReader(s, l)
	r.trace = tr.record
	tr.reader = r
	s.mu.Lock()
	s.link = l
	s.mu.Unlock()
	var running sync.WaitGroup
	running.Go(r.run)
	running.Go(func() { l.w.run(lctx) })
	defer running.Wait()
	defer l.asking.Wait()
	defer func() { _ = port.Close() }()
	err := t.talk(ctx, s, l, r)
	if err == nil {
		err = context.Cause(lctx)
	}
	s.mu.Lock()
	s.link = nil
	s.mu.Unlock()
	cancel(err)
	l.watch.fail(edge.Errorf(edge.CodePortLost, "the trial is over"))
	return err
}

// talk connects, and keeps asking until ctx ends.
func (t *Trial) talk(ctx context.Context, s *Supervisor, l *link, r *reader) error {
	if t.Commands {
		return s.live(ctx, l, r)
	}
	if err := s.await(ctx, l, s.typ().Connect.Boot, r.banner, r.known); err != nil {
		return err
	}
	if err := s.introduce(ctx, l); err != nil {
		return err
	}
	if err := s.greeting(ctx, l, r); err != nil || ctx.Err() != nil {
		return err
	}
	s.startPolls(l)
	return s.await(ctx, l, 1<<62, nil, nil)
}

// tracePort gives a stream byte by byte, so that it is known which bytes made
// which record.
type tracePort struct {
	transport.Port
	tr   *tracer
	buf  []byte
	rest []byte
	kind transport.Kind
}

// Receive implements transport.Port.
func (p *tracePort) Receive(b []byte) (int, transport.Kind, error) {
	if len(p.rest) == 0 {
		if p.buf == nil {
			p.buf = make([]byte, 16<<10)
		}
		n, kind, err := p.Port.Receive(p.buf)
		if err != nil {
			return 0, kind, err
		}
		p.rest, p.kind = p.buf[:n], kind
	}
	n := 1
	if p.kind != transport.Stream {
		n = len(p.rest)
	}
	n = copy(b, p.rest[:n])
	p.rest = p.rest[n:]
	p.tr.came(b[:n])
	return n, p.kind, nil
}

// Send implements transport.Port.
func (p *tracePort) Send(b []byte, kind transport.Kind) error {
	p.tr.sent(b)
	return p.Port.Send(b, kind)
}

// newsHandler shows what the supervisor logs.
type newsHandler struct{ tr *tracer }

// Enabled implements slog.Handler.
func (newsHandler) Enabled(context.Context, slog.Level) bool { return true }

// Handle implements slog.Handler.
func (h newsHandler) Handle(_ context.Context, r slog.Record) error {
	text := r.Message
	r.Attrs(func(a slog.Attr) bool {
		if a.Key != "device" && a.Key != "code" && a.Key != "before" {
			text += ", " + a.Key + ": " + a.Value.String()
		}
		return true
	})
	if r.Message != "device data not understood" { // its own line says so
		h.tr.news(text)
	}
	return nil
}

// WithAttrs implements slog.Handler.
func (h newsHandler) WithAttrs([]slog.Attr) slog.Handler { return h }

// WithGroup implements slog.Handler.
func (h newsHandler) WithGroup(string) slog.Handler { return h }
