package metrics

import (
	"fmt"

	"golang.org/x/sys/windows"
)

// FreeBytes is the space that dir's volume has for this user.
func FreeBytes(dir string) (uint64, error) {
	p, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return 0, fmt.Errorf("metrics: free space of %s: %w", dir, err)
	}
	var free uint64
	if err := windows.GetDiskFreeSpaceEx(p, &free, nil, nil); err != nil {
		return 0, fmt.Errorf("metrics: free space of %s: %w", dir, err)
	}
	return free, nil
}
