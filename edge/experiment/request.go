package experiment

import (
	"encoding/json"
	"slices"

	"labbox/edge"
)

// Limits bound what may be submitted. The zero value of a field stands for its
// default.
type Limits struct {
	Bytes     int   // of a submission; 32 KiB
	Steps     int   // 200
	LengthMS  int64 // of all waits and ramps; an hour
	Points    int   // commands that ramps give; 10,000
	PerSeat   int   // pending and running ones of a seat on a device; 20
	PerDevice int   // pending and running ones of a device; 500
	OpenBytes int   // of all those of a device together; 1 MiB
}

func (l Limits) withDefaults() Limits {
	or := func(p *int, v int) {
		if *p <= 0 {
			*p = v
		}
	}
	or(&l.Bytes, 32<<10)
	or(&l.Steps, 200)
	or(&l.Points, 10_000)
	or(&l.PerSeat, 20)
	or(&l.PerDevice, 500)
	or(&l.OpenBytes, 1<<20)
	if l.LengthMS <= 0 {
		l.LengthMS = 3_600_000
	}
	return l
}

const (
	maxText       = 200
	maxKey        = 64
	maxPreTrigger = 600_000
)

// Request is a submission.
type Request struct {
	Device string
	Name   string
	Key    string // makes the same submission return the same id
	Steps  []Step
}

// ParseRequest reads a submission from JSON. Unknown keys are refused.
func ParseRequest(b []byte, l Limits) (*Request, error) {
	l = l.withDefaults()
	if len(b) > l.Bytes {
		return nil, edge.Errorf(edge.CodeTooLarge, "an experiment of %d bytes, at most %d", len(b), l.Bytes).With("max", l.Bytes)
	}
	r := &Request{}
	var steps []json.RawMessage
	err := fill(b, "an experiment", need{"device": &r.Device, "steps": &steps}, may{"name": &r.Name, "key": &r.Key})
	if err != nil {
		return nil, err
	}
	if len(steps) == 0 {
		return nil, edge.Errorf(edge.CodeMissingValue, "an experiment needs steps").With("field", "steps")
	}
	if len(steps) > l.Steps {
		return nil, edge.Errorf(edge.CodeTooLarge, "%d steps, at most %d", len(steps), l.Steps).With("field", "steps").With("max", l.Steps).
			WithHint("split it into several experiments")
	}
	for i, raw := range steps {
		var s Step
		if err := s.UnmarshalJSON(raw); err != nil {
			return nil, atStep(err, i)
		}
		r.Steps = append(r.Steps, s)
	}
	return r, r.checkNames()
}

func (r *Request) checkNames() error {
	if err := edge.CheckName(r.Device); err != nil {
		return err
	}
	if len(r.Name) > maxText {
		return edge.Errorf(edge.CodeTooLarge, "name is longer than %d bytes", maxText).With("field", "name")
	}
	return checkKey(r.Key)
}

func checkKey(key string) error {
	if len(key) > maxKey {
		return edge.Errorf(edge.CodeTooLarge, "key is longer than %d bytes", maxKey).With("field", "key")
	}
	for i := range len(key) {
		if key[i] <= ' ' || key[i] >= 0x7f {
			return edge.Errorf(edge.CodeBadValue, "a key is printable ASCII without blanks").With("field", "key")
		}
	}
	return nil
}

func sorted(s []string) []string { return slices.Sorted(slices.Values(s)) }
