package web

import (
	"bytes"
	"encoding/json"
	"strings"

	"labbox/edge"
)

// veil is what stands in place of the names of a class that hides them. Requests leave
// this process under aliases (masked); owners, queues and events may still hold names
// from before the teacher chose so.
type veil struct {
	alias  map[string]string // by seat
	quoted map[string][]byte // by seat, as JSON
	names  map[string][]byte // alias by name, as JSON
}

// veilNow is nil while names are shown.
func (s *Server) veilNow() *veil { return s.room.veil.Load() }

// drawVeil follows the class; the caller holds the room's lock.
func (r *room) drawVeil() {
	if r.class == nil || !r.class.HideNames {
		r.veil.Store(nil)
		return
	}
	v := &veil{alias: map[string]string{}, quoted: map[string][]byte{}, names: map[string][]byte{}}
	for _, m := range r.members {
		b, err := json.Marshal(m.Alias)
		if err != nil {
			continue // cannot be
		}
		v.alias[m.Seat], v.quoted[m.Seat], v.names[m.Name] = m.Alias, b, b
	}
	r.veil.Store(v)
}

// hide replaces names in a message of the owner: beside the id of a seat, as edge
// writes both, and where an event names somebody. What is looked for cannot stand
// inside of a JSON string: quotes are escaped there.
func (v *veil) hide(b []byte) []byte {
	if v == nil {
		return b
	}
	b = swap(b, `","name":`, func(before []byte, _ string) []byte {
		return v.quoted[string(before[bytes.LastIndexByte(before, '"')+1:])]
	})
	for _, key := range []string{`"holder":`, `"to":`, `"by":`} {
		b = swap(b, key, func(_ []byte, name string) []byte { return v.names[name] })
	}
	return b
}

// swap puts what with returns, unless that is nil, in place of each string that follows
// mark.
func swap(b []byte, mark string, with func(before []byte, s string) []byte) []byte {
	var out []byte
	done := 0
	for at := 0; ; {
		i := bytes.Index(b[at:], []byte(mark))
		if i < 0 {
			break
		}
		i += at
		at = i + len(mark)
		var s string
		end := stringEnd(b[at:])
		if end == 0 || json.Unmarshal(b[at:at+end], &s) != nil {
			continue
		}
		if other := with(b[:i], s); other != nil {
			out = append(append(out, b[done:at]...), other...)
			done = at + end
		}
		at += end
	}
	if out == nil {
		return b
	}
	return append(out, b[done:]...)
}

// stringEnd is the length of the JSON string that b begins with, 0 where it is none.
func stringEnd(b []byte) int {
	if len(b) == 0 || b[0] != '"' {
		return 0
	}
	for i := 1; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return 0
}

// ref replaces the name of a seat.
func (v *veil) ref(r edge.SeatRef) edge.SeatRef {
	if v != nil && v.alias[r.ID] != "" {
		r.Name = v.alias[r.ID]
	}
	return r
}

// refusal replaces the name of who drives in an owner's refusal.
func (v *veil) refusal(err error) error {
	if v == nil || err == nil {
		return err
	}
	e := *edge.AsError(err)
	for _, key := range []string{"holder", "by"} {
		name, _ := e.Args[key].(string)
		if alias := v.aliasOf(name); alias != "" {
			e.Message, e.Hint = strings.ReplaceAll(e.Message, name, alias), strings.ReplaceAll(e.Hint, name, alias)
			e = *e.With(key, alias)
			err = &e
		}
	}
	return err
}

func (v *veil) aliasOf(name string) (alias string) {
	_ = json.Unmarshal(v.names[name], &alias) // none: ""
	return alias
}
