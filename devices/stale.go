package devices

import "labbox/edge"

// stale tells frozen telemetry from live: both ways it passes through the safe
// sequence. And it looks how long the device has run,
// and where it stands.
func (s *Supervisor) stale() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tooLongLocked()
	s.homeLocked()
	frozen := s.frozenLocked()
	switch {
	case frozen && s.state == edge.StateLive:
		s.setStateLocked(edge.StateStale, s.silenceLocked())
		if s.typ().Safe != nil {
			s.demandSafeLocked("stale")
		}
	case !frozen && s.state == edge.StateStale:
		if s.typ().Safe == nil {
			s.setStateLocked(edge.StateLive, nil)
		} else {
			s.demandSafeLocked("data again")
		}
	}
}

func (s *Supervisor) frozenLocked() bool {
	if s.typ().mute() {
		return false
	}
	at, ok := s.stream.newest()
	if !ok || at < s.known { // it has just been recognised: its first sample may still come
		at = s.known
	}
	return s.clock.Mono()-at > s.typ().Stale
}

// silenceLocked says why there is no data.
func (s *Supervisor) silenceLocked() error {
	if s.odd.code != "" && s.clock.Mono()-s.odd.at < s.typ().Stale {
		return edge.Errorf(s.odd.code, "no data for %v: %s", s.typ().Stale, s.odd.text).
			WithHint("a bad cable, another baud rate than %d, or another firmware?", s.typ().Serial.Baud)
	}
	return edge.Errorf(edge.CodeNotReady, "no data for %v", s.typ().Stale).WithHint("is the device still running?")
}
