package tty

import (
	"context"
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"labbox/devices/transport"
)

// Grace is how long queued output may still leave after Close.
const Grace = 250 * time.Millisecond

// poll is how often a queue is looked at that tells nobody when it is empty.
const poll = 2 * time.Millisecond

// File is an open terminal device. The runtime waits for readiness, so that
// deadlines end a Receive and a Send, and os.File keeps a late call off a
// descriptor that was used again.
type File struct {
	f   *os.File
	raw syscall.RawConn

	closed atomic.Bool
	sendMu sync.Mutex // held while bytes go out, and while the queue is dropped

	mu       sync.Mutex // guards the write deadline
	discards int        // Discards under way
}

// Open opens path for both directions, without waiting for a carrier and
// without making it the controlling terminal. Children do not inherit it.
func Open(path string) (*File, error) {
	f, err := os.OpenFile(path, unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	raw, err := f.SyscallConn()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &File{f: f, raw: raw}, nil
}

// Stat returns what stat(2) says of the open file.
func (f *File) Stat() (os.FileInfo, error) { return f.f.Stat() }

// Control runs fn on the descriptor while it cannot be closed.
func (f *File) Control(fn func(fd int) error) error {
	var err error
	if cerr := f.raw.Control(func(fd uintptr) { err = fn(int(fd)) }); cerr != nil {
		return cerr
	}
	return err
}

// Closed says that Close was called.
func (f *File) Closed() bool { return f.closed.Load() }

// Receive returns n > 0 or an error: transport.ErrClosed, or what the system
// says of a hang-up (io.EOF or EIO).
func (f *File) Receive(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, transport.ErrTooLong
	}
	n, err := f.f.Read(b)
	if f.closed.Load() {
		return 0, transport.ErrClosed
	}
	if n > 0 {
		return n, nil
	}
	return 0, err
}

// TryReceive is a Receive that does not wait: n is 0 when nothing is there.
func (f *File) TryReceive(b []byte) (n int, err error) {
	if f.closed.Load() {
		return 0, transport.ErrClosed
	}
	rerr := f.raw.Read(func(fd uintptr) bool {
		n, err = unix.Read(int(fd), b)
		return true
	})
	if n = max(n, 0); n > 0 || rerr != nil {
		return n, rerr
	}
	if err == unix.EAGAIN || err == unix.EINTR {
		err = nil
	}
	return 0, err
}

// Send returns when the kernel has taken b, or with transport.ErrDiscarded,
// transport.ErrClosed or what the system says (EIO after a hang-up).
func (f *File) Send(b []byte) error {
	f.sendMu.Lock()
	defer f.sendMu.Unlock()
	if f.closed.Load() {
		return transport.ErrClosed
	}
	_, err := f.f.Write(b)
	switch {
	case err == nil:
		return nil
	case f.closed.Load():
		return transport.ErrClosed
	case errors.Is(err, os.ErrDeadlineExceeded):
		return transport.ErrDiscarded
	}
	return err
}

// past is a deadline that has expired.
func past() time.Time { return time.Unix(1, 0) }

// Discard makes a Send that is under way return and drops the kernel's queue.
func (f *File) Discard() error {
	if f.closed.Load() {
		return transport.ErrClosed
	}
	f.mu.Lock()
	f.discards++
	_ = f.f.SetWriteDeadline(past())
	f.mu.Unlock()

	f.sendMu.Lock() // a Send under way returns now, and none starts
	defer f.sendMu.Unlock()
	err := f.Flush(unix.TCOFLUSH)

	f.mu.Lock()
	defer f.mu.Unlock()
	if f.discards--; f.discards == 0 && !f.closed.Load() {
		_ = f.f.SetWriteDeadline(time.Time{})
	}
	if f.closed.Load() {
		return transport.ErrClosed
	}
	return err
}

// Flush drops the kernel's queues: unix.TCIFLUSH, TCOFLUSH or TCIOFLUSH.
func (f *File) Flush(what int) error {
	return f.Control(func(fd int) error { return unix.IoctlSetInt(fd, unix.TCFLSH, what) })
}

// Pending is the number of bytes in the kernel's output queue, -1 where it does
// not say.
func (f *File) Pending() int {
	n := -1
	_ = f.Control(func(fd int) error {
		if q, err := unix.IoctlGetInt(fd, unix.TIOCOUTQ); err == nil {
			n = q
		}
		return nil
	})
	return n
}

const shiftEmpty = 1 // TIOCSER_TEMT of <asm/ioctls.h>

// sent says that the queue is empty and, where the UART tells, its shift
// register too.
func (f *File) sent() (done bool, err error) {
	err = f.Control(func(fd int) error {
		q, err := unix.IoctlGetInt(fd, unix.TIOCOUTQ)
		if err != nil {
			return err
		}
		if done = q == 0; done {
			if lsr, err := unix.IoctlGetInt(fd, unix.TIOCSERGETLSR); err == nil {
				done = lsr&shiftEmpty != 0
			}
		}
		return nil
	})
	return done, err
}

// Drain waits until the queue is empty. It looks rather than calling tcdrain,
// which nothing can interrupt.
func (f *File) Drain(ctx context.Context) error {
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for {
		if f.closed.Load() {
			return transport.ErrClosed
		}
		if done, err := f.sent(); done || err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Close ends Receive and Send, lets output that no Send is stuck behind leave
// for Grace, drops the rest (the kernel would wait up to 30 s for it), runs last
// on the descriptor and closes it.
func (f *File) Close(last func(fd int)) error {
	if f.closed.Swap(true) {
		return nil
	}
	_ = f.f.SetReadDeadline(past())
	if f.sendMu.TryLock() {
		f.linger()
		f.sendMu.Unlock()
	}
	f.mu.Lock()
	_ = f.f.SetWriteDeadline(past())
	f.mu.Unlock()
	f.sendMu.Lock()
	defer f.sendMu.Unlock()
	_ = f.Flush(unix.TCOFLUSH)
	if last != nil {
		_ = f.Control(func(fd int) error { last(fd); return nil })
	}
	return f.f.Close()
}

func (f *File) linger() {
	for end := time.Now().Add(Grace); time.Now().Before(end); time.Sleep(poll) {
		if done, err := f.sent(); done || err != nil {
			return
		}
	}
}
