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

// Wave is how a channel moves by itself.
type Wave uint8

// Waves.
const (
	Constant Wave = iota
	Sine          // Mean + Amplitude*sin(2 pi t/Period)
	Walk          // a random walk that is drawn back to Mean, about Amplitude wide
	Follow        // approaches Mean + Gain*parameter
)

// Channel is one field of the reports. Its values are those shown; what is
// printed is (shown-Offset)/Scale.
type Channel struct {
	Field      string
	Wave       Wave
	Mean       float64
	Amplitude  float64
	Period     float64 // s
	Noise      float64 // standard deviation
	Param      string  // Follow: what it follows, and
	Gain       float64 // by how much; 0 counts as 1
	Lag        float64 // s, time constant; 0: at once
	Resolution float64
	Limits     *[2]float64
	Scale      float64 // 0 counts as 1
	Offset     float64
	Words      map[float64]string // values that are printed as words
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
	params := map[string]bool{}
	for _, p := range s.Params {
		params[p.ID] = true
	}
	for _, c := range s.Channels {
		if c.Wave == Follow && !params[c.Param] {
			return fmt.Errorf("sim: channel %s follows %q, which is no parameter of a command", c.Field, c.Param)
		}
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
