//go:build !linux

package rabbittest

import "testing"

// Server is a RabbitMQ node; there is none on this system.
type Server struct{}

// Start skips the test.
func Start(t testing.TB) *Server {
	t.Helper()
	t.Skip("rabbittest: Linux only")
	return nil
}
