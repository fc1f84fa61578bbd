package datadir

import (
	"os"

	"golang.org/x/sys/windows"
)

// lock takes a byte far behind the content, so that others may still read who
// holds it.
func lock(f *os.File) error {
	return windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY,
		0, 1, 0, &windows.Overlapped{Offset: 1 << 30})
}
