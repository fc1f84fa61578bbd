package devices

import (
	"runtime/debug"

	"labbox/edge"
)

// guard turns a fault of a codec into the end of this connection: what one device
// sends must not take the others with it. It is deferred where a codec runs.
func (s *Supervisor) guard(l *link) {
	v := recover()
	if v == nil {
		return
	}
	s.mu.Lock()
	if s.quiet.allow("codec", s.clock.Mono()) {
		s.log.Error("driver failed, please report it", "panic", v, "stack", string(debug.Stack()))
	}
	s.mu.Unlock()
	l.cancel(edge.Errorf(edge.CodeInternal, "the driver failed on what the device sent").WithHint("the box's log says more; please report it"))
	_ = l.port.Close()
}
