package devices

// keepalive tells a device with a watchdog of its own that its driver is there.
func (s *Supervisor) keepalive(l *link) {
	s.mu.Lock()
	driven := s.keeper.Driven() && s.obeysLocked() == nil
	abort := s.abort
	s.mu.Unlock()
	if !driven {
		return
	}
	select {
	case <-s.slot:
	default:
		return // a command is on its way: it serves as well
	}
	go func() {
		defer func() { s.slot <- struct{}{} }()
		k := s.typ().Keepalive
		out, err := s.codec.encode(nil, k.Send, k.Reply, nil)
		if err != nil {
			return
		}
		x := &exchange{s: s, l: l, out: out, ctx: l.ctx, stop: abort, check: func() error {
			s.mu.Lock()
			defer s.mu.Unlock()
			if !s.keeper.Driven() || s.abort != abort {
				return errInterrupted
			}
			return s.obeysLocked()
		}}
		_ = x.run()
	}()
}
