package firmata

import (
	"errors"
	"fmt"
	"strconv"
	"time"
)

// ErrOptions is wrapped by what NewSession returns.
var ErrOptions = errors.New("firmata: bad options")

// The defaults of Options.
const (
	DefaultBoot   = 3 * time.Second
	DefaultAnswer = time.Second
	DefaultIdle   = time.Second
)

// Options say how a board is used. The zero value takes all its analog inputs.
type Options struct {
	// Sampling is how often analog inputs are reported, 1 ms to 16383 ms; 0 leaves
	// it to the board (19 ms). Boards have a smallest one of their own, 1 or 10 ms.
	Sampling time.Duration `yaml:"sampling"`
	// Boot is how long a board is given to report by itself after the port was
	// opened, before it is asked. Default 3s. A board that does not restart when
	// its port is opened can be asked at once: 1ms.
	Boot time.Duration `yaml:"boot"`
	// Answer is how long a board is given for each answer; it is asked three times.
	// Default 1s.
	Answer time.Duration `yaml:"answer"`
	// Idle is how long a board that has been set up may say nothing before it is
	// asked for a sign of life. After three without answer it has failed. Default 1s.
	Idle time.Duration `yaml:"idle"`
	// Reset sends a system reset first: all pins as after boot. Without it a pin that
	// already has its mode keeps its level.
	Reset bool `yaml:"reset"`
	// Pins are what is used. With none, every analog input is, with its name A0,
	// A1, ... as field.
	Pins []PinOption `yaml:"pins"`
	// AllAnalog uses, besides Pins, every analog input that is not one of them.
	AllAnalog bool `yaml:"all_analog"`
	// AnalogMax is the Max of those inputs that Pins does not name.
	AnalogMax float64 `yaml:"analog_max"`
}

// PinOption is one pin that is used.
type PinOption struct {
	// Field is the name of its value.
	Field string `yaml:"field"`
	// Pin is its number, 13 or D13, or its analog channel, A0.
	Pin string `yaml:"pin"`
	// Mode is input, pullup, output, analog, pwm or servo.
	Mode string `yaml:"mode"`
	// Max is the value of full scale, of analog and pwm: 5 gives volts of a 5 V
	// board, 100 takes per cent. 0: the board's own numbers, such as 0 to 1023.
	Max float64 `yaml:"max"`
	// Pulse are a servo's pulse lengths at 0 and 180 degrees, in microseconds; none:
	// the board's own (544 and 2400).
	Pulse []int `yaml:"pulse"`
}

// check completes and checks o.
func (o *Options) check() error {
	for _, d := range []struct {
		name  string
		value *time.Duration
		unset time.Duration
	}{{"boot", &o.Boot, DefaultBoot}, {"answer", &o.Answer, DefaultAnswer}, {"idle", &o.Idle, DefaultIdle}} {
		if *d.value == 0 {
			*d.value = d.unset
		}
		if *d.value < 0 {
			return fmt.Errorf("%w: %s of %v", ErrOptions, d.name, *d.value)
		}
	}
	if o.Sampling != 0 && (o.Sampling < time.Millisecond || o.Sampling > 16383*time.Millisecond) {
		return fmt.Errorf("%w: sampling every %v, must be 1ms to 16.383s", ErrOptions, o.Sampling)
	}
	if !(o.AnalogMax >= 0) || o.AnalogMax > 1e12 {
		return fmt.Errorf("%w: analog_max %v", ErrOptions, o.AnalogMax)
	}
	fields := map[string]bool{}
	for i := range o.Pins {
		if err := o.Pins[i].check(); err != nil {
			return err
		}
		if fields[o.Pins[i].Field] {
			return fmt.Errorf("%w: field %q twice", ErrOptions, o.Pins[i].Field)
		}
		fields[o.Pins[i].Field] = true
	}
	if len(o.Pins) > maxPins {
		return fmt.Errorf("%w: %d pins, at most %d", ErrOptions, len(o.Pins), maxPins)
	}
	return nil
}

func (p *PinOption) check() error {
	mode, ok := ParseMode(p.Mode)
	if !ok {
		return fmt.Errorf("%w: mode %q of field %q is none of input, pullup, output, analog, pwm, servo", ErrOptions, p.Mode, p.Field)
	}
	if _, _, ok := parsePin(p.Pin); !ok {
		return fmt.Errorf("%w: pin %q of field %q is no pin: 13, D13 or A0", ErrOptions, p.Pin, p.Field)
	}
	switch {
	case p.Field == "":
		return fmt.Errorf("%w: pin %s has no field", ErrOptions, p.Pin)
	case !(p.Max >= 0) || p.Max > 1e12, p.Max != 0 && mode != Analog && mode != PWM:
		return fmt.Errorf("%w: max %v of field %q", ErrOptions, p.Max, p.Field)
	case len(p.Pulse) != 0 && mode != Servo:
		return fmt.Errorf("%w: pulse of field %q, which is no servo", ErrOptions, p.Field)
	case len(p.Pulse) != 0 && (len(p.Pulse) != 2 || p.Pulse[0] < 1 || p.Pulse[1] <= p.Pulse[0] || p.Pulse[1] > maxServoPulseMicros):
		return fmt.Errorf("%w: pulse %v of field %q, must be two lengths in microseconds", ErrOptions, p.Pulse, p.Field)
	}
	return nil
}

// parsePin reads 13, D13 or A0.
func parsePin(s string) (number int, channel, ok bool) {
	if s != "" && (s[0] == 'A' || s[0] == 'D') {
		channel = s[0] == 'A'
		s = s[1:]
	}
	if s == "" || len(s) > 3 || s[0] < '0' || s[0] > '9' {
		return 0, false, false
	}
	n, err := strconv.Atoi(s)
	return n, channel, err == nil && n < maxPins-1
}
