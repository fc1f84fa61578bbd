package devices

import "reflect"

// Simulate chooses what stands in for the device.
type Simulate struct {
	// Plant is real physics built into labbox: pendulum, aeropendulum, spinner,
	// plotter, calculator. Default: the channels' own `simulate`.
	Plant string `yaml:"plant"`
}

// SimChannel shapes one channel of the generic simulator. What is given are shown
// values. An input is what `follow` names, times `gain`; it counts as 0 while
// the gate is shut.
type SimChannel struct {
	// Wave is how the channel moves:
	// constant (default) stays at mean;
	// sine, square, triangle go from mean by amplitude up and down in each period;
	// walk wanders about mean, amplitude wide;
	// follow (default with `follow`) is mean + input, through a lag of first order;
	// second_order swings to mean + input with its period and damping;
	// thermal heats a body of some capacity by its input in watts, with a loss to mean, the ambient temperature, read by a sensor with a lag;
	// pendulum swings under gravity with its period and damping, let go at start, its input an angular acceleration per second squared;
	// integrate grows by its input each second, such as a position by a speed;
	// ramp goes to mean + input at no more than speed;
	// sum, difference, product, quotient, least, most reckon with what `of` names.
	Wave string `yaml:"wave"`
	// Period in s, of sine, square, triangle; of second_order without damping; of
	// pendulum at small angles.
	Period    float64 `yaml:"period"`
	Amplitude float64 `yaml:"amplitude"` // of sine, square, triangle, walk; of follow another word for gain
	Mean      float64 `yaml:"mean"`      // the middle; what no input leaves; the ambient temperature of thermal
	Noise     float64 `yaml:"noise"`     // standard deviation, added to what is measured
	Drift     float64 `yaml:"drift"`     // per hour, added to what is measured
	// Follow names the input: a parameter, such as drive.power, or another
	// channel by its id.
	Follow string  `yaml:"follow"`
	Gain   float64 `yaml:"gain"` // of the input, or of what is reckoned; default 1
	Lag    float64 `yaml:"lag"`  // s, time constant of follow, and of the sensor of thermal
	// Damping of second_order and pendulum: the ratio, 0 swings for ever, 1 is
	// critical.
	Damping  float64  `yaml:"damping"`
	Capacity float64  `yaml:"capacity"` // thermal: J/K, with an input in W
	Loss     float64  `yaml:"loss"`     // thermal: W/K to the ambient
	Speed    float64  `yaml:"speed"`    // ramp: most per second
	Duty     float64  `yaml:"duty"`     // square: the part of a period that is up, default 0.5
	Start    *float64 `yaml:"start"`    // where it begins; default mean, with its input
	// Limits stop the value: an axis at its ends, a supply at its maximum.
	Limits *Range `yaml:"limits"`
	// Of names two or more parameters or channels to reckon with, in order: power
	// is `wave: product, of: [volts, amps]`.
	Of []string `yaml:"of"`
	// Gate names a choice parameter or an enum channel that switches the input
	// off, or the whole wave where there is none: an output that is off has 0 V.
	Gate string `yaml:"gate"`
	// Open is the choice at which the gate is open. Default: all but the choice
	// `off`, or, where none is called so, all but the one with the value 0.
	Open string `yaml:"open"`
}

// given says whether the file says anything about how the channel moves.
func (s *SimChannel) given() bool { return !reflect.ValueOf(*s).IsZero() }

// driven says that the channel follows from others, so that no message that
// promises a value may hold it there.
func (s *SimChannel) driven() bool { return s.Follow != "" || len(s.Of) > 0 }
