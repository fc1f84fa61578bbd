package devices

import (
	"math"

	"labbox/edge"
)

// allowsLocked says whether interlocks and the ranges of channels allow a command
// now.
func (s *Supervisor) allowsLocked(t *Type, cmd *Command, args []argument) error {
	for i := range t.Channels {
		ch := &t.Channels[i]
		if cmd.Calming || !ch.Trip {
			continue
		}
		x := s.readBack(ch.ID)
		if ch.beyond(x) {
			return strayed(ch, x)
		}
		// One that is not shown any more is where it was last.
		if math.IsNaN(x) && s.env.outside[ch.ID] {
			last, _ := s.stream.reading(ch.ID)
			return strayed(ch, last)
		}
	}
	return t.forbids(cmd, args, s.readBack)
}

func strayed(ch *Channel, x float64) error {
	e := edge.Errorf(edge.CodeInterlock, "%s is %g %s, outside %g to %g", ch.ID, x, ch.Unit, ch.Range[0], ch.Range[1])
	if math.IsNaN(x) { // no JSON
		e = edge.Errorf(edge.CodeInterlock, "%s was outside %g to %g %s and is not shown", ch.ID, ch.Range[0], ch.Range[1], ch.Unit)
	} else {
		e = e.With("value", x)
	}
	return e.With("channel", ch.ID).With("unit", ch.Unit).
		WithHint("wait until %s is inside again; calming commands are obeyed", ch.ID)
}

// straysLocked makes the device safe when a value leaves its range.
func (s *Supervisor) straysLocked(t *Type) {
	for i := range t.Channels {
		ch := &t.Channels[i]
		if !ch.Trip {
			continue
		}
		x := s.readBack(ch.ID)
		if math.IsNaN(x) {
			continue // it stays where it was
		}
		out := ch.beyond(x)
		if out && !s.env.outside[ch.ID] && s.calmLocked() {
			s.eventLocked("interlock", nil, map[string]any{"text": edge.AsError(strayed(ch, x)).Message, "channel": ch.ID, "value": x})
			s.demandSafeLocked("out of range")
		}
		s.env.outside[ch.ID] = out
	}
}
