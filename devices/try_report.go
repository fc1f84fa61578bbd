package devices

import (
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"labbox/edge"
	"labbox/edge/config"
)

// TryReport sums up a trial.
type TryReport struct {
	Type     string
	Took     time.Duration
	Proved   bool  // it is what the type file says
	Why      error // why not
	Unsafe   error // its safe state was tried, and not confirmed
	Lost     error // the line broke
	Matched  uint64
	Misfits  uint64 // messages that nothing declared fits
	Missing  uint64 // samples known to be missing
	Samples  uint64
	Channels []TryChannel
	Unknown  []TryField
	Rest     []byte // the last bytes that no message was made of
}

// TryChannel is what came of a channel.
type TryChannel struct {
	ID, Unit, From string
	Optional       bool
	N              uint64 // values
	Missing        uint64 // values that were none, such as nan
	Outside        uint64 // of the range
	Min, Max       float64
	Seen           []string // choices that came
}

// TryField is a field that no channel takes.
type TryField struct {
	Name     string
	N        uint64
	Array    bool
	Text     bool
	Words    []string // the first different texts
	Min, Max float64
}

// WriteTo writes the report for people.
func (r *TryReport) WriteTo(w io.Writer) (int64, error) {
	var b strings.Builder
	r.write(&b)
	n, err := io.WriteString(w, b.String())
	return int64(n), err
}

func (r *TryReport) write(b *strings.Builder) {
	rate := 0.0
	if s := r.Took.Seconds(); s > 0 {
		rate = float64(r.Samples) / s
	}
	fmt.Fprintf(b, "%.1f s: %d messages matched, %d not understood, %d samples (%.3g a second), %d missing\n",
		r.Took.Seconds(), r.Matched, r.Misfits, r.Samples, rate, r.Missing)
	meant := map[string]bool{} // fields that a channel is probably made from
	for i := range r.Channels {
		c := &r.Channels[i]
		unit := ""
		if c.Unit != "" {
			unit = " " + c.Unit
		}
		switch {
		case c.N > 0:
			fmt.Fprintf(b, "  %s: %d values, ", c.ID, c.N)
			if len(c.Seen) > 0 {
				b.WriteString(strings.Join(c.Seen, ", "))
			} else {
				fmt.Fprintf(b, "%s to %s%s", shortNumber(c.Min), shortNumber(c.Max), unit)
			}
			if c.Outside > 0 {
				fmt.Fprintf(b, ", %d of them outside its range", c.Outside)
			}
			if c.Missing > 0 {
				fmt.Fprintf(b, ", %d more missing", c.Missing)
			}
			b.WriteByte('\n')
		case c.Missing > 0:
			fmt.Fprintf(b, "  %s: %d times, never a value\n", c.ID, c.Missing)
		case c.Optional:
			fmt.Fprintf(b, "  %s: never came (it is optional)\n", c.ID)
		default:
			like := r.similar(c.From)
			meant[like] = true
			if like != "" {
				like = fmt.Sprintf(" (is it `%s`?)", clip([]byte(like)))
			}
			fmt.Fprintf(b, "  %s: never came: no message has the field `%s`%s\n", c.ID, c.From, like)
		}
	}
	for i := range r.Unknown {
		fmt.Fprintf(b, "  the device also sends `%s`, %s\n", clip([]byte(r.Unknown[i].Name)), r.Unknown[i].kind())
	}
	if len(r.Rest) > 0 {
		fmt.Fprintf(b, "  at last %d bytes that no message was made of: %s\n", len(r.Rest), quoteBytes(r.Rest[max(0, len(r.Rest)-64):]))
		if c := r.Rest[len(r.Rest)-1]; r.Matched+r.Misfits == 0 && (c == '\n' || c == '\r' || c == 3) {
			fmt.Fprintf(b, "\thint: they end in %s: does the type file say another `end:`?\n", quoteASCII(r.Rest[len(r.Rest)-1:]))
		}
	}
	r.proposals(b, meant)
	switch {
	case r.Lost != nil:
		fmt.Fprintf(b, "the line was lost: %s\n", edge.AsError(r.Lost).Message)
	case !r.Proved && r.Why != nil:
		fmt.Fprintf(b, "%s\n", edge.AsError(r.Why).Message)
		if h := edge.AsError(r.Why).Hint; h != "" {
			fmt.Fprintf(b, "\thint: %s\n", h)
		}
	case r.Proved && r.Unsafe != nil:
		fmt.Fprintf(b, "it looks like %s, but cannot be made safe: %s\n", r.Type, edge.AsError(r.Unsafe).Message)
	case !r.Proved:
		fmt.Fprintf(b, "this does not look like %s\n", r.Type)
	default:
		fmt.Fprintf(b, "this looks like %s\n", r.Type)
	}
}

// proposals are channels for the fields that nothing takes.
func (r *TryReport) proposals(b *strings.Builder, meant map[string]bool) {
	var have []Channel
	for i := range r.Channels {
		have = append(have, Channel{ID: r.Channels[i].ID})
	}
	intro := "to add under `channels:` (give them labels and units):\n"
	for i := range r.Unknown {
		if meant[r.Unknown[i].Name] {
			continue
		}
		ch := r.Unknown[i].propose(have)
		have = append(have, ch.Channel)
		b.WriteString(intro + "  " + ch.yaml() + "\n")
		intro = ""
	}
}

// similar is a field that came and may be meant.
func (r *TryReport) similar(field string) string {
	var names []string
	for i := range r.Unknown {
		names = append(names, r.Unknown[i].Name)
	}
	return config.Nearest(field, names)
}

func (f *TryField) kind() string {
	switch {
	case f.Text:
		return fmt.Sprintf("a text, such as %s", quoteAll(f.Words[:min(3, len(f.Words))]))
	case f.Array:
		return fmt.Sprintf("lists of numbers, %s to %s", shortNumber(f.Min), shortNumber(f.Max))
	case math.IsInf(f.Min, 0):
		return "never a number"
	}
	return fmt.Sprintf("%s to %s", shortNumber(f.Min), shortNumber(f.Max))
}

// proposal is a channel for a skeleton.
type proposal struct {
	Channel
	words    []string
	optional bool
}

// propose makes a channel of a field.
func (f *TryField) propose(have []Channel) proposal {
	p := proposal{Channel: autoChannel(f.Name, have)}
	if f.Text {
		p.words = f.Words
	}
	return p
}

// yaml is the channel as a line of a type file.
func (p proposal) yaml() string {
	s := "- {id: " + yamlWord(p.ID)
	if p.From != p.ID {
		s += ", from: " + yamlText(p.From)
	}
	s += ", label: " + yamlText(p.Label.In("en"))
	if len(p.words) > 0 {
		s += ", format: enum, choices: ["
		var have []Channel
		for i, w := range p.words {
			ch := autoChannel(w, have)
			have = append(have, ch)
			if i > 0 {
				s += ", "
			}
			s += "{id: " + yamlWord(ch.ID) + ", wire: " + yamlText(w) + "}"
		}
		s += "]"
	}
	if p.optional {
		s += ", optional: true"
	}
	return s + "}"
}

// yamlText is a text in YAML's double quotes.
func yamlText(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(clip([]byte(s))) + `"`
}

// yamlWord is an id: some words mean something else to YAML, and digits a number.
func yamlWord(s string) string {
	switch s {
	case "y", "n", "yes", "no", "on", "off", "true", "false", "null":
		return `"` + s + `"`
	}
	if s != "" && (s[0] >= '0' && s[0] <= '9' || s[0] == '-') {
		return `"` + s + `"`
	}
	return s
}
