//go:build !unix

package main

// syncPath does nothing: Windows has no way to sync a directory.
func syncPath(string) error { return nil }
