package devices

import (
	"slices"
	"strings"

	"labbox/firmware-protocols/fields"
)

// printable is the pattern of an answer as the simulator says it: what is only
// skipped gets something to say. nil where nothing can be printed.
func (c *checker) printable(parts []fields.Part, cmd *Command) *fields.Pattern {
	own := c.withChoices(parts, cmd)
	for i := range own {
		p := &own[i]
		if !p.Skip || p.Default != nil {
			continue
		}
		switch p.As {
		case "word", "text":
			p.Default = simWord
			if p.Width > 0 {
				p.Default = strings.Repeat("x", p.Width)
			} else if p.MaxWidth > 0 && p.MaxWidth < len(simWord) {
				p.Default = simWord[:p.MaxWidth]
			}
		case "chars":
			if p.Set != "" && p.Set[0] != '^' {
				p.Default = strings.Repeat(p.Set[:1], max(1, p.Width))
			}
		case "choice":
			if len(p.Choices) > 0 {
				p.Default = p.Choices[0].ID
			}
		case "regex", "list", "block", "time", "blanks":
		default:
			p.Default = 0
		}
	}
	p, err := fields.Compile(own, fields.Options{SCPI: c.t.Protocol.SCPI != nil})
	if err != nil {
		return nil
	}
	return p
}

// withChoices copies parts and gives a choice without choices those of the
// parameter, or of the channel, that it is named after.
func (c *checker) withChoices(parts []fields.Part, cmd *Command) []fields.Part {
	own := slices.Clone(parts)
	for i := range own {
		if own[i].As == "choice" && len(own[i].Choices) == 0 {
			name := own[i].Field
			if ref, ok := own[i].Equals.(string); ok && name == "" {
				name = strings.TrimPrefix(ref, "$")
			}
			own[i].Choices = c.choicesOf(name, cmd)
		}
	}
	return own
}
