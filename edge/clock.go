package edge

import (
	"sync/atomic"
	"time"
)

// Clock tells the time twice. Mono never steps and starts near zero with the
// process: leases, deadlines and samples use it. Wall is what a calendar says
// and may jump: it is kept beside Mono for people, and decides nothing.
//
// Implementations are safe for concurrent use.
type Clock interface {
	// Mono is the time since the process started, monotonic.
	Mono() time.Duration
	// Wall is the calendar time, with the offset a teacher may have set.
	Wall() time.Time
}

// SystemClock reads the machine's clocks. The zero value is not ready; use
// NewSystemClock.
type SystemClock struct {
	start  time.Time
	offset atomic.Int64 // ns
}

// NewSystemClock returns a Clock whose Mono starts at zero now.
func NewSystemClock() *SystemClock { return &SystemClock{start: time.Now()} }

// Mono implements Clock.
func (c *SystemClock) Mono() time.Duration { return time.Since(c.start) }

// Wall implements Clock.
func (c *SystemClock) Wall() time.Time { return time.Now().Round(0).Add(c.Offset()) }

// SetOffset sets what Wall adds to the machine's calendar: a board without a clock
// chip may have been told the time by a teacher's browser.
func (c *SystemClock) SetOffset(d time.Duration) { c.offset.Store(int64(d)) }

// Offset is what Wall adds to the machine's calendar.
func (c *SystemClock) Offset() time.Duration { return time.Duration(c.offset.Load()) }
