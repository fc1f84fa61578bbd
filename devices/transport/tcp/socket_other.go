//go:build !linux

package tcp

import "syscall"

// setUp leaves the system's defaults: keepalive alone finds a dead line.
func setUp(syscall.RawConn, *Options) error { return nil }

// unacknowledged: no system but Linux says it without further ado.
func unacknowledged(syscall.RawConn) (int, error) { return -1, nil }
