package class

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"labbox/edge"
)

// Kind is by which right somebody has a seat.
type Kind string

// Kinds of seats.
const (
	KindClass   Kind = "class"   // came with the code; ends with the class
	KindOpen    Kind = "open"    // nickname alone, where anybody may
	KindBench   Kind = "bench"   // nickname alone, at the box, before there are teachers
	KindAccount Kind = "account" // signed in
)

// Sessions of accounts end when they are not used, and at last anyway.
const (
	sessionIdle = 12 * time.Hour
	SessionMost = 7 * 24 * time.Hour
)

// record is a seat as it is stored.
type record struct {
	Seat
	Nick     string `json:"nick,omitempty"` // key of the claim on its name
	Kind     Kind   `json:"kind"`
	Class    string `json:"class,omitempty"` // id of the class it belongs to
	Place    int    `json:"place,omitempty"` // its number there
	JoinedMS int64  `json:"joined_ms,omitempty"`
	Gen      string `json:"gen,omitempty"` // of the account's password
}

// Found is a seat that counts, with what decides about it now.
type Found struct {
	Seat
	Kind  Kind
	Alias string // what others see while names are hidden; "" for teachers
	Class *Class // the one that is open; nil: none
}

// Entry is how somebody comes in.
type Entry struct {
	Nickname string
	Kind     Kind
	Class    *Class // for KindClass
	WallMS   int64
}

// tries bounds the search for a free name or id.
const tries = 10_000

// idAlphabet has no vowels and no look-alikes: ids are read aloud.
const idAlphabet = "bcdfghjkmnpqrstvwxz2456789"

// Join opens a seat. Where the nickname is taken the seat's name gets a number; a
// name of the class's list is given out once (CodeNameUsed). The token is told once,
// here.
func (s *Seats) Join(ctx context.Context, e Entry) (seat Found, token string, err error) {
	token = newToken()
	rec := record{Seat: Seat{Role: edge.RoleStudent}, Kind: e.Kind, JoinedMS: e.WallMS}
	if e.Class != nil {
		rec.Class = e.Class.ID
	}
	name, listed, err := pick(e.Class, e.Nickname)
	if err != nil {
		return Found{}, "", err
	}
	var claims []string
	defer func() {
		if err != nil {
			s.free(ctx, claims...)
		}
	}()
	if rec.ID, err = s.claimID(ctx, hash(token), Keep); err != nil {
		return Found{}, "", err
	}
	claims = append(claims, s.key("seat-id", rec.ID))
	if rec.Name, rec.Nick, err = s.claimName(ctx, rec.Class, name, rec.ID, listed); err != nil {
		return Found{}, "", err
	}
	claims = append(claims, rec.Nick)
	if e.Class != nil {
		if rec.Place, err = s.claimPlace(ctx, e.Class, hash(token)); err != nil {
			return Found{}, "", err
		}
		claims = append(claims, s.placeKey(rec.Class, rec.Place))
	}
	claims = append(claims, s.key("seat", hash(token)))
	if err := s.kv.Set(ctx, s.key("seat", hash(token)), encode(rec), Keep); err != nil {
		return Found{}, "", fmt.Errorf("class: store seat: %w", err)
	}
	seat, err = s.judge(ctx, &rec, e.Class)
	return seat, token, err
}

// pick is the name that somebody may have, and whether it is one of the class's list.
func pick(c *Class, nickname string) (name string, listed bool, err error) {
	if name, err = CleanNickname(nickname); err != nil {
		return "", false, err
	}
	if c == nil || len(c.Roster) == 0 {
		return name, false, nil
	}
	name, ok := c.onRoster(name)
	if !ok {
		return "", false, edge.Errorf(edge.CodeBadValue, "this name is not on the list").With("field", "nickname").
			WithHint("pick your name from the list, or ask the teacher")
	}
	return name, true, nil
}

// Session opens a seat for somebody who has signed in.
func (s *Seats) Session(ctx context.Context, a Account) (Seat, string, error) {
	token := newToken()
	id, err := s.claimID(ctx, hash(token), sessionIdle)
	if err != nil {
		return Seat{}, "", err
	}
	rec := record{Seat: Seat{ID: id, Name: a.Name, Role: a.Role}, Kind: KindAccount, Gen: a.Gen}
	if err = s.kv.Set(ctx, s.key("session", hash(token)), []byte("1"), SessionMost); err == nil {
		err = s.kv.Set(ctx, s.key("seat", hash(token)), encode(rec), sessionIdle)
	}
	if err != nil {
		s.free(ctx, s.keysOf(hash(token), rec)...)
		return Seat{}, "", fmt.Errorf("class: store session: %w", err)
	}
	return rec.Seat, token, nil
}

// Rename gives the seat of a token another name.
func (s *Seats) Rename(ctx context.Context, token, nickname string) (Seat, error) {
	if len(token) != base64.RawURLEncoding.EncodedLen(sha256.Size) {
		return Seat{}, errNoSeat()
	}
	rec, old, f, err := s.read(ctx, hash(token))
	if err != nil {
		return Seat{}, err
	}
	name, listed, err := pick(classOf(&f, &rec), nickname)
	if err != nil {
		return Seat{}, err
	}
	return s.rename(ctx, hash(token), rec, old, f, name, listed)
}

// RenameSeat gives a seat another name, whatever the list says: its teacher wants so.
func (s *Seats) RenameSeat(ctx context.Context, id, nickname string) (Seat, error) {
	name, err := CleanNickname(nickname)
	if err != nil {
		return Seat{}, err
	}
	hash, rec, raw, f, err := s.byID(ctx, id)
	if err != nil {
		return Seat{}, err
	}
	return s.rename(ctx, hash, rec, raw, f, name, false)
}

// classOf is the class that a seat belongs to.
func classOf(f *Found, rec *record) *Class {
	if rec.Class == "" {
		return nil
	}
	return f.Class
}

func (s *Seats) rename(ctx context.Context, hash string, rec record, old []byte, f Found, name string, listed bool) (Seat, error) {
	if rec.Kind == KindAccount {
		return Seat{}, edge.Errorf(edge.CodeForbidden, "who has signed in has the account's name")
	}
	if name == rec.Name {
		return f.Seat, nil
	}
	was := rec.Nick
	var err error
	if fold(name) == fold(rec.Name) {
		rec.Name = name // only the case changed: the claim is the same
	} else if rec.Name, rec.Nick, err = s.claimName(ctx, rec.Class, name, rec.ID, listed); err != nil {
		return Seat{}, err
	}
	ok, err := s.kv.Swap(ctx, s.key("seat", hash), old, encode(rec), Keep)
	if err != nil {
		return Seat{}, fmt.Errorf("class: rename seat: %w", err)
	}
	if !ok {
		if rec.Nick != was {
			s.free(ctx, rec.Nick)
		}
		return Seat{}, errBusy()
	}
	if rec.Nick != was {
		s.free(ctx, was)
	}
	f.Seat.Name = rec.Name
	return f.Seat, nil
}

// Leave forgets the seat of a token; one that is not known is no error.
func (s *Seats) Leave(ctx context.Context, token string) error {
	if len(token) != base64.RawURLEncoding.EncodedLen(sha256.Size) {
		return nil
	}
	b, ok, err := s.kv.Get(ctx, s.key("seat", hash(token)))
	if err != nil {
		return fmt.Errorf("class: leave: %w", err)
	}
	var rec record
	if !ok {
		return nil
	}
	if err := json.Unmarshal(b, &rec); err != nil {
		return fmt.Errorf("class: seat in the store: %w", err)
	}
	return s.drop(ctx, hash(token), rec)
}

// Remove forgets a seat by its id.
func (s *Seats) Remove(ctx context.Context, id string) (Seat, error) {
	hash, rec, _, f, err := s.byID(ctx, id)
	if err != nil {
		return Seat{}, err
	}
	return f.Seat, s.drop(ctx, hash, rec)
}

func (s *Seats) drop(ctx context.Context, hash string, rec record) error {
	if _, err := s.kv.Delete(ctx, s.keysOf(hash, rec)...); err != nil {
		return fmt.Errorf("class: leave: %w", err)
	}
	return nil
}

// keysOf are all keys of a seat, the seat itself first.
func (s *Seats) keysOf(hash string, rec record) []string {
	keys := []string{s.key("seat", hash), s.key("seat-id", rec.ID)}
	if rec.Nick != "" {
		keys = append(keys, rec.Nick)
	}
	if rec.Place > 0 {
		keys = append(keys, s.placeKey(rec.Class, rec.Place))
	}
	if rec.Kind == KindAccount {
		keys = append(keys, s.key("session", hash))
	}
	return keys
}
