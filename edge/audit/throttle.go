package audit

import (
	"time"

	"labbox/edge"
)

const (
	perSecond = 50   // records of one seat and code
	maxFlood  = 1024 // seats and codes that are told apart
)

// who is a seat, or a device where nobody asked, and a code of events.
type who struct{ seat, code string }

// flood counts one second of one seat and code.
type flood struct {
	since time.Duration
	n     int        // seen in this second
	first edge.Event // of those that were left out
	why   string     // its verdict or code
}

// throttle keeps a flood of one seat's from filling the disk. Its caller locks.
type throttle struct {
	floods map[who]*flood
}

// exempt are codes that are recorded however many they are: what went out to a
// device, and what became of it.
func exempt(code string) bool { return code == "command" || code == "state" || code == "safe" }

// admit says whether e is written; else it is counted.
func (t *throttle) admit(e *edge.Event, now time.Duration) bool {
	if exempt(e.Code) {
		return true
	}
	k := who{"device " + e.Device, e.Code}
	if e.Actor != nil {
		k.seat = e.Actor.Seat
	}
	f := t.floods[k]
	if f == nil {
		if len(t.floods) >= maxFlood {
			k = who{code: e.Code} // more seats than a class has: these share
			f = t.floods[k]
		}
		if f == nil {
			f = &flood{since: now}
			t.floods[k] = f
		}
	}
	f.n++
	if f.n <= perSecond {
		return true
	}
	if f.n == perSecond+1 {
		f.first = *e
		f.first.Args = nil
		for _, key := range []string{"verdict", "code", "what"} {
			if s, ok := e.Args[key].(string); ok {
				f.why = clip(s, maxWord)
				break
			}
		}
	}
	return false
}

// sweep ends the seconds that are over, all of them where it is the end, and
// returns what to write of those that were left out.
func (t *throttle) sweep(now time.Duration, end bool) (more []*edge.Event) {
	for k, f := range t.floods {
		if !end && now-f.since < time.Second {
			continue
		}
		delete(t.floods, k)
		if left := f.n - perSecond; left > 0 {
			args := map[string]any{"code": f.first.Code, "n": left}
			if f.why != "" {
				args["first"] = f.why
			}
			more = append(more, &edge.Event{Device: f.first.Device, Actor: f.first.Actor, Code: codeMore, Args: args})
		}
	}
	return more
}
