//go:build !linux

package wslisten

import "net"

// unacknowledged: no system but Linux says it without further ado.
func unacknowledged(net.Conn) int { return -1 }
