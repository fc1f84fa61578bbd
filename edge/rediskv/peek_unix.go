//go:build linux || darwin || freebsd || netbsd || openbsd

package rediskv

import (
	"io"
	"net"
	"syscall"
)

// peek says whether an idle connection under TLS is still alive. Bytes that wait
// there are its end announced: nothing else is sent while nobody asks.
func peek(c net.Conn) error {
	s, ok := c.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return err
	}
	var dead error
	err = raw.Read(func(fd uintptr) bool {
		var b [1]byte
		_, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		if err == nil {
			dead = io.EOF
		} else if err != syscall.EAGAIN && err != syscall.EWOULDBLOCK { //nolint:errorlint // an errno
			dead = err
		}
		return true
	})
	if err != nil {
		return err
	}
	return dead
}
