//go:build unix

package metrics

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// FreeBytes is the space that dir's file system has for this user.
func FreeBytes(dir string) (uint64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, fmt.Errorf("metrics: free space of %s: %w", dir, err)
	}
	return uint64(st.Bavail) * uint64(st.Bsize), nil //nolint:unconvert // the types differ between systems
}
