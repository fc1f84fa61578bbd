//go:build !linux

package durable

import "os"

// Data makes what was written to f survive a power cut; on macOS Sync is
// F_FULLFSYNC.
func Data(f *os.File) error { return f.Sync() }
