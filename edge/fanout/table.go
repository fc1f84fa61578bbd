package fanout

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"labbox/edge"
)

// Table is who listens to what in this process. Its methods are safe for
// concurrent use; Deliver of one message after another by one goroutine reaches
// every subscriber in that order.
type Table struct {
	queueLen   int
	queueBytes int64

	routes atomic.Pointer[routes]

	mu   sync.Mutex
	fans map[string]*fan
}

// New returns a Table whose subscribers hold at most queueLen messages and
// queueBytes each.
func New(queueLen int, queueBytes int64) *Table {
	t := &Table{queueLen: queueLen, queueBytes: queueBytes, fans: map[string]*fan{}}
	t.routes.Store(newRoutes(nil))
	return t
}

// fan is one pattern and its subscribers.
type fan struct {
	pattern string
	members atomic.Pointer[[]*Subscriber]
}

func (f *fan) send(m edge.Msg) {
	for _, s := range *f.members.Load() {
		s.push(m)
	}
}

// Route is where the messages of one subject go.
type Route []*fan

// Find checks subject and returns its route; it changes when patterns do.
func (t *Table) Find(subject string) (Route, error) {
	r := t.routes.Load()
	if to, ok := r.lookup(subject); ok {
		return to, nil
	}
	if err := CheckSubject(subject); err != nil {
		return nil, err
	}
	return r.learn(subject), nil
}

// Send hands m to the route's subscribers and never blocks. m.Data must not
// change afterwards.
func (to Route) Send(m edge.Msg) {
	for _, f := range to {
		f.send(m)
	}
}

// Deliver is Find and Send; what is no subject goes nowhere.
func (t *Table) Deliver(m edge.Msg) {
	if to, err := t.Find(m.Subject); err == nil {
		to.Send(m)
	}
}

// DeliverTo hands m to the subscribers of one pattern only, for a broker that
// sends a message once for every pattern that covers it.
func (t *Table) DeliverTo(pattern string, m edge.Msg) {
	if f := t.routes.Load().fans[pattern]; f != nil {
		f.send(m)
	}
}

// Patterns returns the patterns somebody listens to.
func (t *Table) Patterns() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := make([]string, 0, len(t.fans))
	for p := range t.fans {
		all = append(all, p)
	}
	return all
}

// Has reports whether somebody listens to pattern.
func (t *Table) Has(pattern string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.fans[pattern] != nil
}

// Subscribe calls fn for every message whose subject matches a checked pattern,
// one after another, until the Subscriber is closed.
func (t *Table) Subscribe(pattern string, fn func(edge.Msg)) *Subscriber {
	s := &Subscriber{table: t, pattern: pattern, fn: fn, gate: NewGate(), maxBytes: t.queueBytes,
		wait: make(chan edge.Msg, t.queueLen), stop: make(chan struct{})}
	t.mu.Lock()
	defer t.mu.Unlock()
	f := t.fans[pattern]
	first := f == nil
	if first {
		f = &fan{pattern: pattern}
		f.members.Store(&[]*Subscriber{})
		t.fans[pattern] = f
	}
	members := append(slices.Clone(*f.members.Load()), s)
	f.members.Store(&members)
	if first {
		t.routes.Store(newRoutes(t.fans))
	}
	go s.run()
	return s
}

func (t *Table) leave(s *Subscriber) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f := t.fans[s.pattern]
	members := slices.DeleteFunc(slices.Clone(*f.members.Load()), func(m *Subscriber) bool { return m == s })
	f.members.Store(&members)
	if len(members) == 0 {
		delete(t.fans, s.pattern)
		t.routes.Store(newRoutes(t.fans))
	}
}

// routes remembers which fans a subject goes to. A new one is made when the
// patterns change; readers of the old one finish with it.
type routes struct {
	fans map[string]*fan

	mu    sync.RWMutex
	known map[string]Route
}

// maxRoutes bounds the memory for subjects; beyond it they are matched each time.
const maxRoutes = 4096

func newRoutes(fans map[string]*fan) *routes {
	return &routes{fans: maps.Clone(fans), known: map[string]Route{}}
}

func (r *routes) lookup(subject string) (Route, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	to, ok := r.known[subject]
	return to, ok
}

func (r *routes) learn(subject string) Route {
	var to Route
	for _, f := range r.fans {
		if Matches(f.pattern, subject) {
			to = append(to, f)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.known) < maxRoutes {
		r.known[subject] = to
	}
	return to
}
