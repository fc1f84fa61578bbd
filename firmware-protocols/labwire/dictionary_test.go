package labwire

import (
	"errors"
	"strings"
	"testing"
)

func TestParseDictionaryRefuses(t *testing.T) {
	for _, x := range []struct{ old, new, want string }{
		{"labwire 1", "labwire 2", "labwire 1"},
		{"device plate", "gadget plate", "second line"},
		{"safe \"The heater is off\" 1000 10000\n", "", "safe"},
		{"1000 10000", "99 10000", "safe"},
		{"rate 10", "rate -1", "rate"},
		{"i16 temperature", "i16 Temperature", "Temperature"},
		{"i16 temperature", "i16  temperature", "one blank"},
		{"\"Cel\"", "\"Cel", "quote"},
		{"0 150 1 0.1", "150 0 1 0.1", "range is empty"},
		{"0.1 -20", "0.33333 -20", "scale"},
		{"0.1 -20", "0.1 -20.05", "offset"},
		{"0.1 -20", "(1/10) -20", "word"},
		{"f32 power", "f32 temperature", "two channels"},
		{"state \"State\"\nchoice off \"Off\"\nchoice heating \"Heating\"", "state \"State\"", "choices"},
		{"Heat\" on", "Heat\" maybe", "on, calming or passive"},
		{"command heat", "command safe", "id of a command"},
		{"0 100 1 0.5 0", "0 100 1 0.5 101", "default"},
		{"0 100 1 0.5 0", "0 100.05 1 0.5 0", "range"},
		{"0 100 1 0.5 0", "0 3000000000 1 0.5 0", "word"},
		{"rest 0", "rest 101", "rest"},
		{"shows power", "shows heat", "no channel"},
		{"slow \"Slow\"\nchoice quick", "slow \"Slow\"\nchoice slow", "two choices"},
		{"slew 20", "slow 20", "does not belong"},
		{"fr \"Plaque chauffante\"", "fr \"x\"\nfr \"y\"", "twice"},
		{"Off\" calming\n", "Off\" calming", "no end"},
		{"Heating", "Hea\tting", "control"},
		{"Heating", strings.Repeat("x", 241), "word"},
	} {
		if !strings.Contains(plate, x.old) {
			t.Fatalf("%q is not in the plate", x.old)
		}
		_, err := ParseDictionary([]byte(strings.Replace(plate, x.old, x.new, 1)))
		if !errors.Is(err, ErrDictionary) || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%q: %v, want %q", x.new, err, x.want)
		}
	}
	if _, err := ParseDictionary([]byte(plate + strings.Repeat("help en \"x\"\n", 2000))); err == nil {
		t.Error("takes a dictionary of any length")
	}
}

func TestFixed(t *testing.T) {
	for _, x := range []struct {
		s        string
		decimals int
		want     int32
		ok       bool
	}{
		{"40", 1, 400, true}, {"-0.5", 1, -5, true}, {"40.50", 1, 405, true}, {"40.55", 1, 0, false}, {"007", 0, 7, true},
		{"999999999", 0, 999999999, true}, {"1000000000", 0, 0, false}, {"3000000", 3, 0, false}, {"-999999.999", 3, -999999999, true}, {"1.000000000000", 1, 10, true}, {"", 0, 0, false}, {"-", 0, 0, false},
		{".5", 1, 0, false}, {"5.", 1, 0, false}, {"1.2.3", 3, 0, false}, {"1e3", 0, 0, false}, {"+1", 0, 0, false}, {"nan", 0, 0, false},
	} {
		if v, ok := parseFixed([]byte(x.s), x.decimals); v != x.want && ok || ok != x.ok {
			t.Errorf("%q with %d: %d %v", x.s, x.decimals, v, ok)
		}
	}
}
