package devices

import (
	"context"
	"crypto/sha256"
	"sync"

	"labbox/edge"
)

// memory remembers the outcome of idempotency keys: of the newest memorySize
// commands that went out. What was refused is not remembered, and displaces
// nothing.
type memory struct {
	mu   sync.Mutex
	of   map[memoryKey]*deed
	done []memoryKey // oldest first
}

type memoryKey struct{ seat, key string }

type deed struct {
	content [sha256.Size]byte
	done    chan struct{}
	res     *edge.CommandResult
	err     error
}

const (
	memorySize = 512 // keys that are remembered per device
	maxKey     = 128 // bytes of a key
)

func newMemory() *memory { return &memory{of: map[memoryKey]*deed{}} }

// once runs do for a new key; for a known one with the same content it waits
// for and returns the first outcome. Refusals before anything was sent are
// forgotten, so that trying again may succeed. An empty key is never known.
func (m *memory) once(ctx context.Context, key memoryKey, content []byte, do func() (*edge.CommandResult, error)) (*edge.CommandResult, error) {
	if key.key == "" {
		return do()
	}
	sum := sha256.Sum256(content)
	m.mu.Lock()
	if d, ok := m.of[key]; ok {
		m.mu.Unlock()
		return d.again(ctx, sum)
	}
	d := &deed{content: sum, done: make(chan struct{})}
	m.of[key] = d
	m.mu.Unlock()
	d.res, d.err = do()
	close(d.done)
	m.mu.Lock()
	defer m.mu.Unlock()
	if d.err != nil && !wasSent(d.err) {
		delete(m.of, key)
		return d.res, d.err
	}
	if m.done = append(m.done, key); len(m.done) > memorySize {
		delete(m.of, m.done[0])
		m.done = m.done[1:]
	}
	return d.res, d.err
}

// again waits for the first outcome.
func (d *deed) again(ctx context.Context, content [sha256.Size]byte) (*edge.CommandResult, error) {
	if d.content != content {
		return nil, edge.Errorf(edge.CodeDuplicate, "this key was used for another command").WithHint("use a new key for each command")
	}
	select {
	case <-d.done:
	case <-ctx.Done():
		return nil, edge.Errorf(edge.CodeUnknownOutcome, "the command is still under way: %w", ctx.Err())
	}
	if d.res == nil {
		return nil, d.err
	}
	res := *d.res
	res.Again = true
	return &res, nil
}

// wasSent says that an error leaves open whether the device got the command.
func wasSent(err error) bool {
	switch edge.CodeOf(err) {
	case edge.CodeNoAnswer, edge.CodeUnknownOutcome, edge.CodeDeviceRefused, edge.CodeGarbage:
		return true
	}
	return false
}
