package serial

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// tree makes files and links under a directory: "-> x" is a link to x.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for path, text := range files {
		full := filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if len(text) > 3 && text[:3] == "-> " {
			err = os.Symlink(filepath.Join(root, text[3:]), full)
		} else {
			err = os.WriteFile(full, []byte(text), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestListAt(t *testing.T) {
	usb := "devices/pci0000:00/usb1/1-1"
	sys := tree(t, map[string]string{
		// an Arduino Uno: CDC-ACM, the device is the interface
		usb + "/1-1.1/idVendor":                   "2341\n",
		usb + "/1-1.1/idProduct":                  "0043\n",
		usb + "/1-1.1/serial":                     "75330303035351F0B1C1\n",
		usb + "/1-1.1/manufacturer":               "Arduino (www.arduino.cc)\n",
		usb + "/1-1.1/product":                    "Uno\n",
		usb + "/1-1.1/1-1.1:1.0/bInterfaceNumber": "00\n",
		"class/tty/ttyACM0/device":                "-> " + usb + "/1-1.1/1-1.1:1.0",
		// a CH340 clone: usb-serial, a directory further down, no serial number
		usb + "/1-1.2/idVendor":                          "1A86\n",
		usb + "/1-1.2/idProduct":                         "7523\n",
		usb + "/1-1.2/product":                           "\n",
		usb + "/1-1.2/1-1.2:1.0/bInterfaceNumber":        "00\n",
		usb + "/1-1.2/1-1.2:1.0/ttyUSB0/tty/ttyUSB0/dev": "188:0\n",
		"class/tty/ttyUSB0/device":                       "-> " + usb + "/1-1.2/1-1.2:1.0/ttyUSB0",
		// a composite board behind two hubs, the port its third interface
		usb + "/1-1.4/1-1.4.2/idVendor":                     "303a\n",
		usb + "/1-1.4/1-1.4.2/idProduct":                    "1001\n",
		usb + "/1-1.4/1-1.4.2/serial":                       "F4:12:FA\n",
		usb + "/1-1.4/1-1.4.2/1-1.4.2:1.2/bInterfaceNumber": "02\n",
		"class/tty/ttyACM1/device":                          "-> " + usb + "/1-1.4/1-1.4.2/1-1.4.2:1.2",
		// a tree that is no kernel's: no links, and a socket that is none
		"class/tty/ttyACM9/idVendor":  "1209\n",
		"class/tty/ttyACM9/idProduct": "0001\n",
		"class/tty/ttyACM9/device/x":  "\n",
		// a real UART, one that is only reserved, one whose type root alone may read
		"devices/pnp0/00:03/resources":  "\n",
		"class/tty/ttyS0/type":          "4\n",
		"class/tty/ttyS0/device":        "-> devices/pnp0/00:03",
		"devices/platform/serial8250/x": "\n",
		"class/tty/ttyS1/type":          "0\n",
		"class/tty/ttyS1/device":        "-> devices/platform/serial8250",
		"class/tty/ttyS2/device":        "-> devices/platform/serial8250",
		// consoles have no device
		"class/tty/tty0/dev": "4:0\n",
	})
	got, err := ListAt(sys, "/dev")
	if err != nil {
		t.Fatal(err)
	}
	want := []Info{
		{Path: "/dev/ttyACM0", USB: true, VID: "2341", PID: "0043", Serial: "75330303035351F0B1C1", Interface: "00",
			Location: "1-1.1", Manufacturer: "Arduino (www.arduino.cc)", Product: "Uno"},
		{Path: "/dev/ttyACM1", USB: true, VID: "303a", PID: "1001", Serial: "F4:12:FA", Interface: "02", Location: "1-1.4.2"},
		{Path: "/dev/ttyACM9", USB: true, VID: "1209", PID: "0001"},
		{Path: "/dev/ttyS0"},
		{Path: "/dev/ttyUSB0", USB: true, VID: "1a86", PID: "7523", Interface: "00", Location: "1-1.2"},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}
	if got, err := ListAt(t.TempDir(), "/dev"); len(got) != 0 || err != nil {
		t.Errorf("without sysfs: %v, %v", got, err)
	}
}

func TestList(t *testing.T) {
	ports, err := List()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range ports {
		if !filepath.IsAbs(p.Path) {
			t.Errorf("%+v", p)
		}
	}
}
