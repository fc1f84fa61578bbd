//go:build unix

package durable

import (
	"errors"
	"os"
)

// Names makes the names created in and removed from dir survive a power cut.
func Names(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
