package datadir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"labbox/edge"
)

// unfinished stands in VERSION while a directory is being filled: no labbox takes
// it for its data.
const unfinished = "labbox data, restore not finished\n"

// Fill makes and locks a directory that is to be filled from a backup. It must be
// absent or empty, or be left from a Fill that was cut off; what that one had
// written is removed. Until Finish no labbox opens it.
func Fill(path string) (*Dir, error) {
	if err := mayFill(path); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, edge.Errorf(edge.CodeBadConfig, "data directory: %w", err).WithHint("give --data a directory that you may write")
	}
	d, err := lockDir(path)
	if err != nil {
		return nil, err
	}
	if err := mayFill(path); err != nil { // nobody was faster
		_ = d.Close()
		return nil, err
	}
	err = d.Empty()
	if err == nil {
		err = replace(filepath.Join(path, "VERSION"), unfinished)
	}
	if err != nil {
		_ = d.Close()
		return nil, err
	}
	return d, nil
}

// mayFill says whether a directory holds nothing that somebody could miss.
func mayFill(path string) error {
	entries, err := os.ReadDir(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return edge.Errorf(edge.CodeBadConfig, "data directory: %w", err).WithHint("give --data a directory that you may write")
	}
	if have, err := os.ReadFile(filepath.Join(path, "VERSION")); err == nil && string(have) == unfinished {
		return nil
	}
	for _, e := range entries {
		if e.Name() != "lock" {
			return edge.Errorf(edge.CodeBadConfig, "%s is not empty", path).
				WithHint("give --data another directory, or --force to move this one aside")
		}
	}
	return nil
}

// Empty removes all that is in the directory but its lock. It is for one that Fill
// has opened.
func (d *Dir) Empty() error {
	entries, err := os.ReadDir(d.path)
	if err != nil {
		return err
	}
	var last string // VERSION goes last: until then the directory is known for what it is
	for _, e := range entries {
		switch e.Name() {
		case "lock":
		case "VERSION":
			last = filepath.Join(d.path, e.Name())
		default:
			if err := os.RemoveAll(filepath.Join(d.path, e.Name())); err != nil {
				return err
			}
		}
	}
	if last == "" {
		return nil
	}
	return os.Remove(last)
}

// Finish makes a filled directory one that labbox opens.
func (d *Dir) Finish() error { return replace(filepath.Join(d.path, "VERSION"), version) }

// Format is the content of VERSION in a directory of this labbox.
func Format() string { return version }

// replace writes a small file that is on the disk before it has the name.
func replace(name, content string) error {
	f, err := os.OpenFile(name+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("datadir: %w", err)
	}
	_, err = f.WriteString(content)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("datadir: %w", err)
	}
	return os.Rename(name+".new", name)
}
