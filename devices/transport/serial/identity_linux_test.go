package serial_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.bug.st/serial/enumerator"

	"labbox/devices/transport"
	"labbox/devices/transport/pty"
	"labbox/devices/transport/serial"
	"labbox/devices/transport/serial/serialtest"
	"labbox/devices/transport/transporttest"
	"labbox/edge"
)

var (
	uno    = serialtest.Board{TTY: "ttyACM7", Socket: "1-1.4.2", VID: "2341", PID: "0043", Serial: "75330303035351F0B1C1", Manufacturer: "Arduino (www.arduino.cc)", Product: "Uno"}
	cloneA = serialtest.Board{TTY: "ttyUSB0", Socket: "1-1.2", VID: "1a86", PID: "7523", Product: "USB Serial"}
	cloneB = serialtest.Board{TTY: "ttyUSB1", Socket: "1-1.3", VID: "1a86", PID: "7523", Product: "USB Serial"}
	pair0  = serialtest.Board{TTY: "ttyUSB2", Socket: "2-3", VID: "0403", PID: "6010", Serial: "F", Interface: 0}
	pair1  = serialtest.Board{TTY: "ttyUSB3", Socket: "2-3", VID: "0403", PID: "6010", Serial: "F", Interface: 1}
)

// plug plugs a board in whose port is a pty, and returns the board's end.
func plug(t *testing.T, bus *serialtest.Bus, b serialtest.Board) *pty.Port {
	t.Helper()
	device, err := pty.Open(pty.Options{})
	if err != nil {
		t.Skip("no pty:", err)
	}
	t.Cleanup(func() { device.Close() })
	b.Port = device.Name()
	bus.Plug(b)
	return device
}

func TestFakeBus(t *testing.T) {
	bus := serialtest.NewBus(t)
	for _, b := range []serialtest.Board{uno, cloneA, cloneB, pair0, pair1} {
		bus.Plug(b)
	}
	list := func() (out []string) {
		ports, err := serial.ListAt(bus.Sys, bus.Dev)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range ports {
			out = append(out, strings.Join([]string{filepath.Base(p.Path), p.VID, p.PID, p.Serial, p.Location, p.Interface}, " "))
		}
		return out
	}
	want := []string{"ttyACM7 2341 0043 75330303035351F0B1C1 1-1.4.2 00", "ttyUSB0 1a86 7523  1-1.2 00", "ttyUSB1 1a86 7523  1-1.3 00",
		"ttyUSB2 0403 6010 F 2-3 00", "ttyUSB3 0403 6010 F 2-3 01"}
	if got := list(); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	bus.Unplug("ttyUSB3")
	if got := list(); !slices.Equal(got, want[:3]) {
		t.Errorf("after an unplug %q", got)
	}
}

// Each board is found again under whatever name the kernel gives its port.
func TestBoardsReturnToTheirOwnPlace(t *testing.T) {
	bus := serialtest.NewBus(t)
	open := func(m serial.Match, err error) *serial.Opener {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		o, err := serial.New(serial.Options{USB: m, List: func() ([]serial.Info, error) { return serial.ListAt(bus.Sys, bus.Dev) }})
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	clone := serial.Match{VID: "1a86", PID: "7523"}
	openers := []*serial.Opener{open(serial.Match{VID: "2341", PID: "0043"}, nil), open(clone.WithSocket("1-1.2")), open(clone.WithSocket("1-1.3:1.0")),
		open(serial.Match{VID: "0403", PID: "6010", Interface: "00"}, nil), open(serial.Match{VID: "0403", PID: "6010", Interface: "01"}, nil)}
	boards := []serialtest.Board{uno, cloneA, cloneB, pair0, pair1}
	names := [][]string{{"ttyACM7", "ttyUSB0", "ttyUSB1", "ttyUSB2", "ttyUSB3"}, {"ttyACM0", "ttyUSB3", "ttyUSB2", "ttyUSB1", "ttyUSB0"},
		{"ttyACM1", "ttyUSB1", "ttyUSB0", "ttyUSB9", "ttyUSB4"}}
	for round, name := range names {
		var devices []*pty.Port
		for i, b := range boards {
			b.TTY = name[i]
			devices = append(devices, plug(t, bus, b))
		}
		for i, o := range openers {
			port, err := o.Open(t.Context())
			if err != nil {
				t.Fatalf("round %d, %v: %v", round, o, err)
			}
			if err := devices[i].Send([]byte(name[i]+"\n"), transport.Stream); err != nil {
				t.Fatal(err)
			}
			if got := transporttest.ReadN(t, port, len(name[i])+1); string(got) != name[i]+"\n" {
				t.Errorf("round %d: %v got %q, want %s", round, o, got, name[i])
			}
			port.Close()
		}
		for i := range boards[:4] { // the pair goes together
			bus.Unplug(name[i])
			devices[i].Close()
		}
		devices[4].Close()
	}
}

// The port's name passes on to another board while it is being opened: that one
// is let go unharmed.
func TestTheNamePassesOnWhileOpening(t *testing.T) {
	bus := serialtest.NewBus(t)
	mine, other := cloneA, cloneB
	other.TTY = mine.TTY
	plug(t, bus, mine)
	looks := 0
	o, err := serial.New(serial.Options{USB: serial.Match{VID: "1a86", PID: "7523", Location: mine.Socket}, List: func() ([]serial.Info, error) {
		ports, err := serial.ListAt(bus.Sys, bus.Dev)
		if looks++; looks == 1 { // and right after the look
			bus.Unplug(mine.TTY)
			plug(t, bus, other)
		}
		return ports, err
	}})
	if err != nil {
		t.Fatal(err)
	}
	port, err := o.Open(t.Context())
	if port != nil {
		port.Close()
	}
	if edge.CodeOf(err) != edge.CodePortMissing || looks != 2 {
		t.Errorf("after %d looks: %v", looks, err)
	}
}

// In a mount namespace the real /sys/class/tty and /dev are the fake bus: what
// the library's enumerator says, and what List says.
func TestIdentityWithoutUSB(t *testing.T) {
	if !serialtest.Namespace(t) {
		return
	}
	bus := serialtest.NewBus(t)
	bus.Mount()
	boards := []serialtest.Board{uno, cloneA, cloneB, pair0, pair1}
	for _, b := range boards {
		plug(t, bus, b)
	}
	theirs, err := enumerator.GetDetailedPortsList()
	if err != nil {
		t.Fatal(err)
	}
	ours, err := serial.List()
	if err != nil {
		t.Fatal(err)
	}
	if len(theirs) != len(boards) || len(ours) != len(boards) {
		t.Fatalf("the library sees %d ports, List %d, of %d", len(theirs), len(ours), len(boards))
	}
	slices.SortFunc(theirs, func(a, b *enumerator.PortDetails) int { return strings.Compare(a.Name, b.Name) })
	for i, p := range theirs {
		o := ours[i]
		if p.Name != o.Path || !p.IsUSB || !strings.EqualFold(p.VID, o.VID) || !strings.EqualFold(p.PID, o.PID) || p.SerialNumber != o.Serial || p.Product != o.Product {
			t.Errorf("the library: %+v\nList: %+v", p, o)
		}
	}
	opener, err := serial.New(serial.Options{USB: serial.Match{VID: "1a86", PID: "7523"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := opener.Open(t.Context()); edge.CodeOf(err) != edge.CodeBadConfig || !strings.Contains(edge.AsError(err).Hint, `socket: "1-1.3"`) {
		t.Errorf("two clones: %v", err)
	}
	bus.Unplug("ttyUSB0")
	port, err := opener.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	port.Close()
	if _, err := os.Stat("/dev/ttyUSB0"); err == nil {
		t.Error("unplugged, and still in /dev")
	}
}
