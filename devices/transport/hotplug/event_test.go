package hotplug

import (
	"strings"
	"testing"
)

// As the kernel sends them; the first is from `echo add > uevent`.
const (
	uartAdded = "add@/devices/pnp0/00:00/tty/ttyS0\x00ACTION=add\x00DEVPATH=/devices/pnp0/00:00/tty/ttyS0\x00" +
		"SUBSYSTEM=tty\x00SYNTH_UUID=0\x00MAJOR=4\x00MINOR=64\x00DEVNAME=ttyS0\x00SEQNUM=1153\x00"
	boardGone = "remove@/devices/pci0000:00/usb1/1-1/1-1.2/1-1.2:1.0/tty/ttyACM0\x00ACTION=remove\x00" +
		"DEVPATH=/devices/pci0000:00/usb1/1-1/1-1.2/1-1.2:1.0/tty/ttyACM0\x00SUBSYSTEM=tty\x00MAJOR=166\x00MINOR=0\x00DEVNAME=ttyACM0\x00SEQNUM=7\x00"
	diskAdded = "add@/devices/virtual/block/loop0\x00ACTION=add\x00DEVPATH=/devices/virtual/block/loop0\x00SUBSYSTEM=block\x00SEQNUM=8\x00"
	oddFields = "change@/devices/x\x00ACTION=change\x00DEVPATH=/devices/x\x00SUBSYSTEM=tty\x00EMPTY=\x00EQUALS=a=b\x00"
)

func TestParseEvent(t *testing.T) {
	for text, want := range map[string]Event{
		uartAdded:    {"add", "/devices/pnp0/00:00/tty/ttyS0", "tty", "ttyS0"},
		boardGone:    {"remove", "/devices/pci0000:00/usb1/1-1/1-1.2/1-1.2:1.0/tty/ttyACM0", "tty", "ttyACM0"},
		diskAdded:    {"add", "/devices/virtual/block/loop0", "block", ""},
		oddFields:    {"change", "/devices/x", "tty", ""},
		"add@/x\x00": {Action: "add", DevPath: "/x"},
	} {
		if got, err := ParseEvent([]byte(text)); got != want || err != nil {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
	if e, _ := ParseEvent([]byte(uartAdded)); !e.matters() {
		t.Error("a serial port does not matter")
	}
	if e, _ := ParseEvent([]byte(diskAdded)); e.matters() {
		t.Error("a disk matters")
	}
	many := "add@/x\x00" + strings.Repeat("A=b\x00", maxFields+1)
	for _, bad := range []string{"", "\x00", "add@/x", "add\x00", "@/x\x00", "add@\x00", "add@x\x00", "libudev\x00\xfe\xed\xca\xfe",
		"add@/x\x00ACTION=remove\x00", "add@/x\x00DEVPATH=/y\x00", "add@/x\x00SUBSYSTEM\x00", "add@/x\x00=tty\x00", "add@/x\x00\x00",
		many, "add@/" + strings.Repeat("x", maxEvent) + "\x00", uartAdded[:len(uartAdded)-1]} {
		if e, err := ParseEvent([]byte(bad)); err == nil {
			t.Errorf("%.60q was taken for %+v", bad, e)
		}
	}
}

func FuzzParseEvent(f *testing.F) {
	for _, s := range []string{uartAdded, boardGone, diskAdded, oddFields, "add@/x\x00", "libudev\x00\xfe\xed", "add@/x\x00ACTION=add\x00ACTION=remove\x00"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := ParseEvent(b)
		if err != nil {
			if e != (Event{}) {
				t.Errorf("an error and %+v", e)
			}
			return
		}
		if e.Action == "" || !strings.HasPrefix(e.DevPath, "/") || strings.ContainsRune(e.Action+e.DevPath+e.Subsystem+e.DevName, 0) {
			t.Errorf("%q gave %+v", b, e)
		}
		if len(e.Action)+len(e.DevPath)+len(e.Subsystem)+len(e.DevName) > len(b) {
			t.Errorf("%+v is longer than the message", e)
		}
	})
}
