package record

import (
	"fmt"
	"os"
	"syscall"
)

// syncData makes what was written to f survive a power cut.
func syncData(f *os.File) error {
	c, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var serr error
	err = c.Control(func(fd uintptr) {
		for {
			if serr = syscall.Fdatasync(int(fd)); serr != syscall.EINTR {
				return
			}
		}
	})
	if err != nil {
		return err
	}
	return serr
}

// freeBytes is the space that dir's file system has for us.
func freeBytes(dir string) (uint64, error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return 0, fmt.Errorf("record: free space of %s: %w", dir, err)
	}
	return st.Bavail * uint64(st.Bsize), nil
}
