package class

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"labbox/edge"
)

// record is a seat as it is stored.
type record struct {
	Seat
	Nick string `json:"nick"` // key of the claim on its name
}

// tries bounds the search for a free name or id.
const tries = 10_000

// idAlphabet has no vowels and no look-alikes: ids are read aloud.
const idAlphabet = "bcdfghjkmnpqrstvwxz2456789"

// Join opens a seat. Where the nickname is taken the seat's name gets a number.
// The token is told once, here.
func (s *Seats) Join(ctx context.Context, nickname string) (seat Seat, token string, err error) {
	name, err := CleanNickname(nickname)
	if err != nil {
		return Seat{}, "", err
	}
	id, err := s.claimID(ctx)
	if err != nil {
		return Seat{}, "", err
	}
	name, nick, err := s.claimName(ctx, name, id)
	if err != nil {
		s.free(ctx, s.key("seat-id", id))
		return Seat{}, "", err
	}
	token = newToken()
	rec := record{Seat: Seat{ID: id, Name: name, Role: edge.RoleStudent}, Nick: nick}
	if err := s.kv.Set(ctx, s.key("seat", hash(token)), encode(rec), Keep); err != nil {
		s.free(ctx, s.key("seat-id", id), nick)
		return Seat{}, "", fmt.Errorf("class: store seat: %w", err)
	}
	return rec.Seat, token, nil
}

// Lookup finds the seat of a token and renews it. CodeNoSeat: there is none.
func (s *Seats) Lookup(ctx context.Context, token string) (edge.Actor, error) {
	rec, _, err := s.read(ctx, token)
	if err != nil {
		return edge.Actor{}, err
	}
	s.renew(ctx, token, rec)
	return rec.Actor(""), nil
}

// Rename gives the seat of a token another name.
func (s *Seats) Rename(ctx context.Context, token, nickname string) (Seat, error) {
	name, err := CleanNickname(nickname)
	if err != nil {
		return Seat{}, err
	}
	rec, old, err := s.read(ctx, token)
	if err != nil {
		return Seat{}, err
	}
	if name == rec.Name {
		return rec.Seat, nil
	}
	was := rec.Nick
	if fold(name) == fold(rec.Name) {
		rec.Name = name // only the case changed: the claim is the same
	} else if rec.Name, rec.Nick, err = s.claimName(ctx, name, rec.ID); err != nil {
		return Seat{}, err
	}
	ok, err := s.kv.Swap(ctx, s.key("seat", hash(token)), old, encode(rec), Keep)
	if err != nil {
		return Seat{}, fmt.Errorf("class: rename seat: %w", err)
	}
	if !ok {
		if rec.Nick != was {
			s.free(ctx, rec.Nick)
		}
		return Seat{}, edge.Errorf(edge.CodeTooMany, "the seat was changed at the same moment").WithHint("try again")
	}
	if rec.Nick != was {
		s.free(ctx, was)
	}
	return rec.Seat, nil
}

// Leave forgets the seat of a token; one that is not known is no error.
func (s *Seats) Leave(ctx context.Context, token string) error {
	rec, _, err := s.read(ctx, token)
	if edge.CodeOf(err) == edge.CodeNoSeat {
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := s.kv.Delete(ctx, s.key("seat", hash(token)), s.key("seat-id", rec.ID), rec.Nick); err != nil {
		return fmt.Errorf("class: leave: %w", err)
	}
	return nil
}

func (s *Seats) read(ctx context.Context, token string) (record, []byte, error) {
	none := edge.Errorf(edge.CodeNoSeat, "no such seat").WithHint("pick a nickname first")
	if len(token) != base64.RawURLEncoding.EncodedLen(sha256.Size) {
		return record{}, nil, none
	}
	b, ok, err := s.kv.Get(ctx, s.key("seat", hash(token)))
	if err != nil {
		return record{}, nil, fmt.Errorf("class: read seat: %w", err)
	}
	if !ok {
		return record{}, nil, none
	}
	var rec record
	if err := json.Unmarshal(b, &rec); err != nil {
		return record{}, nil, fmt.Errorf("class: seat in the store: %w", err)
	}
	return rec, b, nil
}

// renew makes the expiry slide. A seat that could not be renewed now will be by
// the next lookup, so errors have no say.
func (s *Seats) renew(ctx context.Context, token string, rec record) {
	key := s.key("seat", hash(token))
	left, ok, err := s.kv.TTL(ctx, key)
	if err != nil || !ok || left >= touchBelow {
		return
	}
	for _, k := range []string{rec.Nick, s.key("seat-id", rec.ID), key} {
		if _, err := s.kv.Touch(ctx, k, Keep); err != nil {
			return
		}
	}
}

func (s *Seats) claimID(ctx context.Context) (string, error) {
	for range tries {
		id := newID()
		ok, err := s.kv.Create(ctx, s.key("seat-id", id), []byte("1"), Keep)
		if err != nil {
			return "", fmt.Errorf("class: claim id: %w", err)
		}
		if ok {
			return id, nil
		}
	}
	return "", edge.Errorf(edge.CodeTooMany, "no free seat id")
}

// claimName takes the name, or the name with the next free number.
func (s *Seats) claimName(ctx context.Context, name, id string) (given, key string, err error) {
	try := func(given string) (bool, error) {
		key = s.nick("nick", given)
		ok, err := s.kv.Create(ctx, key, []byte(id), Keep)
		if err != nil {
			return false, fmt.Errorf("class: claim name: %w", err)
		}
		return ok, nil
	}
	if ok, err := try(name); ok || err != nil {
		return name, key, err
	}
	last := s.nick("nick-last", name)
	n, err := s.last(ctx, last)
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

// last is the greatest number given to a name, 1 when there is none.
func (s *Seats) last(ctx context.Context, key string) (uint64, error) {
	b, ok, err := s.kv.Get(ctx, key)
	if err != nil {
		return 0, fmt.Errorf("class: read number: %w", err)
	}
	if n, err := strconv.ParseUint(string(b), 10, 32); ok && err == nil && n > 0 {
		return n, nil
	}
	return 1, nil
}

// free gives claims back; what it cannot reach expires by itself.
func (s *Seats) free(ctx context.Context, keys ...string) { _, _ = s.kv.Delete(ctx, keys...) }

func (s *Seats) key(parts ...string) string { return edge.Key(s.box, parts...) }

func (s *Seats) nick(kind, name string) string {
	sum := sha256.Sum256([]byte(fold(name)))
	return s.key(kind, hex.EncodeToString(sum[:]))
}

func hash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
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

func newID() string {
	var sb strings.Builder
	sb.WriteByte('s')
	for b := make([]byte, 1); sb.Len() < 8; {
		_, _ = rand.Read(b)
		// Bytes beyond the last full round would favour the first letters.
		if i := int(b[0]); i < 256/len(idAlphabet)*len(idAlphabet) {
			sb.WriteByte(idAlphabet[i%len(idAlphabet)])
		}
	}
	return sb.String()
}
