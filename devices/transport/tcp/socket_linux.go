package tcp

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// setUp runs on a socket before it connects. TCP_NODELAY is the library's
// default.
func setUp(c syscall.RawConn, o *Options) error {
	var err error
	cerr := c.Control(func(fd uintptr) {
		ms := int(max(o.DeadAfter/time.Millisecond, 1))
		if err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, ms); err != nil {
			return
		}
		err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_SNDBUF, o.SendBuffer)
	})
	if cerr != nil {
		return cerr
	}
	return err
}

const stateClose = 7 // TCP_CLOSE of <netinet/tcp.h>

// unacknowledged asks the kernel what of the output the far end has not
// acknowledged (SIOCOUTQ, tcp(7)), or returns why the connection is gone.
func unacknowledged(raw syscall.RawConn) (n int, err error) {
	n = -1
	cerr := raw.Control(func(fd uintptr) {
		if n, err = unix.IoctlGetInt(int(fd), unix.SIOCOUTQ); err != nil || n == 0 {
			return
		}
		// The count stands still on a connection that was reset.
		info, ierr := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
		if ierr != nil || info.State != stateClose {
			return
		}
		err = syscall.ECONNRESET
		if why, _ := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_ERROR); why != 0 {
			err = syscall.Errno(why)
		}
	})
	if cerr != nil {
		return -1, cerr
	}
	return n, err
}
