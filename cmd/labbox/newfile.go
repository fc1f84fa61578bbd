package main

import (
	"errors"
	"io/fs"
	"os"

	"labbox/edge"
)

// newOut is a file that gets its name when it is whole and on the disk. Only its
// owner may read it.
type newOut struct {
	*os.File
	name string
}

// newFile refuses a name that is taken.
func newFile(name string) (*newOut, error) {
	if _, err := os.Lstat(name); err == nil {
		return nil, edge.Errorf(edge.CodeBadRequest, "%s is there already", name).WithHint("give another name")
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	f, err := os.OpenFile(name+".part", os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil, edge.Errorf(edge.CodeBadRequest, "%s.part is there already", name).WithHint("if nobody writes it, remove it")
	}
	if err != nil {
		return nil, err
	}
	return &newOut{f, name}, nil
}

func (o *newOut) discard() {
	_ = o.Close()
	_ = os.Remove(o.Name())
}

func (o *newOut) keep() error {
	err := errors.Join(o.Sync(), o.Close())
	if err == nil {
		err = os.Rename(o.Name(), o.name)
	}
	if err != nil {
		_ = os.Remove(o.Name())
	}
	return err
}
