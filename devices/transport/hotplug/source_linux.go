package hotplug

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// fromKernel is the multicast group of the kernel's own events; udev repeats
// them to group 2 in a format of its own.
const fromKernel = 1

// netlink is a socket that the kernel's events arrive on.
type netlink struct {
	f    *os.File
	raw  syscall.RawConn
	buf  []byte
	ctrl []byte
}

// OpenKernel listens for the kernel's events.
func OpenKernel() (Source, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_KOBJECT_UEVENT)
	if err != nil {
		return nil, fmt.Errorf("hotplug: netlink socket: %w", err)
	}
	// Credentials come with a message only if they are asked for before it is sent.
	err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PASSCRED, 1)
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: fromKernel})
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("hotplug: netlink socket: %w", err), unix.Close(fd))
	}
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 1<<20) // a hub that is plugged in says a lot
	f := os.NewFile(uintptr(fd), "uevent")
	raw, err := f.SyscallConn()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("hotplug: netlink socket: %w", err), f.Close())
	}
	return &netlink{f: f, raw: raw, buf: make([]byte, maxEvent), ctrl: make([]byte, unix.CmsgSpace(unix.SizeofUcred))}, nil
}

// Next implements Source.
func (k *netlink) Next() (Event, error) {
	for {
		var n, nctrl, flags int
		var from unix.Sockaddr
		var err error
		rerr := k.raw.Read(func(fd uintptr) bool {
			n, nctrl, flags, from, err = unix.Recvmsg(int(fd), k.buf, k.ctrl, 0)
			return err != unix.EAGAIN
		})
		switch {
		case rerr != nil:
			return Event{}, os.ErrClosed
		case err == unix.EINTR:
			continue
		case err == unix.ENOBUFS:
			return Event{}, ErrOverrun
		case err != nil:
			return Event{}, fmt.Errorf("hotplug: netlink: %w", err)
		case flags&unix.MSG_CTRUNC != 0 || !byKernel(from, k.ctrl[:nctrl]):
			continue
		case flags&unix.MSG_TRUNC != 0:
			return Event{}, ErrOverrun
		}
		if e, err := ParseEvent(k.buf[:n]); err == nil {
			return e, nil
		}
	}
}

// byKernel looks at who sent a message. Address 0 is the kernel's alone, and a
// process has an id and cannot pass for root without being it.
func byKernel(from unix.Sockaddr, ctrl []byte) bool {
	addr, ok := from.(*unix.SockaddrNetlink)
	if !ok || addr.Pid != 0 || addr.Groups != fromKernel {
		return false
	}
	messages, err := unix.ParseSocketControlMessage(ctrl)
	if err != nil {
		return false
	}
	for i := range messages {
		if cred, err := unix.ParseUnixCredentials(&messages[i]); err == nil {
			return cred.Pid == 0 && cred.Uid == 0
		}
	}
	return false
}

// Close implements Source.
func (k *netlink) Close() error { return k.f.Close() }
