//go:build !linux && !darwin && !windows

package record

import "math"

// freeBytes is not known here: a failed write tells.
func freeBytes(string) (uint64, error) { return math.MaxUint64, nil }
