package sim

import (
	"fmt"
	"time"

	"labbox/firmware-protocols/lines"
)

// Spec is what a dialogue needs of a device type: what it prints, and what it
// answers to what is sent to it.
type Spec struct {
	// Floats makes binary messages of the channels' values and takes one-key
	// commands; else lines in Format are printed.
	Floats     bool
	Fields     []string // Floats: names of the floats in order
	Hello      string   // Floats: the text sent first
	Format     lines.Format
	Separator  byte   // CSV
	Terminator string // of commands; default "\n"

	RateHz   float64 // reports a second; default 10
	Asked    bool    // it reports nothing by itself
	Channels []Channel
	Time     *Clock
	Count    string // field that counts reports; "" none
	CountMax uint64 // it wraps to 0 after this; 0: never
	Banner   []Pair // printed when the line opens
	Messages []Message
	Params   []Param
}

// Clock is the device's own clock in its reports.
type Clock struct {
	Field string
	Unit  time.Duration // of one count
	Wrap  float64       // it wraps to 0 after so many counts; 0: never
}

// Param is a number that commands set and channels follow.
type Param struct {
	ID      string // command.param
	Initial float64
}

// Pair is a field with a constant: a number, a bool or a string.
type Pair struct {
	Key   string
	Value any
}

// Message is something the device understands. A message is the first of the
// spec's whose constants are all there.
type Message struct {
	// Pattern: JSON members in any order, or, where the keys are empty, the
	// words of a text. A Slot stands for a parameter.
	Pattern []Pair
	// Reply is printed as one record; a Slot gives the parameter back as it came.
	Reply []Pair
	// Shows are the channels (by place) that the message sets, from then on.
	Shows []Effect
	// Reset takes every parameter back to its initial value.
	Reset bool
}

// Live stands for the present value of the channel with this field.
type Live string

// Slot is a place in a pattern or a reply where a parameter stands.
type Slot struct {
	Param string // command.param
	// Words are values that are written as words; else the number is read with
	// Scale and Offset: wire = value*Scale + Offset.
	Words         map[string]float64
	Wire          map[float64]float64 // values that are written as other numbers
	Scale, Offset float64
}

// Effect sets a channel to a number, or, with Param, to the value of a parameter.
type Effect struct {
	Channel int
	Value   float64
	Param   string
}

func (s *Spec) check() error {
	if len(s.Channels) == 0 {
		return fmt.Errorf("sim: a device without channels has nothing to say; give it a plant")
	}
	if s.RateHz < 0 || s.RateHz > 10_000 {
		return fmt.Errorf("sim: %g reports a second", s.RateHz)
	}
	if _, err := s.wire(); err != nil {
		return err
	}
	if s.Floats {
		for _, m := range s.Messages {
			if len(m.Pattern) != 1 {
				return fmt.Errorf("sim: a message of %d keys, where one is sent at a time", len(m.Pattern))
			}
		}
	}
	return nil
}
