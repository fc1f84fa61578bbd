//go:build !linux

package natsbus

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// syncTree makes every file and directory below dir durable, one by one.
func syncTree(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			return err
		}
		mode := os.O_RDWR
		if d.IsDir() {
			if runtime.GOOS == "windows" {
				return nil // directories are synced with their files there
			}
			mode = os.O_RDONLY
		}
		f, err := os.OpenFile(path, mode, 0)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		defer f.Close()
		return f.Sync()
	})
}

func dataSync(f *os.File) error { return f.Sync() }

func syncDir(d *os.File) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	return d.Sync()
}

func diskSpace(string) (free, total int64, err error) { return 0, 0, errors.ErrUnsupported }
