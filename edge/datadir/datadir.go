// Package datadir opens the directory where a box keeps its data: one process
// at a time, in a format that is named.
//
//	dir, err := datadir.Open(path)
//	if err != nil { ... } // edge.CodeDataLocked: another labbox uses it
//	defer dir.Close()
//	broker, err := natsbus.Start(ctx, natsbus.Config{Dir: dir.Sub("broker")})
//
// The lock is the operating system's (flock, LockFileEx): it is gone with the
// process, however that ends. On a network file system it may not hold.
package datadir

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"labbox/edge"
)

// version is the format this labbox writes and reads.
const version = "labbox data 1\n"

// Dir is an open data directory.
type Dir struct {
	path string
	lock *os.File
}

// Default is the user's own data directory for labbox.
func Default() (string, error) {
	if d := os.Getenv("XDG_DATA_HOME"); d != "" && filepath.IsAbs(d) {
		return filepath.Join(d, "labbox"), nil
	}
	if runtime.GOOS == "windows" {
		if d := os.Getenv("LocalAppData"); d != "" {
			return filepath.Join(d, "labbox"), nil
		}
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", edge.Errorf(edge.CodeBadConfig, "no home directory: %w", err).WithHint("give --data DIR")
	}
	if runtime.GOOS == "darwin" {
		return filepath.Join(home, "Library", "Application Support", "labbox"), nil
	}
	return filepath.Join(home, ".local", "share", "labbox"), nil
}

// Open makes the directory where there is none, and locks it.
func Open(path string) (*Dir, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, edge.Errorf(edge.CodeBadConfig, "data directory: %w", err).WithHint("give --data a directory that you may write")
	}
	d, err := lockDir(path)
	if err != nil {
		return nil, err
	}
	if err := d.checkVersion(); err != nil {
		_ = d.Close()
		return nil, err
	}
	d.sign()
	return d, nil
}

// lockDir takes the lock of a directory that exists.
func lockDir(path string) (*Dir, error) {
	f, err := os.OpenFile(filepath.Join(path, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, edge.Errorf(edge.CodeBadConfig, "data directory: %w", err).WithHint("give --data a directory that you may write")
	}
	if err := lock(f); err != nil {
		who, _ := os.ReadFile(f.Name())
		_ = f.Close()
		return nil, edge.Errorf(edge.CodeDataLocked, "another labbox uses %s", path).
			With("pid", strings.TrimSpace(string(who))).WithHint("stop it (process %s), or give --data another directory", strings.TrimSpace(string(who)))
	}
	return &Dir{path: path, lock: f}, nil
}

// sign says in the lock file who holds it.
func (d *Dir) sign() {
	if err := d.lock.Truncate(0); err == nil {
		_, _ = d.lock.WriteAt(fmt.Appendf(nil, "%d\n", os.Getpid()), 0)
	}
}

func (d *Dir) checkVersion() error {
	name := filepath.Join(d.path, "VERSION")
	have, err := os.ReadFile(name)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return os.WriteFile(name, []byte(version), 0o600)
	case err != nil:
		return fmt.Errorf("datadir: read version: %w", err)
	case string(have) == unfinished:
		return edge.Errorf(edge.CodeBadConfig, "%s was to be filled from a backup, and that was cut off", d.path).
			WithHint("run `labbox restore` again")
	case string(have) != version:
		return edge.Errorf(edge.CodeBadConfig, "%s holds %q, this labbox reads %q", d.path,
			strings.TrimSpace(string(have)), strings.TrimSpace(version)).
			WithHint("run the labbox that wrote it, or give --data another directory")
	}
	return nil
}

// Sub is the path of a directory below d.
func (d *Dir) Sub(name string) string { return filepath.Join(d.path, name) }

// Path is the directory's own path.
func (d *Dir) Path() string { return d.path }

// Close lets go of the directory.
func (d *Dir) Close() error { return d.lock.Close() }

// Instance is a random name that belongs to this directory and stays with it.
func (d *Dir) Instance() (string, error) {
	name := filepath.Join(d.path, "instance")
	if b, err := os.ReadFile(name); err == nil && len(strings.TrimSpace(string(b))) >= 16 {
		return strings.TrimSpace(string(b)), nil
	}
	id := rand.Text()
	if err := os.WriteFile(name, []byte(id+"\n"), 0o600); err != nil {
		return "", edge.Errorf(edge.CodeBadConfig, "data directory: %w", err).WithHint("give --data a directory that you may write")
	}
	return id, nil
}
