package serial

import (
	"fmt"
	"strings"

	bugst "go.bug.st/serial"

	"labbox/edge"
)

// Parity of a character.
type Parity string

// The parities. Mark and Space are refused where the system has none.
const (
	NoParity    Parity = "" // also "none"
	OddParity   Parity = "odd"
	EvenParity  Parity = "even"
	MarkParity  Parity = "mark"
	SpaceParity Parity = "space"
)

// DefaultBaud is used where Options.Baud is 0.
const DefaultBaud = 115200

// Options of a serial port. Either Path or USB says which.
type Options struct {
	Path string // /dev/ttyUSB0, /dev/serial/by-id/..., COM3; links are followed at every Open
	USB  Match

	Baud     int    // bits per second; 0: DefaultBaud
	DataBits int    // 5 to 8; 0: 8
	Parity   Parity // "" is none
	StopBits int    // 1 or 2; 0: 1

	// ResetOnOpen pulses DTR after opening, which restarts Arduino and ESP32
	// boards, and drops what they sent before. Nothing happens where there is no
	// DTR.
	ResetOnOpen bool

	Registry *Registry // who in this process has which port; nil: nobody asks
	Owner    string    // for the message another one gets: the device's id
}

// Match picks a USB serial port by what the device says of itself, and by
// where it is plugged in when that is not enough (many clones have no serial
// number). Empty fields match anything; VID must be given, or Location.
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
	if len(w) < 2 || !isHex4(w[0]) || !isHex4(w[1]) {
		return Match{}, edge.Errorf(edge.CodeBadConfig, "bad usb id %q", s).
			WithHint("write VID:PID or VID:PID:SERIAL, such as 2341:0043; `labbox ports` shows them")
	}
	m := Match{VID: w[0], PID: w[1]}
	if len(w) == 3 {
		m.Serial = w[2]
	}
	return m, nil
}

func isHex4(s string) bool {
	return len(s) == 4 && strings.Trim(s, "0123456789abcdefABCDEF") == ""
}

func (m Match) empty() bool { return m == Match{} }

func (m Match) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "usb %s:%s", orAny(m.VID), orAny(m.PID))
	for _, f := range [...]struct{ name, value string }{
		{"serial", m.Serial}, {"interface", m.Interface}, {"at", m.Location},
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

// Fits reports whether p is what m describes.
func (m Match) Fits(p Info) bool {
	fold := func(want, have string) bool { return want == "" || strings.EqualFold(want, have) }
	exact := func(want, have string) bool { return want == "" || want == have }
	return p.USB && fold(m.VID, p.VID) && fold(m.PID, p.PID) && exact(m.Serial, p.Serial) &&
		fold(m.Interface, p.Interface) && exact(m.Location, p.Location)
}

// check refuses options that no port can have, before any is touched.
func (o Options) check() error {
	bad := func(format string, args ...any) error {
		return edge.Errorf(edge.CodeBadConfig, format, args...)
	}
	switch {
	case o.Path == "" && o.USB.empty():
		return bad("a serial port needs a path or a usb id")
	case o.Path != "" && !o.USB.empty():
		return bad("a serial port is given by path %q and by usb id: give one", o.Path)
	case o.Path == "" && o.USB.Location == "" && !isHex4(o.USB.VID):
		return bad("bad usb vendor id %q: four hex digits", o.USB.VID)
	case o.Path == "" && o.USB.PID != "" && !isHex4(o.USB.PID):
		return bad("bad usb product id %q: four hex digits", o.USB.PID)
	case o.Baud != 0 && (o.Baud < 50 || o.Baud > 12_000_000):
		return bad("baud rate %d is out of range 50 to 12000000", o.Baud)
	case o.DataBits != 0 && (o.DataBits < 5 || o.DataBits > 8):
		return bad("%d data bits: 5 to 8", o.DataBits)
	case o.StopBits < 0 || o.StopBits > 2:
		return bad("%d stop bits: 1 or 2", o.StopBits)
	}
	if _, err := o.parity(); err != nil {
		return err
	}
	return nil
}

func (o Options) parity() (bugst.Parity, error) {
	switch o.Parity {
	case NoParity, "none":
		return bugst.NoParity, nil
	case OddParity:
		return bugst.OddParity, nil
	case EvenParity:
		return bugst.EvenParity, nil
	case MarkParity:
		return bugst.MarkParity, nil
	case SpaceParity:
		return bugst.SpaceParity, nil
	}
	return 0, edge.Errorf(edge.CodeBadConfig, "bad parity %q", o.Parity).
		WithHint("use none, odd, even, mark or space")
}

// mode is what the library is told. InitialStatusBits stays nil: it makes
// opening fail on ports that have no modem lines.
func (o Options) mode() *bugst.Mode {
	m := &bugst.Mode{BaudRate: o.Baud, DataBits: o.DataBits}
	if m.BaudRate == 0 {
		m.BaudRate = DefaultBaud
	}
	m.Parity, _ = o.parity()
	if o.StopBits == 2 {
		m.StopBits = bugst.TwoStopBits
	}
	return m
}
