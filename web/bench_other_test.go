//go:build !unix

package web_test

// benchClients: the benchmark measures CPU time as unix tells it.
func benchClients() bool { return false }
