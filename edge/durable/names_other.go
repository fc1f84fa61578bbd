//go:build !unix

package durable

// Names does nothing: Windows has no way to sync a directory.
func Names(string) error { return nil }
