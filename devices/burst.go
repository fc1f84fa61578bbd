package devices

import (
	"math"
	"time"

	"labbox/firmware-protocols/lines"
)

// gatherer is a codec whose device spreads one sample over a burst of records.
type gatherer interface {
	// begins says whether the record that was emitted last is of another sample
	// than those before it. A record of kind Labels is of none: it ends the burst.
	begins() bool
}

// gather adds a record to the sample of its burst, and says whether that was all
// there was to do with it.
func (r *reader) gather(g gatherer, rec *lines.Record, now time.Duration) bool {
	if rec.Kind != lines.Values && rec.Kind != lines.Labels {
		return false
	}
	if g.begins() {
		r.gathered()
	}
	if rec.Kind == lines.Labels {
		return true
	}
	if r.s.typ().AutoChannel != nil {
		r.learn(rec, now)
	}
	r.in.round.gather(rec, now)
	if !r.proved && r.in.complete() {
		r.prove1()
	}
	return true
}

// gathered gives out the sample of a burst that is over.
func (r *reader) gathered() {
	round := r.in.round
	if !r.proved {
		round.open = false
		return
	}
	if !round.open {
		return
	}
	round.sayRestart(r.lose)
	round.flush(r.s.stream.add)
	r.sampled()
}

// gather is collect; the sample is as old as its first record.
func (in *intake) gather(r *lines.Record, at time.Duration) {
	if in.open {
		at = in.at
	}
	in.collect(r, at)
}

// oneTime is the device's time of a round that holds one sample.
func (in *intake) oneTime(n int) float64 {
	if n > 1 {
		return math.NaN()
	}
	return in.dev
}
