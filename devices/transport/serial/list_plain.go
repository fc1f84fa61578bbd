//go:build !linux && !windows && !(darwin && cgo)

package serial

import (
	"slices"

	bugst "go.bug.st/serial"
)

// list has names only: the USB identity needs cgo here.
func list() ([]Info, error) {
	names, err := bugst.GetPortsList()
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	out := make([]Info, 0, len(names))
	for _, n := range names {
		out = append(out, Info{Path: n})
	}
	return out, nil
}
