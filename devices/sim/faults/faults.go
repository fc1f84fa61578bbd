package faults

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"labbox/edge"
	"labbox/edge/config"
)

// Kind is a spell: a fault that begins and ends.
type Kind uint8

// The spells.
const (
	Freeze Kind = iota // the device stands still; what is sent to it waits, 4096 bytes at most
	Mute               // nothing that it sends arrives
	Deaf               // nothing that is sent to it arrives
	Babble             // it sends random bytes among its own, 1000 a second
	Unplug             // the line is lost, and there is none to open
	Reboot             // both ways nothing arrives; at the end it has started again
	kinds
)

func (k Kind) String() string {
	if k < kinds {
		return spellNames()[k]
	}
	return "unknown"
}

func spellNames() []string { return []string{"freeze", "mute", "deaf", "babble", "unplug", "reboot"} }

// KindOf finds a spell by its name.
func KindOf(name string) (Kind, bool) {
	i := slices.Index(spellNames(), name)
	return Kind(max(i, 0)), i >= 0
}

// Spell is a fault by the clock: it begins each Every, and lasts For. Every 0:
// never by itself.
type Spell struct{ Every, For time.Duration }

// Faults are those that are on all the time, and the clocks of spells.
type Faults struct {
	Drop    float64 // probability that a byte (a message, where there are some) is lost
	Corrupt float64 // that one bit of it is turned over
	OneWay  bool    // only of what the device sends
	Split   float64 // probability of a pause of up to 5 ms after a byte
	Glue    time.Duration
	Delay   time.Duration
	Jitter  time.Duration // more delay, by lot
	Spells  [kinds]Spell
}

// defaultFor is how long a spell lasts where nothing is said.
const defaultFor = time.Second

// setters are what Set knows.
func (f *Faults) setters() map[string]func(string) bool {
	part := func(to *float64) func(string) bool {
		return func(s string) bool {
			x, err := strconv.ParseFloat(s, 64)
			*to = x
			return err == nil && x >= 0 && x <= 1
		}
	}
	span := func(to *time.Duration) func(string) bool {
		return func(s string) bool {
			d, err := time.ParseDuration(s)
			*to = d
			return err == nil && d >= 0 && d <= 24*time.Hour
		}
	}
	all := map[string]func(string) bool{"drop": part(&f.Drop), "corrupt": part(&f.Corrupt), "split": part(&f.Split),
		"glue": span(&f.Glue), "delay": span(&f.Delay), "jitter": span(&f.Jitter),
		"one-way": func(s string) (ok bool) {
			var err error
			f.OneWay, err = strconv.ParseBool(s)
			return err == nil
		}}
	for k, name := range spellNames() {
		all[name+"-every"], all[name+"-for"] = span(&f.Spells[k].Every), span(&f.Spells[k].For)
	}
	return all
}

// Set changes one fault, such as drop to 0.01 or unplug-every to 10s. Errors are
// bad_config.
func (f *Faults) Set(key, value string) error {
	key = strings.ReplaceAll(key, "_", "-")
	all := f.setters()
	names := slices.Sorted(maps.Keys(all))
	set, ok := all[key]
	if !ok {
		err := edge.Errorf(edge.CodeBadConfig, "unknown fault %q", key)
		if best := config.Nearest(key, names); best != "" {
			return err.WithHint("did you mean %q?", best)
		}
		return err.WithHint("one of %s", strings.Join(names, ", "))
	}
	before := *f
	if !set(value) {
		*f = before
		hint := "a time, such as 50ms or 10s"
		switch key {
		case "drop", "corrupt", "split":
			hint = "a part of 1, such as 0.01"
		case "one-way":
			hint = "true or false"
		}
		return edge.Errorf(edge.CodeBadConfig, "fault %s cannot be %q", key, value).WithHint("%s", hint)
	}
	return f.check()
}

// check fills in how long spells last.
func (f *Faults) check() error {
	for k := range f.Spells {
		s := &f.Spells[k]
		if s.Every == 0 {
			continue
		}
		if s.For == 0 {
			s.For = min(defaultFor, s.Every/2)
		}
		if s.For >= s.Every {
			return edge.Errorf(edge.CodeBadConfig, "fault %s: it lasts %v and comes every %v", Kind(k), s.For, s.Every).
				WithHint("let it end before it begins again")
		}
	}
	return nil
}

// Parse reads faults as a file gives them.
func Parse(given map[string]any) (Faults, error) {
	var f Faults
	for _, k := range slices.Sorted(maps.Keys(given)) { // -every before -for
		v, ok := given[k].(string)
		if !ok {
			v = plain(given[k])
		}
		if err := f.Set(k, v); err != nil {
			return Faults{}, err
		}
	}
	return f, nil
}

func plain(v any) string {
	switch x := v.(type) {
	case bool:
		return strconv.FormatBool(x)
	case float64:
		return strconv.FormatFloat(x, 'g', -1, 64)
	case int:
		return strconv.Itoa(x)
	case int64:
		return strconv.FormatInt(x, 10)
	case uint64:
		return strconv.FormatUint(x, 10)
	}
	return ""
}
