package class

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"labbox/edge"
)

// Member is a seat of the class, as its teacher sees it.
type Member struct {
	Seat     string `json:"seat"`
	Name     string `json:"name"`
	Alias    string `json:"alias"`
	JoinedMS int64  `json:"joined_ms"` // wall clock, for people
}

type member struct {
	Member
	hash string
	rec  record
}

func (s *Seats) placeKey(class string, n int) string {
	return s.key("class-place", class, strconv.Itoa(n))
}

// claimPlace gives a seat its number in the class: the next that nobody has had,
// then those of seats that are gone.
func (s *Seats) claimPlace(ctx context.Context, c *Class, hash string) (int, error) {
	lastKey := s.key("class-last", c.ID)
	last, err := s.last(ctx, lastKey, 0)
	if err != nil {
		return 0, err
	}
	for i := range MaxSeats {
		n := (int(last)+i)%MaxSeats + 1
		ok, err := s.kv.Create(ctx, s.placeKey(c.ID, n), []byte(hash), Keep)
		if err != nil {
			return 0, fmt.Errorf("class: claim place: %w", err)
		}
		if ok {
			if n > int(last) { // only a hint for the next search
				if _, err := s.kv.Raise(ctx, lastKey, uint64(n)); err == nil {
					_, _ = s.kv.Touch(ctx, lastKey, Keep)
				}
			}
			return n, nil
		}
	}
	return 0, edge.Errorf(edge.CodeTooMany, "the class is full: %d seats", MaxSeats).With("max", MaxSeats)
}

// Members returns the seats of the class that is open, by their numbers.
func (s *Seats) Members(ctx context.Context, c *Class) ([]Member, error) {
	list, err := s.members(ctx, c)
	if err != nil {
		return nil, err
	}
	out := make([]Member, len(list))
	for i := range list {
		out[i] = list[i].Member
	}
	return out, nil
}

func (s *Seats) members(ctx context.Context, c *Class) ([]member, error) {
	keys := make([]string, MaxSeats)
	for i := range keys {
		keys[i] = s.placeKey(c.ID, i+1)
	}
	places, err := s.kv.GetMany(ctx, keys...)
	if err != nil {
		return nil, fmt.Errorf("class: read places: %w", err)
	}
	var list []member
	keys = keys[:0]
	for _, p := range places {
		if p != nil {
			keys = append(keys, s.key("seat", string(p)))
			list = append(list, member{hash: string(p)})
		}
	}
	if len(keys) == 0 {
		return nil, nil
	}
	recs, err := s.kv.GetMany(ctx, keys...)
	if err != nil {
		return nil, fmt.Errorf("class: read seats: %w", err)
	}
	out := list[:0]
	for i, b := range recs {
		m := list[i]
		if b == nil || json.Unmarshal(b, &m.rec) != nil || m.rec.Class != c.ID {
			continue // its place is free again in a month
		}
		m.Member = Member{Seat: m.rec.ID, Name: m.rec.Name, Alias: alias(c, m.rec.Place), JoinedMS: m.rec.JoinedMS}
		out = append(out, m)
	}
	return out, nil
}

// alias is what others see of a seat while names are hidden.
func alias(c *Class, place int) string {
	if c == nil {
		return ""
	}
	return c.Alias + " " + strconv.Itoa(place)
}

// Name is one of the list and whether somebody has taken it.
type Name struct {
	Name  string `json:"name"`
	Taken bool   `json:"taken"`
}

// Names returns the list of names to pick from.
func (s *Seats) Names(ctx context.Context, c *Class) ([]Name, error) {
	names := make([]Name, len(c.Roster))
	if len(names) == 0 {
		return names, nil
	}
	keys := make([]string, len(names))
	for i, n := range c.Roster {
		names[i].Name = n
		keys[i] = s.nick("nick", c.ID, n)
	}
	claims, err := s.kv.GetMany(ctx, keys...)
	if err != nil {
		return nil, fmt.Errorf("class: read names: %w", err)
	}
	for i, v := range claims {
		names[i].Taken = v != nil
	}
	return names, nil
}
