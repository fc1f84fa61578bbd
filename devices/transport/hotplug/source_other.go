//go:build !linux

package hotplug

import "errors"

// OpenKernel is for Linux: elsewhere there is the scan.
func OpenKernel() (Source, error) { return nil, errors.ErrUnsupported }
