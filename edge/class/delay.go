package class

import (
	"maps"
	"sync"
	"time"

	"labbox/edge"
)

// Delays of wrong passwords and codes, on the process's monotonic clock. The first
// few are free; then each doubles the wait, up to a bound. It is low for an account,
// so that a student who guesses keeps no teacher out for long, and for an address,
// behind which a whole class may be.
const (
	freeTries    = 3
	accountDelay = 30 * time.Second
	addressDelay = 5 * time.Minute
	forgetTries  = time.Hour
	maxTriers    = 4096 // remembered
)

type try struct {
	n     int
	last  time.Duration
	until time.Duration
}

// delays remembers who has tried in vain.
type delays struct {
	mu sync.Mutex
	by map[string]*try
	// good are account and address of those who have signed in before: a guesser
	// elsewhere does not make them wait.
	good map[string]bool
}

// begin counts a try before it is judged, so that a hundred at once are not free, and
// refuses it while there is a wait. The wait is returned for a try that fails.
func (d *delays) begin(account, address string, now time.Duration) (time.Duration, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	keys := map[string]time.Duration{"@" + address: addressDelay}
	if account != "" && !d.good[account+"@"+address] {
		keys[account] = accountDelay
	}
	var wait time.Duration
	for k := range keys {
		if t := d.by[k]; t != nil && now-t.last > forgetTries {
			delete(d.by, k)
		} else if t != nil {
			wait = max(wait, t.until-now)
		}
	}
	if wait > 0 {
		return wait, errWait(edge.CodeTooMany, "too many wrong tries", wait) // and not remembered: it costs the asker nothing
	}
	for k, most := range keys {
		t := d.by[k]
		if t == nil {
			t = &try{}
			d.remember(k, t, now)
		}
		t.n, t.last = t.n+1, now
		if t.n > freeTries {
			t.until = now + min(most, time.Second<<min(t.n-freeTries-1, 16))
		}
		wait = max(wait, t.until-now)
	}
	return wait, nil
}

// remember makes room where many have tried: for whom nothing is kept waiting, who
// knows thousands of names does not thereby end the wait of one.
func (d *delays) remember(key string, t *try, now time.Duration) {
	if len(d.by) >= maxTriers {
		maps.DeleteFunc(d.by, func(_ string, t *try) bool { return t.n <= freeTries || now-t.last > forgetTries })
	}
	if d.by == nil || len(d.by) >= maxTriers {
		d.by = map[string]*try{} // thousands that wait: the tries of this hour are what is lost
	}
	d.by[key] = t
}

// passed forgets the wrong tries of who got in.
func (d *delays) passed(account, address string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.by, account)
	delete(d.by, "@"+address)
	if d.good == nil || len(d.good) > maxTriers {
		d.good = map[string]bool{}
	}
	if account != "" {
		d.good[account+"@"+address] = true
	}
}

// errWait is a refusal that says when the next try counts.
func errWait(code edge.Code, text string, wait time.Duration) error {
	s := int((wait + time.Second - 1) / time.Second)
	e := edge.Errorf(code, "%s", text).With("wait_s", s)
	if s > 0 {
		return e.WithHint("wait %d s, then try again", s)
	}
	return e.WithHint("look at name, password and code")
}
