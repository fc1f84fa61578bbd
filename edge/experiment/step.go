package experiment

import (
	"bytes"
	"encoding/json"
	"strings"

	"labbox/edge"
)

// Step is one thing an experiment does. Exactly one field is set.
type Step struct {
	Set    *Set    `json:"set,omitempty"`
	Wait   *Wait   `json:"wait,omitempty"`
	Ramp   *Ramp   `json:"ramp,omitempty"`
	Record *Record `json:"record,omitempty"`
}

// Set gives one command to the device.
type Set struct {
	Command string    `json:"command"`
	Args    edge.Args `json:"args,omitempty"`
}

// Wait lets time pass.
type Wait struct {
	MS int64 `json:"ms"`
}

// Ramp moves one parameter of a command from one value to another. The value
// follows the clock: RampHz times a second, or four fifths of the command's own
// rate limit where that is less.
type Ramp struct {
	Command string    `json:"command"`
	Param   string    `json:"param"`
	From    float64   `json:"from"`
	To      float64   `json:"to"`
	OverMS  int64     `json:"over_ms"`
	Args    edge.Args `json:"args,omitempty"` // the command's other parameters
}

// Record starts a run, or stops it: in JSON {"name":...} or "stop". A run still on
// at the end is stopped there.
type Record struct {
	Name         string
	PreTriggerMS int64
	Stop         bool
}

// RampHz is how often a ramp's command is given.
const RampHz = 10

// MarshalJSON implements json.Marshaler.
func (r *Record) MarshalJSON() ([]byte, error) {
	if r.Stop {
		return []byte(`"stop"`), nil
	}
	return json.Marshal(struct {
		Name         string `json:"name,omitempty"`
		PreTriggerMS int64  `json:"pre_trigger_ms,omitempty"`
	}{r.Name, r.PreTriggerMS})
}

// UnmarshalJSON implements json.Unmarshaler. Unknown keys are refused.
func (s *Step) UnmarshalJSON(b []byte) error {
	*s = Step{}
	keys, fields, err := object(b, "a step", "set", "wait", "ramp", "record")
	if err != nil {
		return err
	}
	if len(keys) != 1 {
		return edge.Errorf(edge.CodeBadRequest, "a step has exactly one of set, wait, ramp, record, not %d", len(keys)).
			WithHint(`such as {"wait":{"ms":500}}`)
	}
	raw := fields[keys[0]]
	switch keys[0] {
	case "set":
		s.Set = &Set{}
		return fill(raw, "set", need{"command": &s.Set.Command}, may{"args": &s.Set.Args})
	case "wait":
		s.Wait = &Wait{}
		return fill(raw, "wait", need{"ms": &s.Wait.MS}, nil)
	case "ramp":
		r := &Ramp{}
		s.Ramp = r
		return fill(raw, "ramp", need{"command": &r.Command, "param": &r.Param, "from": &r.From, "to": &r.To, "over_ms": &r.OverMS},
			may{"args": &r.Args})
	}
	s.Record = &Record{}
	if word := ""; json.Unmarshal(raw, &word) == nil && len(raw) > 0 && raw[0] == '"' {
		if word != "stop" {
			return edge.Errorf(edge.CodeBadRequest, "record is an object or \"stop\", not %q", clip(word))
		}
		s.Record.Stop = true
		return nil
	}
	return fill(raw, "record", nil, may{"name": &s.Record.Name, "pre_trigger_ms": &s.Record.PreTriggerMS})
}

type (
	need map[string]any // fields that must be there, and where they go
	may  map[string]any // fields that may be there
)

// fill reads an object of known fields.
func fill(b []byte, what string, must need, can may) error {
	known := make([]string, 0, len(must)+len(can))
	for k := range must {
		known = append(known, k)
	}
	for k := range can {
		known = append(known, k)
	}
	_, fields, err := object(b, what, known...)
	if err != nil {
		return err
	}
	for k := range must {
		if _, ok := fields[k]; !ok {
			return edge.Errorf(edge.CodeMissingValue, "%s needs %s", what, k).With("field", k)
		}
	}
	for k, raw := range fields {
		into := must[k]
		if into == nil {
			into = can[k]
		}
		if bytes.Equal(raw, []byte("null")) || json.Unmarshal(raw, into) != nil {
			return edge.Errorf(edge.CodeBadValue, "%s of %s cannot be %s", k, what, clip(string(raw))).With("field", k).
				WithHint("see docs/ref/experiments.md")
		}
	}
	return nil
}

// object reads a JSON object with no other keys than the known ones, each once.
func object(b []byte, what string, known ...string) (keys []string, fields map[string]json.RawMessage, err error) {
	bad := edge.Errorf(edge.CodeBadRequest, "%s is not a JSON object", what).WithHint("see docs/ref/experiments.md")
	dec := json.NewDecoder(bytes.NewReader(b))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, nil, bad
	}
	fields = map[string]json.RawMessage{}
	for dec.More() {
		t, err := dec.Token()
		key, ok := t.(string)
		if err != nil || !ok {
			return nil, nil, bad
		}
		var raw json.RawMessage
		if dec.Decode(&raw) != nil {
			return nil, nil, bad
		}
		if _, twice := fields[key]; twice {
			return nil, nil, edge.Errorf(edge.CodeBadRequest, "%s has %s twice", what, clip(key)).With("field", clip(key))
		}
		if err := knows(what, key, known); err != nil {
			return nil, nil, err
		}
		keys, fields[key] = append(keys, key), raw
	}
	if t, err := dec.Token(); err != nil || t != json.Delim('}') || dec.More() {
		return nil, nil, bad
	}
	return keys, fields, nil
}

func knows(what, key string, known []string) error {
	for _, k := range known {
		if k == key {
			return nil
		}
	}
	e := edge.Errorf(edge.CodeBadRequest, "%s has no %s", what, clip(key)).With("field", clip(key))
	if near := nearest(key, known); near != "" {
		return e.WithHint("did you mean %s?", near)
	}
	return e.WithHint("it may have %s", strings.Join(sorted(known), ", "))
}

// nearest is the known word that is at most two letters away, "" for none.
func nearest(word string, known []string) string {
	best, at := "", 3
	if len(word) > 2*maxName {
		return ""
	}
	for _, k := range sorted(known) {
		if d := distance(word, k); d < at {
			best, at = k, d
		}
	}
	return best
}

const maxName = 48

// distance is Levenshtein's.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		last := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			last, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, last+cost)
		}
	}
	return row[len(b)]
}

func clip(s string) string {
	if len(s) > 64 {
		return s[:64]
	}
	return s
}

// atStep says at which step an error lies.
func atStep(err error, i int) error {
	e := edge.AsError(err)
	m := edge.Errorf(e.Code, "step %d: %w", i+1, err)
	m.Hint, m.Args = e.Hint, e.Args
	return m.With("step", i)
}
