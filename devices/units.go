package devices

import (
	"sort"
	"strings"
)

// Units are checked by a small part of UCUM (The Unified Code for Units of
// Measure, https://ucum.org): atoms with an optional metric prefix and an
// exponent, joined by "." and "/". Plain symbols that people write on bench
// equipment (°C, Ω, rpm, µm) are taken as well.

// metricAtoms take a prefix.
const metricAtoms = " m g s A K mol cd rad sr Hz N Pa J W C V F Ohm Ω S Wb T H lm lx Bq Sv Gy G L l bar B eV t Cel °C Wh VA var Ah Torr gf cal px "

// plainAtoms take none.
const plainAtoms = " 1 % ‰ deg ° min h d rpm [rpm] degF [degF] °F pH [pH] ppm [ppm] dB dBm bit step steps count [psi] psi [in_i] g0 [g] pct a.u. rev atm mmHg mm[Hg] m[Hg] inHg sccm slm slpm ppb cps cpm counts c/s dBA in ft lb lbf oz gal mph kn NTU FNU %RH %vol lsb LSB digit digits px "

var prefixes = []string{"da", "y", "z", "a", "f", "p", "n", "u", "µ", "μ", "m", "c", "d", "h", "k", "M", "G", "T"}

// KnownUnit reports whether u is a unit that labbox understands; "" is one.
func KnownUnit(u string) bool {
	if u == "" || has(plainAtoms, u) {
		return true
	}
	for _, part := range strings.FieldsFunc(strings.ReplaceAll(u, "·", "."), func(r rune) bool { return r == '.' || r == '/' || r == '*' }) {
		if !knownTerm(part) {
			return false
		}
	}
	return !strings.HasSuffix(u, "/") && !strings.HasSuffix(u, ".") && !strings.Contains(u, "//")
}

func knownTerm(s string) bool {
	if s == "1" {
		return true
	}
	s = strings.NewReplacer("²", "2", "³", "3", "^", "").Replace(s)
	s = strings.TrimRight(s, "0123456789")
	s = strings.TrimRight(s, "+-")
	if s == "" {
		return false
	}
	if has(plainAtoms, s) || has(metricAtoms, s) {
		return true
	}
	for _, p := range prefixes {
		if rest, ok := strings.CutPrefix(s, p); ok && rest != "" && has(metricAtoms, rest) {
			return true
		}
	}
	return false
}

func has(list, word string) bool { return strings.Contains(list, " "+word+" ") }

// unitByName finds the symbol of a unit that was written out.
func unitByName(u string) string {
	names := map[string]string{"celsius": "Cel", "degc": "Cel", "c": "Cel", "kelvin": "K", "fahrenheit": "degF",
		"volt": "V", "ampere": "A", "amp": "A", "watt": "W", "ohm": "Ohm", "hertz": "Hz", "newton": "N", "pascal": "Pa",
		"metre": "m", "meter": "m", "gram": "g", "second": "s", "sec": "s", "minute": "min", "hour": "h", "degree": "deg",
		"radian": "rad", "percent": "%", "litre": "L", "liter": "L", "tesla": "T", "joule": "J", "lux": "lx"}
	u = strings.ToLower(u)
	if s, ok := names[u]; ok {
		return s
	}
	return names[strings.TrimSuffix(u, "s")]
}

// commonUnits are candidates for a suggestion.
func commonUnits() []string {
	u := append(strings.Fields(metricAtoms), strings.Fields(plainAtoms)...)
	u = append(u, "rad/s", "deg/s", "m/s", "m/s2", "mV", "mA", "mm", "cm", "kPa", "kHz", "mL/min", "1/min", "N.m", "ms", "us", "kg")
	sort.Strings(u)
	return u
}
