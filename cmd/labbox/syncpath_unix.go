//go:build unix

package main

import (
	"errors"
	"os"
)

// syncPath makes the names in a directory survive a power cut.
func syncPath(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
