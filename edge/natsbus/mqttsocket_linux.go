package natsbus

import (
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// mqttSocket bounds how long a device may leave TCP unanswered, and how much of
// what is sent to it the system takes.
func mqttSocket(c *net.TCPConn, deadAfter time.Duration) {
	raw, err := c.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(deadAfter/time.Millisecond))
		_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_SNDBUF, 16<<10)
	})
}

// mqttQueued is what a connection has not had acknowledged, and what another has
// received that nobody has read (tcp(7)).
func mqttQueued(out, in *net.TCPConn) int {
	sum := 0
	for c, what := range map[*net.TCPConn]uint{out: unix.SIOCOUTQ, in: unix.SIOCINQ} {
		raw, err := c.SyscallConn()
		if err != nil {
			return -1
		}
		n := 0
		if cerr := raw.Control(func(fd uintptr) { n, err = unix.IoctlGetInt(int(fd), what) }); cerr != nil || err != nil {
			return 0 // closed: nothing will leave any more
		}
		sum += n
	}
	return sum
}
