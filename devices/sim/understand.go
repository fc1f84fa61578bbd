package sim

import (
	"bytes"
	"math"
	"strconv"
	"strings"
	"time"

	"labbox/firmware-protocols/floats"
	"labbox/firmware-protocols/lines"
)

func (d *dialogue) receive(now time.Time, b []byte, out *output) {
	d.advance(now)
	if d.s.Floats {
		if key, x, err := floats.ParseCommand(b); err == nil {
			d.obey([]Pair{{string(key), x}}, out)
		}
		return
	}
	d.line.feed(b, func(line []byte) {
		if line = bytes.TrimSpace(line); len(line) > 0 {
			d.obey(d.parse(line), out)
		}
	})
}

// parse reads a command: the fields of an object, or, for a device that takes
// text, the whole line without a key.
func (d *dialogue) parse(line []byte) []Pair {
	var got []Pair
	dec, err := lines.New(lines.Options{Format: lines.Relaxed, MaxLine: maxCommandLine})
	if err == nil && line[0] == '{' {
		dec.Feed(append(line, '\n'), func(r *lines.Record) {
			if r.Kind != lines.Values || r.Glued {
				return
			}
			for i := range r.Fields {
				f := &r.Fields[i]
				p := Pair{Key: string(f.Key), Value: f.Num}
				if f.Kind == lines.Text {
					p.Value = string(f.Text)
				}
				got = append(got, p)
			}
		})
		return got
	}
	return []Pair{{"", string(line)}}
}

// obey finds the message, carries it out and replies.
func (d *dialogue) obey(got []Pair, out *output) {
	for i := range d.s.Messages {
		m := &d.s.Messages[i]
		slots := map[string]any{}
		set := map[string]float64{}
		if !m.match(got, slots, set) {
			continue
		}
		if m.Reset {
			d.Reset()
		}
		for id, x := range set {
			d.params[id] = x
		}
		for _, e := range m.Shows {
			d.Show(e)
		}
		if len(m.Reply) > 0 {
			d.print(out, m.Reply, slots)
		}
		return
	}
	if !d.s.Floats && d.s.Format <= lines.Relaxed {
		d.print(out, []Pair{{"error", "unknown command"}}, nil)
	}
}

// match says whether got is this message, and what stands in its slots: as it
// came, and as a number.
func (m *Message) match(got []Pair, slots map[string]any, set map[string]float64) bool {
	if len(m.Pattern) > 0 && m.Pattern[0].Key == "" {
		return len(got) == 1 && got[0].Key == "" && m.matchText(got[0].Value.(string), slots, set)
	}
	if len(got) != len(m.Pattern) {
		return false
	}
	for _, want := range m.Pattern {
		found := false
		for _, g := range got {
			if g.Key == want.Key {
				found = matchPair(want.Value, g.Value, slots, set)
			}
		}
		if !found {
			return false
		}
	}
	return true
}

func matchPair(want, got any, slots map[string]any, set map[string]float64) bool {
	switch w := want.(type) {
	case Slot:
		return w.read(got, slots, set)
	case string:
		s, ok := got.(string)
		return ok && s == w
	case bool:
		x, ok := got.(float64)
		return ok && (x != 0) == w
	case float64:
		x, ok := toNumber(got)
		return ok && x == w
	}
	return false
}

func toNumber(v any) (float64, bool) {
	switch x := v.(type) {
	case float64:
		return x, !math.IsNaN(x)
	case string:
		f, err := strconv.ParseFloat(strings.TrimSpace(x), 64)
		return f, err == nil && !math.IsNaN(f) && !math.IsInf(f, 0)
	}
	return 0, false
}

func (s *Slot) read(got any, slots map[string]any, set map[string]float64) bool {
	if w, ok := got.(string); ok {
		if x, ok := s.Words[w]; ok {
			slots[s.Param], set[s.Param] = w, x
			return true
		}
	}
	x, ok := toNumber(got)
	if !ok || len(s.Words) > 0 && len(s.Wire) == 0 {
		return false
	}
	slots[s.Param] = got
	if len(s.Wire) > 0 {
		for value, wire := range s.Wire {
			if wire == x {
				set[s.Param] = value
				return true
			}
		}
		return false
	}
	x -= s.Offset
	if s.Scale != 0 {
		x /= s.Scale
	}
	set[s.Param] = x
	return true
}

// matchText reads a line by a pattern of literals and slots; a slot is a word.
func (m *Message) matchText(line string, slots map[string]any, set map[string]float64) bool {
	for i := range m.Pattern {
		switch want := m.Pattern[i].Value.(type) {
		case string:
			rest, ok := strings.CutPrefix(line, want)
			if !ok && i == len(m.Pattern)-1 {
				rest, ok = strings.CutPrefix(line, strings.TrimRight(want, " \r\n"))
			}
			if !ok {
				return false
			}
			line = rest
		case Slot:
			end := strings.IndexAny(line, " ,;\t")
			if end < 0 {
				end = len(line)
			}
			if i+1 < len(m.Pattern) {
				if next, ok := m.Pattern[i+1].Value.(string); ok {
					if k := strings.Index(line, next); k >= 0 {
						end = k
					}
				}
			}
			if !want.read(line[:end], slots, set) {
				return false
			}
			line = line[end:]
		}
	}
	return strings.TrimSpace(line) == ""
}
