//go:build unix

package web_test

import (
	"os"
	"syscall"
	"testing"
)

// smallBuffer keeps a client's receive buffer small.
func smallBuffer(_, _ string, c syscall.RawConn) error {
	var err error
	if cerr := c.Control(func(fd uintptr) { err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 16<<10) }); cerr != nil {
		return cerr
	}
	return err
}

// openFiles counts the process's descriptors.
func openFiles(t testing.TB) int {
	t.Helper()
	for _, dir := range []string{"/proc/self/fd", "/dev/fd"} {
		if list, err := os.ReadDir(dir); err == nil {
			return len(list)
		}
	}
	t.Fatal("no list of open files")
	return 0
}
