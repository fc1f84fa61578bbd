package v4l2

import (
	"errors"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// handle is a video node that is open: the seam at which tests stand in for the kernel.
// Errors are those of the system call, errTimeout and errWoken.
type handle interface {
	// ioctl goes on after a signal.
	ioctl(op uintptr, arg unsafe.Pointer) error
	mmap(offset int64, length int) ([]byte, error)
	munmap(b []byte) error
	// wait returns nil when a call of dqBuf may answer something else than EAGAIN.
	wait(d time.Duration) error
	// wake ends this and all later waits. It may be called at any time.
	wake()
	close() error
}

var (
	errTimeout = errors.New("nothing came in time")
	errWoken   = errors.New("woken")
	errNoVideo = errors.New("no video device")
)

// videoMajor is the number of all video nodes (admin-guide/devices.txt). Another node
// is not even opened: that would reset the board behind a serial port.
const videoMajor = 81

type node struct {
	fd int

	mu    sync.Mutex
	waker int // an eventfd; -1 once it is closed
}

func openNode(path string) (handle, error) {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return nil, err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFCHR || unix.Major(uint64(st.Rdev)) != videoMajor { //nolint:unconvert // 32 bits on some systems
		return nil, errNoVideo
	}
	fd, err := again(func() (int, error) { return unix.Open(path, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0) })
	if err != nil {
		return nil, err
	}
	waker, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	return &node{fd: fd, waker: waker}, nil
}

// again repeats a call that a signal ended.
func again(f func() (int, error)) (int, error) {
	for {
		n, err := f()
		if !errors.Is(err, unix.EINTR) {
			return n, err
		}
	}
}

func (n *node) ioctl(op uintptr, arg unsafe.Pointer) error {
	_, err := again(func() (int, error) {
		if _, _, e := unix.Syscall(unix.SYS_IOCTL, uintptr(n.fd), op, uintptr(arg)); e != 0 {
			return 0, e
		}
		return 0, nil
	})
	return err
}

func (n *node) mmap(offset int64, length int) ([]byte, error) {
	return unix.Mmap(n.fd, offset, length, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
}

func (n *node) munmap(b []byte) error { return unix.Munmap(b) }

func (n *node) wait(d time.Duration) error {
	until := time.Now().Add(d)
	for {
		fds := []unix.PollFd{{Fd: int32(n.fd), Events: unix.POLLIN}, {Fd: int32(n.waker), Events: unix.POLLIN}}
		left := max(0, time.Until(until))
		count, err := unix.Poll(fds, int((left+time.Millisecond-1)/time.Millisecond))
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return err
		case fds[1].Revents != 0:
			return errWoken
		case count > 0:
			return nil
		case left == 0:
			return errTimeout
		}
	}
}

func (n *node) wake() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.waker >= 0 {
		_, _ = unix.Write(n.waker, []byte{1, 0, 0, 0, 0, 0, 0, 1})
	}
}

func (n *node) close() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	_ = unix.Close(n.waker)
	n.waker = -1
	return unix.Close(n.fd)
}
