package serial

import (
	"sync"

	"labbox/edge"
)

// Registry knows which ports of this process are taken and by whom. It is made
// once for a box and passed to all its openers.
type Registry struct {
	mu    sync.Mutex
	owner map[string]string // by resolved path
}

// NewRegistry returns an empty Registry.
func NewRegistry() *Registry { return &Registry{owner: make(map[string]string)} }

// Claim takes path for owner, or says (port_busy) who has it. release gives it
// back; calling it again does nothing. A nil Registry grants everything.
func (r *Registry) Claim(path, owner string) (release func(), err error) {
	if r == nil {
		return func() {}, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if has, taken := r.owner[path]; taken {
		return nil, edge.Errorf(edge.CodePortBusy, "serial port %s is used by %s of this box", path, orSomebody(has)).
			WithHint("two devices of the box file name the same port").With("path", path)
	}
	r.owner[path] = owner
	return sync.OnceFunc(func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.owner, path)
	}), nil
}

// Owner says who has path, ok false where nobody does.
func (r *Registry) Owner(path string) (owner string, ok bool) {
	if r == nil {
		return "", false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	owner, ok = r.owner[path]
	return owner, ok
}

func orSomebody(s string) string {
	if s == "" {
		return "another device"
	}
	return s
}
