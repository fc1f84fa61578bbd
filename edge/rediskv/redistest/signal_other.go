//go:build !unix

package redistest

// Pause does nothing here: there is no SIGSTOP.
func (s *Server) Pause() {}

// Resume does nothing here.
func (s *Server) Resume() {}
