package devices

import "time"

// connect carries out the steps of connecting. A question may be under way: it is
// answered first, since a device that is busy with one may miss the other.
func (s *Supervisor) connect(l *link) error {
	steps := s.typ().Connect.Steps
	if len(steps) == 0 {
		return nil
	}
	s.urgent.Add(1)
	defer s.urgent.Add(-1)
	limit := time.NewTimer(time.Second)
	defer limit.Stop()
	select {
	case <-s.line:
		defer func() { s.line <- struct{}{} }()
	case <-limit.C:
	case <-l.ctx.Done():
	}
	for i := range steps {
		if err := s.step(l, &steps[i]); err != nil {
			return err
		}
	}
	return nil
}
