package wslisten

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// unacknowledged asks the kernel what of a TCP connection's output the far end
// has not acknowledged (SIOCOUTQ, tcp(7)).
func unacknowledged(c net.Conn) int {
	sc, ok := c.(syscall.Conn)
	if !ok {
		return -1 // TLS
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return -1
	}
	n := -1
	_ = raw.Control(func(fd uintptr) {
		if q, err := unix.IoctlGetInt(int(fd), unix.SIOCOUTQ); err == nil {
			n = q
		}
	})
	return n
}
