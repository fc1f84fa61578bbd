// Package class knows the people of a lab: the class that is open, its seats, and
// the accounts of teachers. It runs beside the panel.
//
// A seat is a person at a browser, known by a nickname. Coming in gives a secret
// token, which the browser keeps in a cookie; the store holds only its SHA-256.
//
//	seats := class.New(kv, "bench")
//	room, err := seats.Open(ctx, &class.Change{}, wallMS) // room.Code is projected
//	seat, token, err := seats.Join(ctx, class.Entry{Nickname: "Ana", Kind: class.KindClass, Class: room})
//	found, err := seats.Lookup(ctx, token) // found.ID == seat.ID, until the class is closed
//
// A nickname that is taken gets a number: "Ana", "Ana 2", "Ana 3"; one of the list
// that a teacher has given is handed out once. A seat that is not used for 30 days is
// forgotten, one of an account after 12 hours, and after 7 days at any rate.
//
// Passwords are hashed by argon2id (RFC 9106); one-time codes and tokens are long
// and random, and kept as their SHA-256. All that ends by itself ends by the store's
// time to live, which no jump of the calendar moves.
//
// Keys, below lab:1:{<box>}: "class" is the class that is open; "seat:<hash of the
// token>" holds a seat; "seat-id:<id>" the hash by the id; "nick:<hash of class and
// folded name>" claims a name, "nick-last:..." is the last number given out;
// "class-place:<class>:<n>" is the n-th seat of a class, "class-last:<class>" the
// last n; "session:<hash>" ends a session at last; "accounts" are all accounts;
// "code:<hash>" is a one-time code. What a crash leaves claimed without a seat is
// free again after 30 days.
//
// Known limits: tries of passwords are counted per process, so that a lab of several
// web processes allows as many times more; aliases of hidden names are numbers, and
// who watches who sits where can still tell.
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
