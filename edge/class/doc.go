// Package class knows the people of a lab: seats, and later classes with their
// codes, teachers and accounts. It runs beside the panel.
//
// A seat is a person at a browser, known by a nickname. Joining gives a secret
// token, which the browser keeps in a cookie; the store holds only its SHA-256.
//
//	seats := class.New(kv, "bench")
//	seat, token, err := seats.Join(ctx, "Ana")
//	actor, err := seats.Lookup(ctx, token) // actor.Seat == seat.ID
//
// A nickname that is taken gets a number: "Ana", "Ana 2", "Ana 3". A seat that
// is not used for 30 days is forgotten.
//
// Keys, below lab:1:{<box>}: "seat:<sha256 of the token>" holds the seat,
// "seat-id:<id>" claims an id, "nick:<sha256 of the folded name>" claims a name,
// "nick-last:<sha256 of the folded name>" is the last number given out. A name
// that a crash leaves claimed without a seat is free again after 30 days.
package class

import (
	"time"

	"labbox/edge"
)

// Keep is how long a seat lives without being used.
const Keep = 30 * 24 * time.Hour

// touchBelow is the time left under which a lookup renews a seat: a write a day,
// not one per request.
const touchBelow = Keep - 24*time.Hour

// Seat is a person at a browser, without the secret.
type Seat struct {
	ID   string    `json:"seat"`
	Name string    `json:"name"`
	Role edge.Role `json:"role"`
}

// Actor is the seat as it asks; the caller says by which way (panel, api).
func (s Seat) Actor(via string) edge.Actor {
	return edge.Actor{Seat: s.ID, Name: s.Name, Role: s.Role, Via: via}
}

// Seats opens and finds seats. It is safe for concurrent use, also by several
// processes on one store.
type Seats struct {
	kv  edge.KV
	box string
}

// New returns the seats of a box.
func New(kv edge.KV, box string) *Seats { return &Seats{kv: kv, box: box} }
