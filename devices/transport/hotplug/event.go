package hotplug

import (
	"bytes"
	"errors"
)

// maxEvent is more than the kernel's buffer for the fields of an event (2048
// bytes) and its longest path.
const maxEvent = 8 << 10

// maxFields is the kernel's limit (UEVENT_NUM_ENVP).
const maxFields = 64

// Event is what the kernel says of one device.
type Event struct {
	Action    string // add, remove, change, move, bind, unbind, online, offline
	DevPath   string // below /sys: /devices/.../tty/ttyACM0
	Subsystem string // tty
	DevName   string // below /dev: ttyACM0; "" for devices that have no file
}

var errEvent = errors.New("not a kernel event")

// ParseEvent reads one message of the kernel: "ACTION@DEVPATH", then KEY=VALUE,
// each ended by a NUL. Keys that are not in Event are passed over.
func ParseEvent(b []byte) (Event, error) {
	if len(b) == 0 || len(b) > maxEvent || b[len(b)-1] != 0 {
		return Event{}, errEvent
	}
	head, rest, _ := bytes.Cut(b, []byte{0})
	action, path, ok := bytes.Cut(head, []byte{'@'})
	if !ok || len(action) == 0 || len(path) == 0 || path[0] != '/' {
		return Event{}, errEvent
	}
	e := Event{Action: string(action), DevPath: string(path)}
	for n := 0; len(rest) > 0; n++ {
		var field []byte
		field, rest, _ = bytes.Cut(rest, []byte{0})
		key, value, ok := bytes.Cut(field, []byte{'='})
		if !ok || len(key) == 0 || n == maxFields {
			return Event{}, errEvent
		}
		switch string(key) {
		case "ACTION":
			ok = string(value) == e.Action
		case "DEVPATH":
			ok = string(value) == e.DevPath
		case "SUBSYSTEM":
			e.Subsystem = string(value)
		case "DEVNAME":
			e.DevName = string(value)
		}
		if !ok { // head and fields of a real one agree
			return Event{}, errEvent
		}
	}
	return e, nil
}

// matters says that a serial port may be there now, or gone, that was not.
func (e Event) matters() bool { return e.Subsystem == "tty" }
