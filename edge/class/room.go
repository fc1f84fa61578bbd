package class

import (
	"bytes"
	"context"
	"crypto/subtle"
	"encoding/json"
	"fmt"

	"labbox/edge"
)

func (s *Seats) classKey() string { return s.key("class") }

// Class returns the class that is open, nil where there is none.
func (s *Seats) Class(ctx context.Context) (*Class, error) {
	c, _, err := s.readClass(ctx)
	return c, err
}

func (s *Seats) readClass(ctx context.Context) (*Class, []byte, error) {
	b, ok, err := s.kv.Get(ctx, s.classKey())
	if err != nil {
		return nil, nil, fmt.Errorf("class: read class: %w", err)
	}
	if !ok {
		return nil, nil, nil
	}
	c, err := decodeClass(b)
	return c, b, err
}

func decodeClass(b []byte) (*Class, error) {
	c := &Class{}
	if err := json.Unmarshal(b, c); err != nil {
		return nil, fmt.Errorf("class: class in the store: %w", err)
	}
	return c, nil
}

// Open opens a class. CodeBadRequest where one is open already.
func (s *Seats) Open(ctx context.Context, ch *Change, wallMS int64) (*Class, error) {
	c := &Class{ID: newToken()[:12], Code: newCode(codeLen), May: May{true, true, true, true}, OpenedMS: wallMS}
	if err := c.apply(ch); err != nil {
		return nil, err
	}
	b, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("class: encode class: %w", err)
	}
	ok, err := s.kv.Create(ctx, s.classKey(), b, 0)
	if err != nil {
		return nil, fmt.Errorf("class: open class: %w", err)
	}
	if !ok {
		return nil, edge.Errorf(edge.CodeBadRequest, "a class is open already").WithHint("close it first")
	}
	return c, nil
}

// Change changes the class that is open. CodeNoClass: there is none.
func (s *Seats) Change(ctx context.Context, ch *Change) (*Class, error) {
	for range swaps {
		c, old, err := s.readClass(ctx)
		if err != nil {
			return nil, err
		}
		if c == nil {
			return nil, errNoClass()
		}
		if err := c.apply(ch); err != nil {
			return nil, err
		}
		b, err := json.Marshal(c)
		if err != nil {
			return nil, fmt.Errorf("class: encode class: %w", err)
		}
		if bytes.Equal(b, old) {
			return c, nil
		}
		ok, err := s.kv.Swap(ctx, s.classKey(), old, b, 0)
		if err != nil {
			return nil, fmt.Errorf("class: change class: %w", err)
		}
		if ok {
			return c, nil
		}
	}
	return nil, errBusy()
}

// Close closes the class that is open and returns who was in it: their seats are
// gone with it. No class is no error.
func (s *Seats) Close(ctx context.Context) ([]Member, error) {
	c, err := s.Class(ctx)
	if err != nil || c == nil {
		return nil, err
	}
	gone, err := s.members(ctx, c)
	if err != nil {
		return nil, err
	}
	if _, err := s.kv.Delete(ctx, s.classKey()); err != nil {
		return nil, fmt.Errorf("class: close class: %w", err)
	}
	// No seat of it counts any more; its keys would be gone in a month, too.
	out := make([]Member, 0, len(gone))
	for _, m := range gone {
		s.free(ctx, s.keysOf(m.hash, m.rec)...)
		out = append(out, m.Member)
	}
	return out, nil
}

// Fits says whether code is this class's, in the same time for every wrong one.
func (c *Class) Fits(code string) bool {
	return c != nil && subtle.ConstantTimeCompare([]byte(CleanCode(code)), []byte(c.Code)) == 1
}

// swaps bounds how often a change that somebody else overtook is tried again.
const swaps = 64

func errNoClass() error {
	return edge.Errorf(edge.CodeNoClass, "no class with this code").WithHint("ask the teacher for the code")
}

func errBusy() error {
	return edge.Errorf(edge.CodeTooMany, "somebody changed it at the same moment").With("wait_s", 1).WithHint("try again")
}
