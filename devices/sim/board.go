package sim

import (
	"context"
	"errors"
	"time"

	"labbox/devices/transport"
)

// Device is a simulated device.
type Device interface {
	// Run speaks on port until ctx ends or the line is lost, closes port and
	// says which of the two it was. Called again it goes on where it left off:
	// an unplugged device keeps its state. A second Run at the same time waits
	// until the first has ended.
	Run(ctx context.Context, port transport.Port) error
}

// Options of a plant.
type Options struct {
	Seed uint64 // of noise and nudges
	// Reboot restarts the firmware at each Run, as opening the port of many
	// boards does; what it moves stays where it is.
	Reboot bool
	// Still leaves the plant at rest until something drives it: no release from
	// an angle, no nudges.
	Still bool
	// Old makes frames as older firmware sent them, where there was any.
	Old bool
}

// program is the firmware on a board. Its methods are called one at a time.
type program interface {
	// reboot is a reset of the board, before an open; what it moves goes on.
	reboot(now time.Time)
	// open tells of a new line, or of a restart on the old one.
	open(now time.Time, out *output)
	// receive takes bytes in the chunks in which they come, or whole messages.
	receive(now time.Time, p []byte, out *output)
	// wake is when tick wants to be called next.
	wake() time.Time
	tick(now time.Time, out *output)
}

// output is the board's side of the line.
type output struct {
	ctx  context.Context
	port transport.Port
	// fifo is how many bytes the board's output buffer holds: beyond it, what is
	// printed waits for the line. 0: no limit of the board's own.
	fifo int
	err  error
}

func (o *output) text(b []byte)   { o.send(b, transport.Text) }
func (o *output) binary(b []byte) { o.send(b, transport.Binary) }

func (o *output) send(b []byte, kind transport.Kind) {
	if o.err != nil || len(b) == 0 {
		return
	}
	if o.err = o.port.Send(b, kind); o.err == nil && o.fifo > 0 && o.port.Pending() > o.fifo {
		o.err = o.port.Drain(o.ctx)
	}
}

// board runs a program on a line.
type board struct {
	prog program
	fifo int
	busy chan struct{} // holds a token while Run runs
	out  *output       // of the Run under way, for what is asked
	asks chan func()   // done by Run, between two of the program's calls
}

func newBoard(p program, fifo int) *board {
	return &board{prog: p, fifo: fifo, busy: make(chan struct{}, 1), asks: make(chan func())}
}

// Run implements Device.
func (b *board) Run(ctx context.Context, port transport.Port) error {
	defer port.Close()
	select {
	case b.busy <- struct{}{}:
		defer func() { <-b.busy }()
	case <-ctx.Done():
		return ctx.Err()
	}
	stop := context.AfterFunc(ctx, func() { _ = port.Close() })
	defer stop()
	in := make(chan []byte)
	lost := make(chan error, 1)
	quit := make(chan struct{})
	ended := make(chan struct{})
	go func() { defer close(ended); lost <- listen(port, in, quit) }()
	defer func() {
		close(quit)
		_ = port.Close()
		<-ended
	}()

	out := &output{ctx: ctx, port: port, fifo: b.fifo}
	b.prog.open(time.Now(), out)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for out.err == nil && ctx.Err() == nil {
		timer.Reset(time.Until(b.prog.wake()))
		select {
		case f := <-b.asks:
			b.out = out
			f()
			b.out = nil
		case p := <-in:
			b.prog.receive(time.Now(), p, out)
		case <-timer.C:
			b.prog.tick(time.Now(), out)
		case err := <-lost:
			out.err = err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return out.err
}

// listen hands what is received to in, until the line ends or quit is closed.
func listen(port transport.Port, in chan<- []byte, quit <-chan struct{}) error {
	for {
		buf := make([]byte, 1024)
		n, _, err := port.Receive(buf)
		if errors.Is(err, transport.ErrTooLong) {
			continue // as the firmware: it has no room for such a message
		}
		if err != nil {
			return err
		}
		select {
		case in <- buf[:n]:
		case <-quit:
			return nil
		}
	}
}
