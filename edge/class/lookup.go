package class

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"labbox/edge"
)

// Lookup finds the seat of a token and renews it. CodeNoSeat: there is none, or the
// class, the account or the right by which it was given is gone.
func (s *Seats) Lookup(ctx context.Context, token string) (Found, error) {
	if len(token) != base64.RawURLEncoding.EncodedLen(sha256.Size) {
		return Found{}, errNoSeat()
	}
	rec, _, f, err := s.read(ctx, hash(token))
	if err != nil {
		return Found{}, err
	}
	s.renew(ctx, hash(token), &rec)
	return f, nil
}

// Find finds a seat by its id. CodeUnknownSeat: there is none that counts.
func (s *Seats) Find(ctx context.Context, id string) (Found, error) {
	_, _, _, f, err := s.byID(ctx, id)
	return f, err
}

func (s *Seats) byID(ctx context.Context, id string) (hash string, rec record, raw []byte, f Found, err error) {
	unknown := edge.Errorf(edge.CodeUnknownSeat, "no such seat").With("seat", id[:min(len(id), 16)])
	if edge.CheckName(id) != nil {
		return "", rec, nil, f, unknown
	}
	b, ok, err := s.kv.Get(ctx, s.key("seat-id", id))
	if err != nil {
		return "", rec, nil, f, fmt.Errorf("class: read seat: %w", err)
	}
	if !ok {
		return "", rec, nil, f, unknown
	}
	hash = string(b)
	rec, raw, f, err = s.read(ctx, hash)
	if edge.CodeOf(err) == edge.CodeNoSeat || err == nil && rec.ID != id {
		return "", rec, nil, f, unknown
	}
	return hash, rec, raw, f, err
}

func errNoSeat() error {
	return edge.Errorf(edge.CodeNoSeat, "no such seat").WithHint("pick a nickname first")
}

// read returns the seat whose token has this hash, if it counts now.
func (s *Seats) read(ctx context.Context, hash string) (record, []byte, Found, error) {
	var rec record
	vals, err := s.kv.GetMany(ctx, s.key("seat", hash), s.classKey(), s.key("session", hash))
	if err != nil {
		return rec, nil, Found{}, fmt.Errorf("class: read seat: %w", err)
	}
	if vals[0] == nil {
		return rec, nil, Found{}, errNoSeat()
	}
	if err := json.Unmarshal(vals[0], &rec); err != nil {
		return rec, nil, Found{}, fmt.Errorf("class: seat in the store: %w", err)
	}
	var c *Class
	if vals[1] != nil {
		if c, err = decodeClass(vals[1]); err != nil {
			return rec, nil, Found{}, err
		}
	}
	if rec.Kind == KindAccount && vals[2] == nil {
		return rec, nil, Found{}, errNoSeat()
	}
	f, err := s.judge(ctx, &rec, c)
	return rec, vals[0], f, err
}

// judge says what a seat is now; c is the class that is open.
func (s *Seats) judge(ctx context.Context, rec *record, c *Class) (Found, error) {
	f := Found{Seat: rec.Seat, Kind: rec.Kind, Class: c}
	switch rec.Kind {
	case KindClass:
		if c == nil || c.ID != rec.Class {
			return Found{}, errNoSeat()
		}
		f.Role = edge.RoleStudent
		f.Alias = alias(c, rec.Place)
	case KindBench, KindAccount:
		all, err := readAccounts(ctx, s.kv, s.box)
		if err != nil {
			return Found{}, err
		}
		if rec.Kind == KindAccount {
			a, ok := all.find(rec.Name)
			if !ok || a.Gen != rec.Gen {
				return Found{}, errNoSeat()
			}
			f.Role, f.Name = a.Role, a.Name
			return f, nil
		}
		if len(all.List) == 0 {
			f.Role = edge.RoleTeacher
			return f, nil
		}
		f.Role = edge.RoleStudent
	default:
		f.Kind, f.Role = KindOpen, edge.RoleStudent
	}
	if f.Alias == "" && c != nil {
		f.Alias = c.Alias + " " + rec.ID[max(0, len(rec.ID)-3):]
	}
	return f, nil
}

// renew makes the expiry slide. A seat that could not be renewed now will be by
// the next lookup, so errors have no say.
func (s *Seats) renew(ctx context.Context, hash string, rec *record) {
	keep, below := Keep, touchBelow
	if rec.Kind == KindAccount {
		keep, below = sessionIdle, sessionIdle-10*time.Minute
	}
	key := s.key("seat", hash)
	left, ok, err := s.kv.TTL(ctx, key)
	if err != nil || !ok || left >= below {
		return
	}
	keys := s.keysOf(hash, *rec)
	for _, k := range slices.Backward(keys) { // the seat itself last
		if k == s.key("session", hash) {
			continue // this one is to end
		}
		if _, err := s.kv.Touch(ctx, k, keep); err != nil {
			return
		}
	}
}
