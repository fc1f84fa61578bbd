package faults

import (
	"strings"
	"testing"
	"time"

	"labbox/devices/transport/mem"
	"labbox/edge"
)

func TestWords(t *testing.T) {
	for _, c := range []struct{ key, value, hint string }{
		{"drop", "0.1", ""}, {"unplug_every", "10s", ""}, {"freeze-for", "2s", ""}, {"one-way", "true", ""}, {"delay", "0s", ""},
		{"drop", "2", "a part of 1"}, {"drop", "NaN", "a part of 1"}, {"corrupt", "-0.1", "a part of 1"}, {"delay", "50", "a time"},
		{"delay", "-1s", "a time"}, {"one-way", "maybe", "true or false"}, {"unplug", "10s", "unplug-"}, {"dorp", "0.1", "drop"}, {"what?", "1", "one of"},
	} {
		var f Faults
		err := f.Set(c.key, c.value)
		if (err != nil) != (c.hint != "") || err != nil && (!strings.Contains(edge.AsError(err).Hint, c.hint) || edge.CodeOf(err) != edge.CodeBadConfig) {
			t.Errorf("%s %s: %v, hint %q", c.key, c.value, err, edge.AsError(err))
		}
		if err != nil && f != (Faults{}) {
			t.Errorf("%s %s is refused, but %+v", c.key, c.value, f)
		}
	}
	f, err := Parse(map[string]any{"drop": 0.5, "corrupt": uint64(1), "unplug-for": "4s", "unplug-every": "9s", "reboot-every": "1s", "one-way": true})
	if want := (Faults{Drop: 0.5, Corrupt: 1, OneWay: true}); err != nil || f.Spells[Unplug] != (Spell{9 * time.Second, 4 * time.Second}) ||
		f.Spells[Reboot] != (Spell{time.Second, 500 * time.Millisecond}) || f.Drop != want.Drop || f.Corrupt != want.Corrupt || !f.OneWay {
		t.Errorf("%+v, %v", f, err)
	}
	for _, bad := range []map[string]any{{"drop": "a"}, {"drop": []any{1}}, {"unplug-every": "1s", "unplug-for": "1s"}, {"unplug-every": "soon"}} {
		if _, err := Parse(bad); edge.CodeOf(err) != edge.CodeBadConfig {
			t.Errorf("%v: %v", bad, err)
		}
	}
	for i, name := range spellNames() {
		if k, ok := KindOf(name); !ok || k != Kind(i) || k.String() != name {
			t.Errorf("%s is %v", name, k)
		}
	}
	if _, ok := KindOf("sleep"); ok || kinds.String() != "unknown" {
		t.Error("a spell that does not exist")
	}
}

func FuzzWords(f *testing.F) {
	f.Add("drop", "0.1", "unplug-every", "10s")
	f.Fuzz(func(t *testing.T, k1, v1, k2, v2 string) {
		var fs Faults
		_ = fs.Set(k1, v1)
		_ = fs.Set(k2, v2)
		o := New(mem.NewOpener(mem.Options{}, func(*mem.Port) {}), fs, Options{})
		for k := range kinds {
			o.Active(k)
		}
		if !(fs.Drop >= 0 && fs.Drop <= 1 && fs.Corrupt >= 0 && fs.Corrupt <= 1 && fs.Split >= 0 && fs.Split <= 1) {
			t.Fatalf("%+v", fs)
		}
		if at := o.next(time.Now()); !at.IsZero() && at.Before(o.start) {
			t.Fatal("in the past")
		}
	})
}
