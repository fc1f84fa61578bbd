package firmata

import (
	"errors"
	"fmt"
)

// ErrBoard is wrapped by every error about what a board answered.
var ErrBoard = errors.New("firmata: board")

// Ability is one mode that a pin can be set to.
type Ability struct {
	Mode Mode
	Bits int // resolution: 10 for an analog input of 0 to 1023; of I2C and serial it means something else
}

// Pin is one pin of a board.
type Pin struct {
	Number    int
	Channel   int       // of its analog input, -1 where it has none
	Abilities []Ability // empty where Firmata does not use the pin
}

// Bits returns the resolution of a mode, and whether the pin can do it.
func (p *Pin) Bits(m Mode) (bits int, ok bool) {
	for _, a := range p.Abilities {
		if a.Mode == m {
			return a.Bits, true
		}
	}
	return 0, false
}

// Board is what a board has said of itself.
type Board struct {
	Name                         string // of the firmware, "StandardFirmata.ino"
	Major, Minor                 int    // of the protocol
	FirmwareMajor, FirmwareMinor int
	Pins                         []Pin // by number
}

// speaks reports whether the board's protocol is at least major.minor.
func (b *Board) speaks(major, minor int) bool {
	return b.Major > major || b.Major == major && b.Minor >= minor
}

// Analog returns the pin of an analog channel, or nil.
func (b *Board) Analog(channel int) *Pin {
	for i := range b.Pins {
		if b.Pins[i].Channel == channel {
			return &b.Pins[i]
		}
	}
	return nil
}

// ParseCapabilities reads the data of a CapabilityReport.
func ParseCapabilities(data []byte) ([]Pin, error) {
	var pins []Pin
	var now []Ability
	for i := 0; i < len(data); i++ {
		if data[i] == none {
			if len(pins) == maxPins {
				return nil, fmt.Errorf("%w: capabilities of more than %d pins", ErrBoard, maxPins)
			}
			pins = append(pins, Pin{Number: len(pins), Channel: -1, Abilities: now})
			now = nil
			continue
		}
		if i+1 == len(data) {
			return nil, fmt.Errorf("%w: capabilities end within pin %d", ErrBoard, len(pins))
		}
		now = append(now, Ability{Mode(data[i]), int(data[i+1])})
		i++
	}
	if len(now) > 0 {
		return nil, fmt.Errorf("%w: capabilities end within pin %d", ErrBoard, len(pins))
	}
	if len(pins) == 0 {
		return nil, fmt.Errorf("%w: capabilities of no pin", ErrBoard)
	}
	return pins, nil
}

// AppendCapabilities writes what the pins can, as a board does.
func AppendCapabilities(dst []byte, pins []Pin) []byte {
	dst = append(dst, cmdSysex, sysexCapability)
	for _, p := range pins {
		for _, a := range p.Abilities {
			dst = append(dst, byte(a.Mode&0x7F), byte(a.Bits&0x7F))
		}
		dst = append(dst, none)
	}
	return append(dst, cmdEnd)
}

// setMapping gives the pins their channels, from the data of a MappingReport.
func setMapping(pins []Pin, data []byte) error {
	if len(data) != len(pins) {
		return fmt.Errorf("%w: analog mapping of %d pins, capabilities of %d", ErrBoard, len(data), len(pins))
	}
	var seen [maxPins]bool
	for i, c := range data {
		pins[i].Channel = -1
		if c == none {
			continue
		}
		if seen[c] {
			return fmt.Errorf("%w: two pins have analog channel %d", ErrBoard, c)
		}
		seen[c] = true
		pins[i].Channel = int(c)
	}
	return nil
}

// AppendMapping writes the pins' channels, as a board does.
func AppendMapping(dst []byte, pins []Pin) []byte {
	dst = append(dst, cmdSysex, sysexMapping)
	for _, p := range pins {
		if p.Channel < 0 {
			dst = append(dst, none)
		} else {
			dst = append(dst, byte(p.Channel&0x7F))
		}
	}
	return append(dst, cmdEnd)
}
