package serial

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

func list() ([]Info, error) { return ListAt("/sys", "/dev") }

// ListAt is List for a tree like the kernel's in another place: sys and dev
// stand for /sys and /dev (Documentation/ABI/testing/sysfs-tty, sysfs-bus-usb of
// the kernel). A tty with a device behind it is a port; of the UARTs that
// every PC declares, only those whose chip was found.
func ListAt(sys, dev string) ([]Info, error) {
	dir := filepath.Join(sys, "class", "tty")
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []Info
	for _, e := range entries {
		tty := filepath.Join(dir, e.Name())
		if _, err := os.Lstat(filepath.Join(tty, "device")); err != nil {
			continue // a console: there are many, and following links takes its time
		}
		device, err := filepath.EvalSymlinks(filepath.Join(tty, "device"))
		if err != nil || absentUART(tty, device) {
			continue
		}
		p := Info{Path: filepath.Join(dev, e.Name())}
		usbIdentity(device, &p)
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b Info) int { return cmp.Compare(a.Path, b.Path) })
	return out, nil
}

// absentUART tells a port that the 8250 driver only reserves. Recent kernels
// show the type to root alone; then the driver's own platform device, which no
// real port hangs on, tells.
func absentUART(tty, device string) bool {
	if !strings.HasPrefix(filepath.Base(tty), "ttyS") {
		return false
	}
	if t := attribute(tty, "type"); t != "" {
		return t == "0"
	}
	return strings.Contains(device, "/platform/serial8250")
}

// usbIdentity walks up from the port's device to the USB interface and from
// there to the USB device.
func usbIdentity(device string, p *Info) {
	for dir, n := device, 0; n < 4; dir, n = filepath.Dir(dir), n+1 {
		if i := attribute(dir, "bInterfaceNumber"); i != "" {
			p.Interface = strings.ToLower(i)
		}
		vid := attribute(dir, "idVendor")
		if vid == "" {
			continue
		}
		p.USB = true
		p.VID, p.PID = strings.ToLower(vid), strings.ToLower(attribute(dir, "idProduct"))
		p.Serial = attribute(dir, "serial")
		p.Manufacturer, p.Product = attribute(dir, "manufacturer"), attribute(dir, "product")
		if m, err := (Match{}).WithSocket(filepath.Base(dir)); err == nil {
			p.Location = m.Location
		}
		return
	}
	p.Interface = ""
}

// attribute is the first line of a file of sysfs, "" where it cannot be read.
func attribute(dir, name string) string {
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(b), "\n")
	return strings.TrimSpace(line)
}
