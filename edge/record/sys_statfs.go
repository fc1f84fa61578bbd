//go:build linux || darwin

package record

import (
	"fmt"
	"syscall"
)

// freeBytes is the space that dir's file system has for us.
func freeBytes(dir string) (uint64, error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return 0, fmt.Errorf("record: free space of %s: %w", dir, err)
	}
	return st.Bavail * uint64(st.Bsize), nil
}
