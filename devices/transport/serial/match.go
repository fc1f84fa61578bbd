package serial

import (
	"fmt"
	"strconv"
	"strings"

	"labbox/edge"
)

// Match picks a USB serial port by what the device says of itself, and by
// where it is plugged in when that is not enough (many clones have no serial
// number). Empty fields match anything, all others must hold; VID must be
// given, or Location.
type Match struct {
	VID, PID  string // four hex digits, any case
	Serial    string
	Interface string // two hex digits: the port of a device that has several
	Location  string // the socket, as List reports it: 1-1.2
}

// ParseMatch reads VID:PID or VID:PID:SERIAL. A serial number may contain
// colons.
func ParseMatch(s string) (Match, error) {
	w := strings.SplitN(s, ":", 3)
	if len(w) < 2 || !isHex(w[0], 4) || !isHex(w[1], 4) {
		return Match{}, edge.Errorf(edge.CodeBadConfig, "bad usb id %q", s).
			WithHint("write VID:PID or VID:PID:SERIAL, such as 2341:0043; `labbox ports` shows them")
	}
	m := Match{VID: w[0], PID: w[1]}
	if len(w) == 3 {
		m.Serial = w[2]
	}
	return m, nil
}

// WithSocket adds where the device is plugged in, in the kernel's words: bus,
// then the port of each hub on the way (1-1.4.2), and if need be configuration
// and interface of the device (1-1.4.2:1.0).
func (m Match) WithSocket(s string) (Match, error) {
	bad := func(format string, args ...any) (Match, error) {
		return m, edge.Errorf(edge.CodeBadConfig, format, args...).
			WithHint("write it as `labbox ports` shows it, such as 1-1.4")
	}
	where, function, hasFunction := strings.Cut(s, ":")
	bus, ports, ok := strings.Cut(where, "-")
	if !ok || !isNumber(bus) {
		return bad("bad socket %q", s)
	}
	for n := range strings.SplitSeq(ports, ".") {
		if !isNumber(n) {
			return bad("bad socket %q", s)
		}
	}
	if hasFunction {
		configuration, number, ok := strings.Cut(function, ".")
		if !ok || !isNumber(configuration) || !isNumber(number) {
			return bad("bad socket %q", s)
		}
		n, _ := strconv.Atoi(number)
		if i := fmt.Sprintf("%02x", n); m.Interface == "" {
			m.Interface = i
		} else if !strings.EqualFold(m.Interface, i) {
			return bad("socket %q is interface %d, and the interface given is %s", s, n, interfaceNumber(m.Interface))
		}
	}
	m.Location = where
	return m, nil
}

// isNumber says that s is 0 to 255 in decimal digits, as the kernel writes it.
func isNumber(s string) bool {
	n, err := strconv.ParseUint(s, 10, 8)
	return err == nil && strconv.FormatUint(n, 10) == s
}

func isHex(s string, digits int) bool {
	return len(s) == digits && strings.Trim(s, "0123456789abcdefABCDEF") == ""
}

func (m Match) empty() bool { return m == Match{} }

func (m Match) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "usb %s:%s", orAny(m.VID), orAny(m.PID))
	for _, f := range [...]struct{ name, value string }{
		{"serial", m.Serial}, {"interface", interfaceNumber(m.Interface)}, {"socket", m.Location},
	} {
		if f.value != "" {
			fmt.Fprintf(&b, " %s %s", f.name, f.value)
		}
	}
	return b.String()
}

func orAny(s string) string {
	if s == "" {
		return "*"
	}
	return strings.ToLower(s)
}

// interfaceNumber is an interface as a box file has it: in decimal.
func interfaceNumber(hex string) string {
	n, err := strconv.ParseUint(hex, 16, 8)
	if err != nil {
		return ""
	}
	return strconv.FormatUint(n, 10)
}

// Fits reports whether p is what m describes.
func (m Match) Fits(p Info) bool {
	return p.USB && m.Covers(Match{VID: p.VID, PID: p.PID, Serial: p.Serial, Interface: p.Interface, Location: p.Location})
}

// Covers reports whether every port that fits other fits m too: a box file that
// has both does not tell the two devices apart.
func (m Match) Covers(other Match) bool {
	fold := func(want, have string) bool { return want == "" || strings.EqualFold(want, have) }
	exact := func(want, have string) bool { return want == "" || want == have }
	return fold(m.VID, other.VID) && fold(m.PID, other.PID) && exact(m.Serial, other.Serial) &&
		fold(m.Interface, other.Interface) && exact(m.Location, other.Location)
}
