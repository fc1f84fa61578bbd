package pty

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"labbox/devices/transport"
	"labbox/devices/transport/tty"
	"labbox/edge"
)

// look is how often a port that nobody has open is looked at.
const look = 5 * time.Millisecond

// Port is the device's end of a pty.
type Port struct {
	f      *tty.File
	name   string
	link   string
	opened func(bool)
	open   bool // as told to opened; Receive's own
	once   sync.Once

	mu    sync.Mutex // held while the other end is looked at
	dirty bool       // something was sent that may lie unread
	done  chan struct{}
}

var _ transport.Port = (*Port)(nil)

// Open makes a pty. Errors: port_missing where the system gives none, bad_config
// for a link that cannot be made.
func Open(o Options) (*Port, error) {
	f, err := tty.Open("/dev/ptmx")
	if err != nil {
		return nil, edge.Errorf(edge.CodePortMissing, "open a pty: %w", err)
	}
	p := &Port{f: f, opened: o.Opened, done: make(chan struct{})}
	if err := p.setUp(); err != nil {
		f.Close(nil)
		return nil, edge.Errorf(edge.CodePortMissing, "set up a pty: %w", err)
	}
	if o.Link != "" {
		if err := makeLink(p.name, o.Link); err != nil {
			f.Close(nil)
			return nil, badLink(o.Link, err)
		}
		p.link = o.Link
	}
	return p, nil
}

// setUp unlocks the other end and makes it raw, by opening it once.
func (p *Port) setUp() error {
	return p.f.Control(func(fd int) error {
		if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
			return err
		}
		n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
		if err != nil {
			return err
		}
		p.name = fmt.Sprintf("/dev/pts/%d", n)
		far, err := unix.Open(p.name, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(far)
		t, err := unix.IoctlGetTermios(far, unix.TCGETS)
		if err != nil {
			return err
		}
		// cfmakeraw of termios(3)
		t.Iflag &^= unix.IGNBRK | unix.BRKINT | unix.PARMRK | unix.ISTRIP | unix.INLCR | unix.IGNCR | unix.ICRNL | unix.IXON
		t.Oflag &^= unix.OPOST
		t.Lflag &^= unix.ECHO | unix.ECHONL | unix.ICANON | unix.ISIG | unix.IEXTEN
		t.Cflag = t.Cflag&^(unix.CSIZE|unix.PARENB) | unix.CS8
		t.Cc[unix.VMIN], t.Cc[unix.VTIME] = 1, 0
		return unix.IoctlSetTermios(far, unix.TCSETS, t)
	})
}

// makeLink makes link lead to name. It goes by way of a second name, so that no
// moment is without a link.
func makeLink(name, link string) error {
	switch old, err := os.Readlink(link); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return fs.ErrExist
	case !strings.HasPrefix(old, "/dev/pts/"):
		return fmt.Errorf("it leads to %s: %w", old, fs.ErrExist)
	}
	next := fmt.Sprintf("%s.%d", link, os.Getpid())
	if err := os.Symlink(name, next); err != nil {
		return err
	}
	if err := os.Rename(next, link); err != nil {
		return errors.Join(err, os.Remove(next))
	}
	return nil
}

// Name is the path of the other end.
func (p *Port) Name() string { return p.name }

// Receive implements transport.Port. It outlasts programs that close the other
// end.
func (p *Port) Receive(b []byte) (int, transport.Kind, error) {
	if len(b) == 0 {
		return 0, transport.Stream, transport.ErrTooLong
	}
	for {
		attended := p.attended()
		if p.opened != nil && p.open != attended {
			p.open = attended
			p.opened(attended)
		}
		receive := p.f.Receive
		if !attended {
			receive = p.f.TryReceive // what the last program left, without waiting for the next
		}
		n, err := receive(b)
		switch {
		case n > 0:
			return n, transport.Stream, nil
		case p.f.Closed():
			return 0, transport.Stream, transport.ErrClosed
		case attended && (errors.Is(err, unix.EIO) || errors.Is(err, io.EOF)): // it has gone
		case attended || err != nil && !errors.Is(err, unix.EIO):
			return 0, transport.Stream, p.fail(err)
		default:
			select {
			case <-time.After(look):
			case <-p.done:
			}
		}
	}
}

// attended says that a program has the other end open. When none has, what the
// last one left unread is dropped: the next one must not take it for news.
func (p *Port) attended() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	open := false
	err := p.f.Control(func(fd int) error {
		fds := []unix.PollFd{{Fd: int32(fd)}}
		_, err := unix.Poll(fds, 0)
		for errors.Is(err, unix.EINTR) { // a signal of the runtime, not an answer
			_, err = unix.Poll(fds, 0)
		}
		open = err == nil && fds[0].Revents&unix.POLLHUP == 0
		return err
	})
	if open || err != nil || !p.dirty {
		return open
	}
	far, err := unix.Open(p.name, unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return false // an exclusive program came meanwhile
	}
	defer unix.Close(far)
	p.dirty = unix.IoctlSetInt(far, unix.TCFLSH, unix.TCIFLUSH) != nil
	return false
}

func (p *Port) fail(err error) error {
	switch {
	case err == nil:
		return nil
	case p.f.Closed() || errors.Is(err, os.ErrClosed):
		return transport.ErrClosed
	case errors.Is(err, transport.ErrDiscarded), errors.Is(err, transport.ErrTooLong),
		errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	}
	return transport.Lost(p.name, err)
}

// Send implements transport.Port. While nobody has the other end open, what is
// sent is lost and that is no error.
func (p *Port) Send(b []byte, _ transport.Kind) error {
	if !p.f.Closed() && !p.attended() {
		return nil
	}
	p.mu.Lock()
	p.dirty = true
	p.mu.Unlock()
	err := p.f.Send(b)
	if errors.Is(err, unix.EIO) { // closed meanwhile
		return nil
	}
	return p.fail(err)
}

// Drain implements transport.Port: a pty has no queue that it tells of.
func (p *Port) Drain(context.Context) error {
	if p.f.Closed() {
		return transport.ErrClosed
	}
	return nil
}

// Pending implements transport.Port.
func (p *Port) Pending() int { return -1 }

// DiscardOutput implements transport.Port.
func (p *Port) DiscardOutput() error { return p.fail(p.f.Discard()) }

// Close implements transport.Port. A program that has the other end open gets a
// hang-up, as from an unplugged adapter.
func (p *Port) Close() error {
	var err error
	p.once.Do(func() {
		close(p.done)
		if p.link != "" {
			if to, lerr := os.Readlink(p.link); lerr == nil && to == p.name {
				_ = os.Remove(p.link)
			}
		}
		err = p.f.Close(nil)
	})
	return err
}
