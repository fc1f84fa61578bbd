package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"labbox/devices/transport/serial/serialtest"
)

// The program itself on a fake USB bus in the place of the kernel's.
func TestPortsOfAFakeBus(t *testing.T) {
	if !serialtest.Namespace(t) {
		return
	}
	bus := serialtest.NewBus(t)
	bus.Mount()
	for _, b := range []serialtest.Board{
		{TTY: "ttyACM0", Socket: "1-1.4.2", VID: "2341", PID: "0043", Serial: "75330303035351F0B1C1", Product: "Arduino Uno", Port: "/dev/null"},
		{TTY: "ttyUSB0", Socket: "1-1.2", VID: "1a86", PID: "7523", Product: "USB Serial", Port: "/dev/null"},
		{TTY: "ttyUSB1", Socket: "1-1.3", VID: "1a86", PID: "7523", Product: "USB Serial", Port: "/dev/null"},
	} {
		bus.Plug(b)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "ports")
	cmd.Env = append(os.Environ(), "LABBOX_AS_MAIN=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{
		"/dev/ttyACM0  2341:0043  75330303035351F0B1C1  1-1.4.2  0          Arduino Uno  ",
		"/dev/ttyUSB1  1a86:7523  -                     1-1.3    0          USB Serial   ",
		"/dev/ttyACM0  port: {usb: \"2341:0043\", serial: \"75330303035351F0B1C1\"}\n",
		"/dev/ttyUSB0  port: {usb: \"1a86:7523\", socket: \"1-1.2\"}\n",
		"/dev/ttyUSB1  port: {usb: \"1a86:7523\", socket: \"1-1.3\"}\n",
	} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}
