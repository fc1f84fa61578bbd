package serial

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"

	bugst "go.bug.st/serial"
	"golang.org/x/sys/unix"

	"labbox/devices/transport"
	"labbox/devices/transport/tty"
)

const forbiddenHint = "sudo usermod -aG dialout $USER, then sign in again"

// port is a serial port of Linux.
type port struct {
	*tty.File // Drain, Pending and friends, without this package's errors
	path      string
	pty       bool
	release   func()
}

var _ line = (*port)(nil)

func open(path string, o Options, release func()) (line, error) {
	f, err := tty.Open(path)
	if err != nil {
		return nil, err
	}
	p := &port{File: f, path: path, release: release}
	if err := p.setUp(o); err != nil {
		return nil, errors.Join(err, f.Close(nil))
	}
	return p, nil
}

func (p *port) setUp(o Options) error {
	fi, err := p.Stat()
	if err != nil {
		return err
	}
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !ok || fi.Mode()&os.ModeCharDevice == 0 {
		return errNotSerial
	}
	major := unix.Major(st.Rdev)
	p.pty = major >= 136 && major <= 143 // Documentation/admin-guide/devices.txt
	if err := p.Control(p.lock); err != nil {
		return err
	}
	if err := settings(p.path, o.mode()); err != nil {
		if gone := p.Control(isTerminal); gone != nil {
			return gone
		}
		return fmt.Errorf("%w: %w", errSettings, err)
	}
	if p.pty {
		// The exclusive flag of a pty outlives a killed process and would keep
		// everybody out until the other end is closed; the lock does not.
		return nil
	}
	return p.Control(func(fd int) error { return unix.IoctlSetInt(fd, unix.TIOCEXCL, 0) })
}

func isTerminal(fd int) error {
	if _, err := unix.IoctlGetTermios(fd, unix.TCGETS); err != nil {
		return fmt.Errorf("%w: %w", errNotSerial, err)
	}
	return nil
}

// lock keeps other programs out, and says errInUse where one keeps us out.
func (p *port) lock(fd int) error {
	if err := isTerminal(fd); err != nil {
		return err
	}
	if err := unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB); err != nil {
		if err == unix.EWOULDBLOCK {
			return errInUse
		}
		return fmt.Errorf("lock: %w", err)
	}
	if p.pty {
		return nil
	}
	// Root is let into an exclusive terminal all the same, and has to ask.
	if held, err := unix.IoctlGetInt(fd, unix.TIOCGEXCL); err == nil && held != 0 {
		return errInUse
	}
	return nil
}

// settings has the library set speed and format through a descriptor of its
// own, which it makes without close-on-exec: no child may start meanwhile.
func settings(path string, m *bugst.Mode) error {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	lib, err := bugst.Open(path, m)
	if err != nil {
		return err
	}
	return lib.Close()
}

// fail turns what a call came back with into the port's errors.
func (p *port) fail(err error) error {
	switch {
	case err == nil:
		return nil
	case p.Closed() || errors.Is(err, os.ErrClosed):
		return transport.ErrClosed
	case errors.Is(err, transport.ErrDiscarded), errors.Is(err, transport.ErrTooLong),
		errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	}
	return transport.Lost(p.path, err)
}

// Receive implements transport.Port.
func (p *port) Receive(b []byte) (int, transport.Kind, error) {
	n, err := p.File.Receive(b)
	return n, transport.Stream, p.fail(err)
}

// Send implements transport.Port.
func (p *port) Send(b []byte, _ transport.Kind) error { return p.fail(p.File.Send(b)) }

// Drain implements transport.Port.
func (p *port) Drain(ctx context.Context) error { return p.fail(p.File.Drain(ctx)) }

// DiscardOutput implements transport.Port.
func (p *port) DiscardOutput() error { return p.fail(p.Discard()) }

// Close implements transport.Port.
func (p *port) Close() error {
	defer p.release()
	return p.File.Close(func(fd int) {
		if !p.pty {
			_ = unix.IoctlSetInt(fd, unix.TIOCNXCL, 0)
		}
		_ = unix.Flock(fd, unix.LOCK_UN)
	})
}

func (p *port) discardInput() error { return p.Flush(unix.TCIFLUSH) }

func (p *port) setDTR(on bool) error {
	request := uint(unix.TIOCMBIC)
	if on {
		request = unix.TIOCMBIS
	}
	return p.Control(func(fd int) error {
		err := unix.IoctlSetPointerInt(fd, request, unix.TIOCM_DTR)
		if err == unix.ENOTTY || err == unix.EINVAL {
			return errNoModem
		}
		return err
	})
}

func errnoBusy(err error) bool { return errors.Is(err, unix.EBUSY) }
