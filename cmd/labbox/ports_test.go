package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"labbox/devices"
	"labbox/devices/camera/v4l2"
	"labbox/devices/transport/serial"
	"labbox/edge/config"
)

var somePorts = []serial.Info{
	{Path: "/dev/ttyACM0", USB: true, VID: "2341", PID: "0043", Serial: "75330303035351F0B1C1", Interface: "00", Location: "1-1.4.2", Product: "Arduino Uno"},
	{Path: "/dev/ttyS0"},
	{Path: "/dev/ttyUSB0", USB: true, VID: "1a86", PID: "7523", Interface: "00", Location: "1-1.2", Product: "USB Serial"},
	{Path: "/dev/ttyUSB1", USB: true, VID: "1a86", PID: "7523", Interface: "00", Location: "1-1.3", Product: "USB Serial"},
	{Path: "/dev/ttyUSB2", USB: true, VID: "0403", PID: "6010", Serial: "F\x1b[31m\"1", Interface: "00", Location: "2-3", Product: "two\tports"},
	{Path: "/dev/ttyUSB3", USB: true, VID: "0403", PID: "6010", Serial: "F\x1b[31m\"1", Interface: "01", Location: "2-3", Product: "two\tports"},
}

const someTable = `PORT          USB        SERIAL                SOCKET   INTERFACE  PRODUCT      LOOKS LIKE
/dev/ttyACM0  2341:0043  75330303035351F0B1C1  1-1.4.2  0          Arduino Uno  plotter
/dev/ttyS0    -          -                     -        -          -            -
/dev/ttyUSB0  1a86:7523  -                     1-1.2    0          USB Serial   plotter
/dev/ttyUSB1  1a86:7523  -                     1-1.3    0          USB Serial   plotter
/dev/ttyUSB2  0403:6010  F?[31m"1              2-3      0          two?ports    -
/dev/ttyUSB3  0403:6010  F?[31m"1              2-3      1          two?ports    -

in the box file:
/dev/ttyACM0  port: {usb: "2341:0043", serial: "75330303035351F0B1C1"}
/dev/ttyS0    port: {path: "/dev/ttyS0"}
/dev/ttyUSB0  port: {usb: "1a86:7523", socket: "1-1.2"}
/dev/ttyUSB1  port: {usb: "1a86:7523", socket: "1-1.3"}
/dev/ttyUSB2  port: {usb: "0403:6010", serial: "F\x1b[31m\"1", interface: 0}
/dev/ttyUSB3  port: {usb: "0403:6010", serial: "F\x1b[31m\"1", interface: 1}
`

func noCameras() ([]v4l2.Info, error) { return nil, nil }

func TestPortsTable(t *testing.T) {
	plotter := func(vid, _ string) []string {
		if vid == "0403" {
			return nil
		}
		return []string{"plotter"}
	}
	var out bytes.Buffer
	if err := printPorts(&out, somePorts, plotter); err != nil {
		t.Fatal(err)
	}
	if out.String() != someTable {
		t.Errorf("got\n%s\nwant\n%s", out.String(), someTable)
	}
	out.Reset()
	var hint bytes.Buffer
	if err := listPorts(streams{out: &out, err: &hint}, func() ([]serial.Info, error) { return nil, nil }, noCameras); err != nil {
		t.Fatal(err)
	}
	if out.String() != "no serial ports found\n\nno USB cameras found\n" || !strings.HasPrefix(hint.String(), "hint: ") {
		t.Errorf("without ports: %q, %q", out.String(), hint.String())
	}
	out.Reset()
	if err := listPorts(streams{out: &out, err: io.Discard}, func() ([]serial.Info, error) { return somePorts, nil }, noCameras); err != nil {
		t.Fatal(err)
	}
	if row, _, _ := strings.Cut(out.String(), "\n/dev/ttyS0"); !strings.Contains(row, "plotter") {
		t.Errorf("the catalogue does not know an Arduino Uno:\n%s", out.String())
	}
}

// found is the port that a box file with this line finds.
func found(t *testing.T, line string, ports []serial.Info) (string, error) {
	t.Helper()
	text := "schema: 1\nbox: b\ndevices:\n  - {id: d, type: plate, " + line + "}\n"
	box, ps := config.ParseBox("b.yaml", []byte(text))
	if err := ps.Err(); err != nil {
		return "", err
	}
	p := box.Devices[0].Port
	if p.USB == "" {
		return p.Path, nil
	}
	m, err := devices.USBMatch(p)
	if err != nil {
		return "", err
	}
	info, err := m.Find(ports)
	return info.Path, err
}

// Each line that is printed, pasted into a box file, finds its port and no other.
func TestPortsLinesCanBePasted(t *testing.T) {
	for _, p := range somePorts {
		if got, err := found(t, "port: "+p.Port(somePorts), somePorts); got != p.Path || err != nil {
			t.Errorf("%s: finds %q, %v", p.Port(somePorts), got, err)
		}
	}
}

func FuzzPortsLine(f *testing.F) {
	f.Add("F\x1b[31m\"1", "F", "1-1.2", uint8(0), uint8(1))
	f.Add("", "", "1-1.3", uint8(0), uint8(0))
	f.Add("\xff", "é\\ #: {}", "", uint8(255), uint8(3))
	f.Fuzz(func(t *testing.T, serialA, serialB, socket string, a, b uint8) {
		if _, err := (serial.Match{}).WithSocket(socket); err != nil {
			socket = ""
		}
		ports := []serial.Info{
			{Path: "/dev/ttyUSB0", USB: true, VID: "0403", PID: "6010", Serial: strings.TrimSpace(serialA), Interface: fmt.Sprintf("%02x", a), Location: socket},
			{Path: "/dev/ttyUSB1", USB: true, VID: "0403", PID: "6010", Serial: strings.TrimSpace(serialB), Interface: fmt.Sprintf("%02x", b), Location: "7-7"},
		}
		for _, p := range ports {
			if got, err := found(t, "port: "+p.Port(ports), ports); got != p.Path || err != nil {
				t.Errorf("%+v: %s finds %q, %v", ports, p.Port(ports), got, err)
			}
		}
	})
}
