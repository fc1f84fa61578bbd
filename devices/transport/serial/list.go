package serial

// Info is a serial port of this machine.
type Info struct {
	Path         string `json:"path"`
	USB          bool   `json:"usb"`
	VID          string `json:"vid,omitempty"` // four lower-case hex digits
	PID          string `json:"pid,omitempty"`
	Serial       string `json:"serial,omitempty"`
	Interface    string `json:"interface,omitempty"` // two hex digits
	Location     string `json:"location,omitempty"`  // the socket: bus, then the ports of the hubs: 1-1.2; Linux only
	Manufacturer string `json:"manufacturer,omitempty"`
	Product      string `json:"product,omitempty"`
}

// List returns the serial ports of this machine, sorted by path. No port is
// opened for it on Linux, where opening one would change its settings under the
// program that uses it.
func List() ([]Info, error) { return list() }
