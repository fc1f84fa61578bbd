//go:build !unix

package web_test

import (
	"syscall"
	"testing"
)

func smallBuffer(string, string, syscall.RawConn) error { return nil }

// openFiles: there is no list of them here.
func openFiles(testing.TB) int { return 0 }

// benchViewers: the benchmark measures CPU time as unix tells it.
func benchViewers() bool { return false }
