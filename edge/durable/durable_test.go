package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// What cannot be synced is an error, never a silent success.
func TestErrorsAreTold(t *testing.T) {
	dir := t.TempDir()
	f, err := os.Create(filepath.Join(dir, "x"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(Data(f), Names(dir), f.Close()); err != nil {
		t.Fatal(err)
	}
	if Data(f) == nil {
		t.Error("a closed file is durable")
	}
	if err := Names(filepath.Join(dir, "nowhere")); runtime.GOOS != "windows" && !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no such directory: %v", err)
	}
}
