package serial

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	bugst "go.bug.st/serial"

	"labbox/devices/transport"
	"labbox/edge"
)

// Library calls cannot be ended from outside, so reads look up every pollEvery
// and everything else is given patience at most.
const (
	pollEvery = 50 * time.Millisecond
	patience  = 500 * time.Millisecond
)

// libraryPort is a port for systems where the library does the transfer. Its
// handle is closed by whoever leaves last, so that no call that is late can hit
// a handle that was used again.
type libraryPort struct {
	lib     bugst.Port
	path    string
	release func()

	closed   atomic.Bool
	discards atomic.Uint64
	sendMu   sync.Mutex
	sending  atomic.Int32

	mu    sync.Mutex
	users int           // calls under way, and one for being open
	gone  chan struct{} // closed with the handle
}

var _ line = (*libraryPort)(nil)

func openLibrary(path string, o Options, release func()) (line, error) {
	lib, err := bugst.Open(path, o.mode())
	if err != nil {
		return nil, err
	}
	if err := lib.SetReadTimeout(pollEvery); err != nil {
		return nil, errors.Join(err, lib.Close())
	}
	return &libraryPort{lib: lib, path: path, release: release, users: 1, gone: make(chan struct{})}, nil
}

// enter keeps the handle open until leave.
func (p *libraryPort) enter() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed.Load() {
		return transport.ErrClosed
	}
	p.users++
	return nil
}

func (p *libraryPort) leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.users--; p.users == 0 {
		_ = p.lib.Close()
		p.release()
		close(p.gone)
	}
}

// Receive implements transport.Port.
func (p *libraryPort) Receive(b []byte) (int, transport.Kind, error) {
	if len(b) == 0 {
		return 0, transport.Stream, transport.ErrTooLong
	}
	if err := p.enter(); err != nil {
		return 0, transport.Stream, err
	}
	defer p.leave()
	for {
		start := time.Now()
		n, err := p.lib.Read(b)
		switch {
		case p.closed.Load():
			return 0, transport.Stream, transport.ErrClosed
		case n > 0:
			return n, transport.Stream, nil
		case err != nil:
			return 0, transport.Stream, transport.Lost(p.path, err)
		case time.Since(start) < pollEvery/10:
			time.Sleep(pollEvery / 10) // a driver that does not keep the timeout must not cost a core
		}
	}
}

// Send implements transport.Port.
func (p *libraryPort) Send(b []byte, _ transport.Kind) error {
	discards := p.discards.Load()
	if err := p.enter(); err != nil {
		return err
	}
	defer p.leave()
	p.sending.Add(1)
	defer p.sending.Add(-1)
	p.sendMu.Lock()
	defer p.sendMu.Unlock()
	for len(b) > 0 {
		if p.closed.Load() {
			return transport.ErrClosed
		}
		if p.discards.Load() != discards {
			return transport.ErrDiscarded
		}
		n, err := p.lib.Write(b)
		b = b[n:]
		if err != nil && p.discards.Load() == discards && !p.closed.Load() {
			return transport.Lost(p.path, err)
		}
	}
	return nil
}

// Pending implements transport.Port.
func (p *libraryPort) Pending() int { return -1 }

// Drain implements transport.Port.
func (p *libraryPort) Drain(ctx context.Context) error {
	if err := p.enter(); err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() {
		defer p.leave()
		done <- p.lib.Drain()
	}()
	select {
	case err := <-done:
		if err != nil {
			return transport.Lost(p.path, err)
		}
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// DiscardOutput implements transport.Port. Where the system does not wake the
// stuck Send, it says write_stuck after half a second.
func (p *libraryPort) DiscardOutput() error {
	if err := p.enter(); err != nil {
		return err
	}
	defer p.leave()
	p.discards.Add(1)
	for end := time.Now().Add(patience); ; time.Sleep(2 * time.Millisecond) {
		if err := p.lib.ResetOutputBuffer(); err != nil {
			return transport.Lost(p.path, err)
		}
		if p.sending.Load() == 0 {
			return nil
		}
		if time.Now().After(end) {
			return edge.Errorf(edge.CodeWriteStuck, "%s takes no bytes and cannot be freed", p.path)
		}
	}
}

// Close implements transport.Port.
func (p *libraryPort) Close() error {
	if p.closed.Load() {
		return nil
	}
	if p.sending.Load() == 0 {
		ctx, cancel := context.WithTimeout(context.Background(), patience/2)
		_ = p.Drain(ctx)
		cancel()
	}
	p.mu.Lock()
	was := p.closed.Swap(true)
	p.mu.Unlock()
	if was {
		return nil
	}
	_ = p.lib.ResetOutputBuffer()
	p.leave()
	select {
	case <-p.gone:
	case <-time.After(patience): // a write that is stuck keeps the handle until it returns
	}
	return nil
}

func (p *libraryPort) setDTR(on bool) error {
	if err := p.lib.SetDTR(on); err != nil {
		return fmt.Errorf("%w: %w", errNoModem, err)
	}
	return nil
}

func (p *libraryPort) discardInput() error { return p.lib.ResetInputBuffer() }
