package devices

import (
	"time"

	"labbox/edge"
)

// running is how long a device has run: since the first command written after
// the last confirmed safe sequence that is not calming. It belongs to the
// envelope, and is guarded as that is.
type running struct {
	longest, rest time.Duration            // of the type
	all           time.Duration            // when the first of all went out; 0: none did
	by            map[string]time.Duration // the same by command
	resting       bool                     // it ran its time, and is not known to be safe yet
	until         time.Duration            // it rests
}

// of gives an envelope its type's times.
func (e *envelope) of(t *Type) *envelope {
	e.ran.longest, e.ran.rest = t.LongestRun, t.Rest
	return e
}

// began notes a command that goes out.
func (r *running) began(now time.Duration, c *Command) {
	if c.Calming {
		return
	}
	if r.by == nil {
		r.by = map[string]time.Duration{}
	}
	if r.all == 0 {
		r.all = max(now, 1)
	}
	if r.by[c.ID] == 0 {
		r.by[c.ID] = max(now, 1)
	}
}

// admit refuses what would make a device run on that has had its time, or rests.
func (r *running) admit(now time.Duration, c *Command) error {
	if c.Calming {
		return nil
	}
	left := r.until - now
	switch {
	case r.resting, over(now, r.all, r.longest), over(now, r.by[c.ID], c.LongestRun):
		left = max(left, r.rest)
	case left <= 0:
		return nil
	}
	return edge.Errorf(edge.CodeTooLong, "the device has run as long as it may").With("left_ms", left.Milliseconds()).
		WithHint("wait %v", left.Round(time.Second))
}

func over(now, since, longest time.Duration) bool {
	return longest > 0 && since > 0 && now-since >= longest
}

// over says whether any run has had its time.
func (r *running) over(now time.Duration, t *Type) bool {
	if over(now, r.all, r.longest) {
		return true
	}
	for id, since := range r.by {
		if c := t.command(id); c != nil && over(now, since, c.LongestRun) {
			return true
		}
	}
	return false
}

// calmed is called when a safe sequence was confirmed.
func (r *running) calmed(now time.Duration) {
	if r.resting {
		r.resting, r.until = false, now+r.rest
	}
	r.all, r.by = 0, nil
}

// tooLongLocked makes a device safe that has run as long as it may.
func (s *Supervisor) tooLongLocked() {
	if r := &s.env.of(s.typ()).ran; !r.resting && r.over(s.clock.Mono(), s.typ()) {
		r.resting = true
		s.eventLocked("longest_run", nil, nil)
		s.demandSafeLocked("longest run")
		s.tellLocked()
	}
}
