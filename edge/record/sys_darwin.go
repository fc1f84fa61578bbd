package record

import (
	"fmt"
	"os"
	"syscall"
)

// syncData uses Sync, which is F_FULLFSYNC there.
func syncData(f *os.File) error { return f.Sync() }

func freeBytes(dir string) (uint64, error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return 0, fmt.Errorf("record: free space of %s: %w", dir, err)
	}
	return st.Bavail * uint64(st.Bsize), nil
}
