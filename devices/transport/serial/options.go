package serial

import (
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

	// List is asked which port has the USB identity; nil: List of this package.
	List func() ([]Info, error)

	Registry *Registry // who in this process has which port; nil: nobody asks
	Owner    string    // for the message another one gets: the device's id
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
	case o.Path == "" && o.USB.Location == "" && !isHex(o.USB.VID, 4):
		return bad("bad usb vendor id %q: four hex digits", o.USB.VID)
	case o.Path == "" && o.USB.PID != "" && !isHex(o.USB.PID, 4):
		return bad("bad usb product id %q: four hex digits", o.USB.PID)
	case o.Path == "" && o.USB.Interface != "" && !isHex(o.USB.Interface, 2):
		return bad("bad usb interface %q: two hex digits", o.USB.Interface)
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
