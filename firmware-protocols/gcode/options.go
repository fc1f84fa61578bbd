package gcode

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// ErrOptions is wrapped by what New and NewStage return for options that make no
// sense.
var ErrOptions = errors.New("gcode: bad options")

// Limits and defaults.
const (
	DefaultBuffer  = 127 // bytes: a ring of 128 holds one less
	DefaultMaxLine = 256
	DefaultStatus  = "?"
	DefaultPoll    = 200 * time.Millisecond
	maxPrefix      = 64 // of an overlong line that is shown
	maxFields      = 64
	maxNames       = 64 // of fields no one has told us of
)

// Options describe how a stage is driven. The zero value is GRBL 1.1.
type Options struct {
	// Buffer is the stage's serial receive buffer in bytes, default 127. No more
	// than that is under way and unanswered; a line is never longer.
	Buffer int `yaml:"buffer"`
	// Status asks for a status report: "?" (default), a realtime byte that goes past
	// the buffer, or a command such as "M114" that is sent as a line.
	Status string `yaml:"status"`
	// Poll is the time between two status requests, default 200ms.
	Poll time.Duration `yaml:"poll"`
	// MaxLine is the longest line from the stage in bytes, default 256. Longer ones
	// are dropped and counted.
	MaxLine int `yaml:"max_line"`
	// Numbered sends lines as Marlin takes them over a bad line: N5 G1 X1*100. What
	// it asks for again is sent again.
	Numbered bool `yaml:"numbered"`
}

// WithDefaults fills what is missing and checks the rest.
func (o Options) WithDefaults() (Options, error) {
	if o.Buffer == 0 {
		o.Buffer = DefaultBuffer
	}
	if o.Status == "" {
		o.Status = DefaultStatus
	}
	if o.Poll == 0 {
		o.Poll = DefaultPoll
	}
	if o.MaxLine == 0 {
		o.MaxLine = DefaultMaxLine
	}
	switch {
	case o.Buffer < 8 || o.Buffer > 65536:
		return o, fmt.Errorf("%w: buffer of %d bytes", ErrOptions, o.Buffer)
	case o.MaxLine < 16 || o.MaxLine > math.MaxInt32:
		return o, fmt.Errorf("%w: longest line of %d bytes", ErrOptions, o.MaxLine)
	case o.Poll < time.Millisecond:
		return o, fmt.Errorf("%w: poll of %v", ErrOptions, o.Poll)
	}
	if len(o.Status) == 1 && IsRealtime(o.Status[0]) {
		return o, nil
	}
	if err := Check([]byte(o.Status+"\n"), o.Buffer); err != nil {
		return o, fmt.Errorf("%w: status: %w", ErrOptions, err)
	}
	return o, nil
}
