package edge

// Contract is what a device type says about itself, as everybody but its
// driver needs it: the panel draws it, the recorder writes it beside the data,
// the limits of commands are in it. It holds nothing about wires.
//
// Hash names the content: it changes when the type file or the bench's
// narrower limits or calibration change, and the stream's epoch with it. Limits
// that a teacher narrows live change the hash only: frames mean what they did.
type Contract struct {
	Type        string        `json:"type"`
	Hash        string        `json:"hash"` // hex, 16 bytes of a SHA-256
	Label       Text          `json:"label"`
	Description Text          `json:"description,omitempty"`
	Channels    []Channel     `json:"channels"`
	Commands    []CommandSpec `json:"commands"`
	Panel       Panel         `json:"panel"`
	// RateHz is the sample rate the type declares, 0 where it is not known.
	RateHz float64 `json:"rate_hz,omitempty"`
	// StaleMS is after how long without data the values count as stale.
	StaleMS int `json:"stale_ms"`
	// Drivable says whether there is anything to drive: a device without
	// commands needs no lease.
	Drivable bool `json:"drivable"`
	// SafeText says in words what the safe state is.
	SafeText Text `json:"safe,omitempty"`
	// BetweenText says in words what known state it is brought to between two turns.
	BetweenText Text `json:"between,omitempty"`
	// GraceMS is how long a driver's heartbeat may be missing before the device
	// goes safe; KeepMS how long the turn is kept after that moment's start.
	GraceMS int `json:"grace_ms"`
	KeepMS  int `json:"keep_ms"`
	// LongestRunMS is how long after the first command that is not calming the
	// device is made safe, 0: never; RestMS how long it then takes no other.
	LongestRunMS int64 `json:"longest_run_ms,omitempty"`
	RestMS       int64 `json:"rest_ms,omitempty"`
}

// Channel is one measured or reported quantity. Frames carry raw values; the
// value shown is raw*Scale+Offset.
type Channel struct {
	ID    string   `json:"id"`
	Label Text     `json:"label"`
	Unit  string   `json:"unit,omitempty"` // UCUM or a plain symbol
	Min   *float64 `json:"min,omitempty"`  // of the shown value
	Max   *float64 `json:"max,omitempty"`
	// Trip: a value outside by more than TripBeyond makes the device safe.
	Trip       bool     `json:"trip,omitempty"`
	TripBeyond float64  `json:"trip_beyond,omitempty"`
	Resolution float64  `json:"resolution,omitempty"` // smallest step of the shown value
	Decimals   int      `json:"decimals"`             // places to show
	Scale      float64  `json:"scale"`                // calibration, 1 where none
	Offset     float64  `json:"offset"`
	Format     string   `json:"format"`            // f32, f64, i16, enum: as in frames
	Choices    []Choice `json:"choices,omitempty"` // names of an enum's values
	Group      string   `json:"group,omitempty"`   // channels of one group share a plot
	Role       string   `json:"role,omitempty"`    // measure (default), setpoint, status
	Hidden     bool     `json:"hidden,omitempty"`  // not plotted unless asked for
	Spread     bool     `json:"spread,omitempty"`  // in some samples only, by design: no value between two is no gap
}

// Choice is one value of an enumeration.
type Choice struct {
	ID    string  `json:"id"`
	Value float64 `json:"value"` // as it stands in frames
	Label Text    `json:"label"`
}

// CommandSpec is one command that a driver may give.
type CommandSpec struct {
	ID     string  `json:"id"`
	Label  Text    `json:"label"`
	Help   Text    `json:"help,omitempty"`
	Params []Param `json:"params"`
	// Confirm says how the device's answer is known: reply, telemetry, none.
	Confirm   string `json:"confirm"`
	TimeoutMS int    `json:"timeout_ms"` // longest wait for the answer
	// RatePerS is the most commands of this kind per second, 0 for no limit.
	RatePerS float64 `json:"rate_per_s,omitempty"`
	// Calming marks a command that only makes the device safer (brake, stop):
	// the panel shows it so. It still needs the lease.
	Calming bool `json:"calming,omitempty"`
	// LongestRunMS is how long after it the device is made safe, 0: never.
	LongestRunMS int64 `json:"longest_run_ms,omitempty"`
}

// Param types.
const (
	ParamFloat  = "float"
	ParamInt    = "int"
	ParamChoice = "choice"
)

// Param is one typed, bounded parameter. Min and Max are inclusive and always
// present for numbers: a number without limits does not load.
type Param struct {
	ID      string   `json:"id"`
	Label   Text     `json:"label"`
	Type    string   `json:"type"` // float, int, choice
	Unit    string   `json:"unit,omitempty"`
	Min     float64  `json:"min"`
	Max     float64  `json:"max"`
	Step    float64  `json:"step,omitempty"`     // of the input field
	MaxStep float64  `json:"max_step,omitempty"` // largest change in one command, 0: none
	Default Value    `json:"default"`
	SlewPS  float64  `json:"slew_per_s,omitempty"` // largest change per second, 0: none
	Choices []Choice `json:"choices,omitempty"`
	// Channel is the channel that shows this parameter's present value, "" for
	// none: the panel puts the two side by side, the slew check starts from it.
	Channel string `json:"channel,omitempty"`
}

// Panel hints at a good first view.
type Panel struct {
	Plots    []Plot   `json:"plots,omitempty"`
	Readouts []string `json:"readouts,omitempty"` // channel ids
	WindowS  float64  `json:"window_s,omitempty"` // width of the time axis
	Icon     string   `json:"icon,omitempty"`     // pendulum, rotor, heat, chart, chip
}

// Plot is one graph: channels that share a vertical axis.
type Plot struct {
	Label    Text     `json:"label,omitempty"`
	Channels []string `json:"channels"`
}

// Channel returns the index of the channel with this id, or -1.
func (c *Contract) Channel(id string) int {
	for i := range c.Channels {
		if c.Channels[i].ID == id {
			return i
		}
	}
	return -1
}

// Command returns the command with this id, or nil.
func (c *Contract) Command(id string) *CommandSpec {
	for i := range c.Commands {
		if c.Commands[i].ID == id {
			return &c.Commands[i]
		}
	}
	return nil
}
