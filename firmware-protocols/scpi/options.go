package scpi

import (
	"errors"
	"fmt"
	"math"
	"strings"
)

// ErrOptions is wrapped by what New and NewDevice return for options that make no
// sense.
var ErrOptions = errors.New("scpi: bad options")

// Limits and defaults.
const (
	DefaultMax    = 1 << 20 // bytes of one response message
	DefaultErrors = "SYST:ERR?"
	NoErrors      = "none" // Options.Errors of an instrument without an error queue
	maxTerminator = 8
	maxPrompt     = 16
	maxEcho       = 256
	maxPrefix     = 64 // of an overlong message that is shown
)

// Options describe how an instrument speaks. The zero value is what the standards
// say.
type Options struct {
	// End ends messages in both directions: 1 to 8 bytes, default "\n". One CR
	// in front of a received one belongs to it.
	End string `yaml:"end"`
	// Errors is the query that takes one entry from the error queue, default
	// "SYST:ERR?"; "none" for an instrument that has no queue.
	Errors string `yaml:"errors"`
	// Max is the longest response message in bytes, blocks included, default
	// 1048576. Longer ones are dropped and counted.
	Max int `yaml:"max"`
	// BareBlocks is for instruments that send no terminator behind a block: a
	// message ends with its first block. A terminator that comes nevertheless does
	// no harm.
	BareBlocks bool `yaml:"bare_blocks"`
	// Plain is for instruments whose replies are unquoted text of any kind:
	// quotes and # mean nothing and every terminator ends a message.
	Plain bool `yaml:"plain"`
	// Multiline lets a quoted string hold terminators, as IEEE 488.2 allows. By
	// default a terminator ends the message, so that one lost quote costs one
	// message only.
	Multiline bool `yaml:"multiline"`
	// Prompt is skipped where a message begins: ">" or "=> " of instruments made
	// for terminals. At most 16 bytes.
	Prompt string `yaml:"prompt"`
	// Echo says that the instrument sends back what it receives. What was given
	// to Decoder.Sent is dropped once.
	Echo bool `yaml:"echo"`
}

// withDefaults fills what is missing and checks the rest.
func (o Options) withDefaults() (Options, error) {
	if o.End == "" {
		o.End = "\n"
	}
	if o.Errors == "" {
		o.Errors = DefaultErrors
	}
	if o.Max == 0 {
		o.Max = DefaultMax
	}
	o.Prompt = strings.TrimSpace(o.Prompt)
	switch {
	case len(o.End) > maxTerminator:
		return o, fmt.Errorf("%w: terminator of %d bytes, at most %d", ErrOptions, len(o.End), maxTerminator)
	case len(o.Prompt) > maxPrompt:
		return o, fmt.Errorf("%w: prompt of %d bytes, at most %d", ErrOptions, len(o.Prompt), maxPrompt)
	case strings.ContainsAny(o.Prompt, "#\"'"):
		return o, fmt.Errorf("%w: prompt %q with a quote or #", ErrOptions, o.Prompt)
	case o.Max < 1 || o.Max > math.MaxInt32:
		return o, fmt.Errorf("%w: longest message of %d bytes", ErrOptions, o.Max)
	}
	for i := range len(o.Errors) {
		if c := o.Errors[i]; c < ' ' || c > '~' {
			return o, fmt.Errorf("%w: errors query %q", ErrOptions, o.Errors)
		}
	}
	return o, nil
}
