package devices

import (
	"math"
	"testing"
	"time"

	"labbox/edge"
	"labbox/edge/config"
)

// A box file's limits of all kinds narrow, and never widen.
func TestLimitsOfABench(t *testing.T) {
	base := catalogType(t, "plate")
	base.LongestRun = time.Minute
	base.command("duty").LongestRun = 30 * time.Second
	base.command("duty").Params[0].MaxStep = 20
	for name, c := range map[string]struct {
		key string
		l   config.Limit
		ok  bool
	}{
		"step":               {"duty.duty", config.Limit{MaxStep: ptr(10)}, true},
		"wider step":         {"duty.duty", config.Limit{MaxStep: ptr(21)}, false},
		"no step":            {"duty.duty", config.Limit{MaxStep: ptr(0)}, false},
		"rate":               {"duty", config.Limit{Rate: ptr(2)}, true},
		"wider rate":         {"duty", config.Limit{Rate: ptr(21)}, false},
		"no rate":            {"duty", config.Limit{Rate: ptr(0)}, false},
		"nan rate":           {"duty", config.Limit{Rate: ptr(math.NaN())}, false},
		"rate of none":       {"temp", config.Limit{Rate: ptr(1)}, false},
		"rate of a param":    {"duty.duty", config.Limit{Rate: ptr(1)}, false},
		"run":                {"duty", config.Limit{LongestRun: 10 * time.Second}, true},
		"run of a free one":  {"fan", config.Limit{LongestRun: 10 * time.Second}, true},
		"longer run":         {"duty", config.Limit{LongestRun: time.Minute}, false},
		"run backwards":      {"duty", config.Limit{LongestRun: -1}, false},
		"channel":            {"temp", config.Limit{Max: ptr(60)}, true},
		"wider channel":      {"temp", config.Limit{Max: ptr(151)}, false},
		"slew of a channel":  {"temp", config.Limit{Slew: ptr(1)}, false},
		"min of a command":   {"duty", config.Limit{Rate: ptr(1), Min: ptr(1)}, false},
		"nothing whole left": {"duty.duty", config.Limit{Max: ptr(0.9), Min: ptr(0.1)}, false},
		"unknown":            {"temperature", config.Limit{Max: ptr(60)}, false},
		"of a choice":        {"fan.state", config.Limit{Max: ptr(0)}, false},
	} {
		n, err := base.narrowed(&config.Device{ID: "p", Limits: map[string]config.Limit{c.key: c.l}})
		if (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil && c.l.Max != nil && (!n.channel("temp").Trip || n.channel("temp").Range[1] != 60) {
			t.Errorf("%s: %+v", name, n.channel("temp"))
		}
		if err == nil && n.contract(nil).Hash == base.contract(nil).Hash {
			t.Errorf("%s: the contract says nothing of it", name)
		}
	}
	if base.channel("temp").Range[1] != 150 || base.command("fan").LongestRun != 0 {
		t.Error("the type itself was changed")
	}
	if _, err := base.narrowed(&config.Device{ID: "p", LongestRun: 2 * time.Minute}); err == nil {
		t.Error("a longer run passed")
	}
	n, err := base.narrowed(&config.Device{ID: "p", LongestRun: 30 * time.Second})
	if err != nil || n.LongestRun != 30*time.Second {
		t.Errorf("%v, %v", n, err)
	}
	n, err = base.narrowed(&config.Device{ID: "p", Limits: map[string]config.Limit{"duty.duty": {Max: ptr(40.5)}}})
	if err != nil || n.command("duty").Params[0].Range[1] != 40 {
		t.Errorf("a whole number's limit: %v, %v", n.command("duty").Params[0].Range, err)
	}
	if _, err := n.command("duty").resolve(edge.Args{"duty": edge.Number(41)}); edge.CodeOf(err) != edge.CodeOutOfRange {
		t.Error(err)
	}
}
