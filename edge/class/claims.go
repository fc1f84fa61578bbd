package class

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"labbox/edge"
)

func (s *Seats) claimID(ctx context.Context, hash string, keep time.Duration) (string, error) {
	for range tries {
		id := "s" + random(idAlphabet, 7)
		ok, err := s.kv.Create(ctx, s.key("seat-id", id), []byte(hash), keep)
		if err != nil {
			return "", fmt.Errorf("class: claim id: %w", err)
		}
		if ok {
			return id, nil
		}
	}
	return "", edge.Errorf(edge.CodeTooMany, "no free seat id")
}

// claimName takes the name or, unless it is one of a list, the name with the next
// free number. Names of different classes have nothing to do with each other.
func (s *Seats) claimName(ctx context.Context, class, name, id string, listed bool) (given, key string, err error) {
	try := func(given string) (bool, error) {
		key = s.nick("nick", class, given)
		ok, err := s.kv.Create(ctx, key, []byte(id), Keep)
		if err != nil {
			return false, fmt.Errorf("class: claim name: %w", err)
		}
		return ok, nil
	}
	if ok, err := try(name); ok || err != nil {
		return name, key, err
	}
	if listed {
		return "", "", edge.Errorf(edge.CodeNameUsed, "somebody has taken this name already").With("field", "nickname").
			WithHint("pick another name, or ask the teacher")
	}
	last := s.nick("nick-last", class, name)
	n, err := s.last(ctx, last, 1)
	if err != nil {
		return "", "", err
	}
	for range tries {
		n++
		given := numbered(name, strconv.FormatUint(n, 10))
		ok, err := try(given)
		if err != nil {
			return "", "", err
		}
		if ok {
			// Only a hint for the next search: what it holds decides nothing.
			if _, err := s.kv.Raise(ctx, last, n); err == nil {
				_, _ = s.kv.Touch(ctx, last, Keep)
			}
			return given, key, nil
		}
	}
	return "", "", edge.Errorf(edge.CodeTooMany, "no free name like this").WithHint("pick another nickname")
}

// last is the greatest number given out under a key, none when there is none.
func (s *Seats) last(ctx context.Context, key string, none uint64) (uint64, error) {
	b, ok, err := s.kv.Get(ctx, key)
	if err != nil {
		return 0, fmt.Errorf("class: read number: %w", err)
	}
	if n, err := strconv.ParseUint(string(b), 10, 32); ok && err == nil && n > 0 {
		return n, nil
	}
	return none, nil
}

// free gives claims back; what it cannot reach expires by itself.
func (s *Seats) free(ctx context.Context, keys ...string) { _, _ = s.kv.Delete(ctx, keys...) }

func (s *Seats) key(parts ...string) string { return edge.Key(s.box, parts...) }

func (s *Seats) nick(kind, class, name string) string {
	return s.key(kind, hash(class+"\n"+fold(name)))
}

func encode(r record) []byte {
	b, _ := json.Marshal(r) // strings only: cannot fail
	return b
}

func newToken() string {
	b := make([]byte, sha256.Size)
	_, _ = rand.Read(b) // never fails
	return base64.RawURLEncoding.EncodeToString(b)
}
