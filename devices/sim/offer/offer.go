// Package offer lets other programs use a simulated device: on a pseudo-terminal
// in place of a serial port, as a TCP server in place of an instrument's socket,
// or as a board that dials a websocket.
//
//	o, err := devices.NewSimulated(typ, devices.SimulatedOptions{Seed: 1})
//	...
//	err = offer.TCP(ctx, o.Opener, "127.0.0.1:5025", func(addr string) { fmt.Println("listening", addr) })
//
// The device's faults hold here too: unplugged, the pseudo-terminal is hung up and
// its link is gone, a TCP connection is closed, a websocket is cut; and each comes
// back when it is plugged in. One program at a time has the device.
//
// Known limits: pseudo-terminals are for Linux; a new one is made after each
// unplug, behind the same link.
package offer

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"labbox/devices/sim/faults"
	"labbox/devices/transport"
	"labbox/devices/transport/pty"
	"labbox/edge"
)

// line is the side of the other program.
type line interface {
	Receive(p []byte) (int, transport.Kind, error)
	Send(p []byte, kind transport.Kind) error
	Close() error
}

// look is how often the clock of a fault is looked at.
const look = 20 * time.Millisecond

// plugged waits until the cable is in.
func plugged(ctx context.Context, o *faults.Opener) error {
	for o.Active(faults.Unplug) {
		t := time.NewTimer(look)
		select {
		case <-o.Changed():
		case <-t.C:
		case <-ctx.Done():
		}
		t.Stop()
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return ctx.Err()
}

// bridge carries bytes both ways until either side ends, and closes both.
func bridge(ctx context.Context, o *faults.Opener, l line) error {
	defer l.Close()
	port, err := o.Open(ctx)
	if err != nil {
		return err
	}
	var both sync.WaitGroup
	end := sync.OnceFunc(func() { _ = port.Close(); _ = l.Close() })
	stop := context.AfterFunc(ctx, end)
	defer stop()
	carry := func(from, to line) {
		defer end()
		buf := make([]byte, 64<<10)
		for {
			n, kind, err := from.Receive(buf)
			if errors.Is(err, transport.ErrTooLong) {
				continue
			}
			if err == nil {
				err = to.Send(buf[:n], kind)
			}
			if err != nil && !errors.Is(err, transport.ErrDiscarded) {
				return
			}
		}
	}
	both.Go(func() { carry(port, l) })
	carry(l, port)
	both.Wait()
	return nil
}

// PTY offers the device on a pseudo-terminal behind a link until ctx ends. ready
// is told the path, once it is there, each time. Errors: bad_config for a link
// that cannot be made, port_missing where there are no pseudo-terminals.
func PTY(ctx context.Context, o *faults.Opener, link string, ready func(path string)) error {
	for plugged(ctx, o) == nil {
		p, err := pty.Open(pty.Options{Link: link})
		if err != nil {
			return err
		}
		ready(link)
		if err := bridge(ctx, o, p); err != nil && ctx.Err() == nil && edge.CodeOf(err) != edge.CodePortMissing {
			return err
		}
	}
	return nil
}

// TCP offers the device to one connection at a time until ctx ends; a second one
// is closed after a moment. ready is told the address. Errors: port_busy for an address
// that cannot be had.
func TCP(ctx context.Context, o *faults.Opener, addr string, ready func(addr string)) error {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return edge.Errorf(edge.CodePortBusy, "listen: %w", err).WithHint("an address of this computer and a free port, such as 127.0.0.1:5025")
	}
	defer ln.Close()
	stop := context.AfterFunc(ctx, func() { _ = ln.Close() })
	defer stop()
	ready(ln.Addr().String())
	var serving sync.WaitGroup
	defer serving.Wait()
	free := make(chan struct{}, 1)
	free <- struct{}{}
	for {
		c, err := ln.Accept()
		if ctx.Err() != nil {
			if err == nil {
				_ = c.Close()
			}
			return nil
		}
		if err != nil {
			return fmt.Errorf("accept: %w", err)
		}
		if o.Active(faults.Unplug) {
			_ = c.Close()
			continue
		}
		serving.Go(func() {
			t := time.NewTimer(handOver)
			defer t.Stop()
			select {
			case <-free:
				_ = bridge(ctx, o, &conn{c})
				free <- struct{}{}
			case <-t.C:
				_ = c.Close()
			case <-ctx.Done():
				_ = c.Close()
			}
		})
	}
}

// handOver is how long a connection waits for the one before it to be over, as
// that of a program that was started again is.
const handOver = 500 * time.Millisecond

// conn is a TCP connection as a line.
type conn struct{ net.Conn }

func (c *conn) Receive(p []byte) (int, transport.Kind, error) {
	n, err := c.Read(p)
	if n > 0 {
		return n, transport.Stream, nil
	}
	return 0, transport.Stream, err
}

func (c *conn) Send(p []byte, _ transport.Kind) error {
	_, err := c.Write(p)
	return err
}
