package nmea

import (
	"bytes"
	"math"

	"labbox/firmware-protocols/decimal"
)

// Values calls emit for each value of a good sentence, in the order of the fields:
// names and units as [Known] lists them, TYPE.1, TYPE.2, ... for other types, and
// XDR.<name> with XDR.<name>.unit for each transducer of XDR. Numbers are in the
// sentence's own unit. An empty field, and one the sentence is too short for, is
// NaN, as number and as text. It returns how many fields could not be read as what
// they should be; those are NaN, with the field as text.
//
// text ends with the call; name stays. Allocates nothing, but for the first of
// each name that is not in Known.
func Values(s *Sentence, emit func(name string, number float64, text []byte, isText bool)) (malformed int) {
	if s.Bad != Good {
		return 0
	}
	if string(s.Type) == "XDR" {
		return s.transducers(emit)
	}
	l := layoutOf(s.Type)
	if l == nil || s.Encapsulated {
		for i, f := range s.Fields {
			x, ok := parse(f)
			emit(s.names.join(s.Type, nil, i+1, ""), x, f, !ok)
		}
		return 0
	}
	for i := range l.entries {
		e := &l.entries[i]
		f := s.field(int(e.at))
		if e.kind == text {
			x, _ := parse(f)
			emit(e.name, x, f, true)
			continue
		}
		x, ok := s.value(e)
		if !ok {
			malformed++
			x = math.NaN()
		}
		emit(e.name, x, f, false)
	}
	return malformed
}

// field returns the field at i, from 0, or nil.
func (s *Sentence) field(i int) []byte {
	if string(s.Type) == "VTG" && s.oldVTG() {
		if i%2 == 1 || i/2 >= len(s.Fields) {
			return nil
		}
		i /= 2 // four numbers, no letters between
	}
	if i >= len(s.Fields) {
		return nil
	}
	return s.Fields[i]
}

// oldVTG tells the VTG of NMEA 0183 before 2.0.
func (s *Sentence) oldVTG() bool {
	return len(s.Fields) == 4 && string(s.Fields[1]) != "T"
}

func (s *Sentence) value(e *entry) (float64, bool) {
	at := int(e.at)
	f := s.field(at)
	switch e.kind {
	case latitude:
		return position(f, s.field(at+1), 90, "NS")
	case longitude:
		return position(f, s.field(at+1), 180, "EW")
	case signed:
		x, ok := parse(f)
		switch string(s.field(at + 1)) {
		case "W":
			return -x, ok
		case "E":
			return x, ok
		}
		return math.NaN(), len(f) == 0
	case clock:
		return timeOfDay(f)
	case status:
		switch string(f) {
		case "A":
			return 1, true
		case "V":
			return 0, true
		}
		return math.NaN(), len(f) == 0
	case when:
		return unix(f, s.field(int(e.aux)))
	case whenZDA:
		a := int(e.aux)
		return unixOf(f, s.field(a), s.field(a+1), s.field(a+2))
	case count:
		n := 0
		for i := at; i <= int(e.aux); i++ {
			if len(s.field(i)) > 0 {
				n++
			}
		}
		return float64(n), true
	}
	return parse(f)
}

// transducers reads XDR: type, data, unit, name, again and again.
func (s *Sentence) transducers(emit func(string, float64, []byte, bool)) (malformed int) {
	for i := 0; i+1 < len(s.Fields); i += 4 {
		x, ok := parse(s.Fields[i+1])
		if !ok {
			malformed++
		}
		unit, name := s.field(i+2), bytes.TrimSpace(s.field(i+3))
		emit(s.names.join(s.Type, name, i/4+1, ""), x, s.Fields[i+1], false)
		emit(s.names.join(s.Type, name, i/4+1, ".unit"), math.NaN(), unit, true)
	}
	return malformed
}

// parse reads a decimal number; empty is NaN and no error.
func parse(b []byte) (float64, bool) {
	b = bytes.TrimSpace(b)
	if len(b) == 0 {
		return math.NaN(), true
	}
	x, ok := decimal.Numeric(b)
	if !ok {
		return math.NaN(), false
	}
	return x, true
}
