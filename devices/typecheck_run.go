package devices

import "time"

// makesSafe says whether the type has a safe sequence that does something.
func (t *Type) makesSafe() bool { return t.Safe != nil && len(t.Safe.Steps) > 0 }

// longestRun checks a limit of time, of a command or (nil) of the type.
func (c *checker) longestRun(d time.Duration, cmd *Command, path []any) {
	switch {
	case d < 0:
		c.bad("bad_range", "such as 5m", path, "%v is no time to run", d)
	case d == 0:
	case !c.t.makesSafe() && !c.t.untold():
		c.bad("missing", "write the steps of `safe:`", path, "the device is made safe then, and there is nothing to send")
	case cmd != nil && cmd.Calming:
		c.bad("bad_value", "leave it out, or the command is not calming", path, "`%s` is calming: it makes nothing run", cmd.ID)
	}
}

// trip checks a range that makes the device safe.
func (c *checker) trip(ch *Channel, path []any) {
	c.finite(append(path, "trip_beyond"), ch.TripBeyond)
	switch {
	case ch.TripBeyond < 0:
		c.bad("bad_range", "how far outside the range, such as 0.5", append(path, "trip_beyond"), "trip_beyond %g", ch.TripBeyond)
	case !ch.Trip && ch.TripBeyond > 0:
		c.bad("missing", "write `trip: true` beside it", append(path, "trip_beyond"), "trip_beyond without trip")
	case !ch.Trip:
	case ch.Range == nil:
		c.bad("missing", "give a `range:`", append(path, "trip"), "`%s` has no range to be outside of", ch.ID)
	case !c.t.makesSafe():
		c.bad("missing", "write the steps of `safe:`", append(path, "trip"), "the device is made safe then, and there is nothing to send")
	}
}
