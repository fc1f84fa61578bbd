package camera

import "time"

// pacer lets pictures through at a rate, evenly.
type pacer struct {
	period time.Duration
	slack  int           // how many may come late, and are made up for
	next   time.Duration // when the next is due
	begun  bool
}

// slack is that of a camera: a source at just its rate on a busy machine loses none.
const slack = 2

// take says whether a picture at that time is one of those. One that comes up to a
// quarter of a period early is: no source is quite even.
func (p *pacer) take(now time.Duration) bool {
	if p.begun && now < p.next-p.period/4 {
		return false
	}
	switch late := time.Duration(p.slack) * p.period; {
	case !p.begun:
		p.begun, p.next = true, now
	case now-p.next > max(late, p.period):
		p.next = now - late
	}
	p.next += p.period
	return true
}

// counter counts what comes within a span of time.
type counter struct {
	since time.Duration
	n     int
}

// over counts one, and says how long is left of the span where it is one too many.
func (c *counter) over(now time.Duration, most int, span time.Duration) time.Duration {
	if now-c.since >= span {
		c.since, c.n = now, 0
	}
	if c.n++; c.n <= most {
		return 0
	}
	return span - (now - c.since)
}

// meter measures a rate over the last seconds.
type meter struct {
	at [128]time.Duration // a ring
	n  int                // how many there were
}

const meterWindow = 4 * time.Second

func (m *meter) add(at time.Duration) {
	m.at[m.n%len(m.at)] = at
	m.n++
}

// rate is that of the pictures within the last four seconds, or the last four periods
// of a camera with less than one a second.
func (m *meter) rate(now time.Duration, most float64) float64 {
	window := max(meterWindow, time.Duration(4*float64(time.Second)/most))
	var first, last time.Duration
	n := 0
	for i := m.n - 1; i >= 0 && i >= m.n-len(m.at); i-- {
		at := m.at[i%len(m.at)]
		if now-at > window {
			break
		}
		if n == 0 {
			last = at
		}
		first = at
		n++
	}
	if n < 2 || last == first {
		return 0
	}
	mean := (last - first) / time.Duration(n-1)
	if since := now - last; since > 2*mean { // it has become slower
		return float64(n) / (now - first).Seconds()
	}
	return 1 / mean.Seconds()
}
