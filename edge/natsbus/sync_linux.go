package natsbus

import (
	"os"

	"golang.org/x/sys/unix"
)

// syncTree makes the whole file system of dir durable: one call for a new
// stream's directories, meta files and blocks.
func syncTree(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.Syncfs(int(f.Fd()))
}

func dataSync(f *os.File) error { return unix.Fdatasync(int(f.Fd())) }

func syncDir(d *os.File) error { return d.Sync() }

// diskSpace returns the bytes a process without privileges may still take, and
// the size of the file system.
func diskSpace(dir string) (free, total int64, err error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, 0, err
	}
	return int64(st.Bavail) * int64(st.Bsize), int64(st.Blocks) * int64(st.Bsize), nil //nolint:unconvert // differs by architecture
}
