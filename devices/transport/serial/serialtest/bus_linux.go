package serialtest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Bus is a fake USB bus.
type Bus struct {
	Sys string // in place of /sys
	Dev string // in place of /dev

	t    testing.TB
	gone int
}

// Board is what is plugged in.
type Board struct {
	TTY           string // the name its port gets: ttyACM0, ttyUSB0
	Socket        string // 1-1.2
	Interface     int
	VID, PID      string
	Serial        string // "" none, as most clones
	Manufacturer  string
	Product       string
	Port          string // what the port's name leads to, such as a pty
	NoInterfaceID bool   // a kernel that does not say which interface
}

// NewBus returns a bus with nothing plugged in, in a directory of the test's.
func NewBus(t testing.TB) *Bus {
	t.Helper()
	root := t.TempDir()
	b := &Bus{Sys: filepath.Join(root, "sys"), Dev: filepath.Join(root, "dev"), t: t}
	b.dir(filepath.Join(b.Sys, "class", "tty"))
	b.dir(b.Dev)
	return b
}

func (b *Bus) dir(path string) {
	if err := os.MkdirAll(path, 0o755); err != nil {
		b.t.Fatal(err)
	}
}

func (b *Bus) link(to, path string) {
	b.dir(filepath.Dir(path))
	if err := os.Symlink(to, path); err != nil {
		b.t.Fatal(err)
	}
}

// Plug plugs a board in. Several ports of one board share a socket.
func (b *Bus) Plug(p Board) {
	b.t.Helper()
	device := filepath.Join(b.Sys, "devices", "usb"+p.Socket[:strings.Index(p.Socket, "-")], p.Socket)
	function := filepath.Join(device, fmt.Sprintf("%s:1.%d", p.Socket, p.Interface))
	b.dir(function)
	for name, text := range map[string]string{"idVendor": p.VID, "idProduct": p.PID, "serial": p.Serial, "manufacturer": p.Manufacturer, "product": p.Product} {
		if text != "" {
			b.write(filepath.Join(device, name), text)
		}
	}
	if !p.NoInterfaceID {
		b.write(filepath.Join(function, "bInterfaceNumber"), fmt.Sprintf("%02x", p.Interface))
	}
	bus := "usb"
	if strings.HasPrefix(p.TTY, "ttyUSB") {
		function, bus = filepath.Join(function, p.TTY), "usb-serial"
	}
	b.dir(filepath.Join(b.Sys, "bus", bus))
	b.dir(filepath.Join(function, "tty", p.TTY))
	b.link(filepath.Join(b.Sys, "bus", bus), filepath.Join(function, "subsystem"))
	b.link(function, filepath.Join(function, "tty", p.TTY, "device"))
	if p.Port != "" {
		b.link(p.Port, filepath.Join(b.Dev, p.TTY))
	}
	b.link(filepath.Join(function, "tty", p.TTY), filepath.Join(b.Sys, "class", "tty", p.TTY))
}

func (b *Bus) write(path, text string) {
	if err := os.WriteFile(path, []byte(text+"\n"), 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// Unplug pulls the board with a port of that name out, all its ports with it.
func (b *Bus) Unplug(tty string) {
	b.t.Helper()
	class := filepath.Join(b.Sys, "class", "tty")
	mine, err := os.Readlink(filepath.Join(class, tty))
	if err != nil {
		b.t.Fatal(err)
	}
	root := filepath.Join(b.Sys, "devices") + "/"
	path := strings.SplitN(strings.TrimPrefix(mine, root), "/", 3) // usb1/1-1.2/...
	device := filepath.Join(root, path[0], path[1])
	all, err := os.ReadDir(class)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, e := range all {
		to, _ := os.Readlink(filepath.Join(class, e.Name()))
		if strings.HasPrefix(to, device+"/") {
			_ = os.Remove(filepath.Join(class, e.Name()))
			_ = os.Remove(filepath.Join(b.Dev, e.Name()))
		}
	}
	b.gone++ // out of the way at once, as a lister may be inside
	old := fmt.Sprintf("%s.gone%d", b.Sys, b.gone)
	if err := os.Rename(device, old); err != nil {
		b.t.Fatal(err)
	}
	_ = os.RemoveAll(old)
}

// Mount puts the bus in the place of /sys/class/tty and /dev, where ptys, null
// and the like remain. Only inside a Namespace.
func (b *Bus) Mount() {
	b.t.Helper()
	if os.Getenv(inside) == "" {
		b.t.Fatal("Mount belongs into a Namespace")
	}
	keep := b.t.TempDir()
	must := func(err error) {
		b.t.Helper()
		if err != nil {
			b.t.Fatal(err)
		}
	}
	must(unix.Mount("/dev", keep, "", unix.MS_BIND|unix.MS_REC, ""))
	must(unix.Mount(filepath.Join(b.Sys, "class", "tty"), "/sys/class/tty", "", unix.MS_BIND, ""))
	for _, name := range []string{"null", "zero", "urandom", "random", "tty"} {
		must(os.WriteFile(filepath.Join(b.Dev, name), nil, 0o644))
		must(unix.Mount(filepath.Join(keep, name), filepath.Join(b.Dev, name), "", unix.MS_BIND, ""))
	}
	for _, name := range []string{"pts", "shm"} {
		b.dir(filepath.Join(b.Dev, name))
		if err := unix.Mount(filepath.Join(keep, name), filepath.Join(b.Dev, name), "", unix.MS_BIND|unix.MS_REC, ""); name == "pts" {
			must(err)
		}
	}
	must(os.Symlink("pts/ptmx", filepath.Join(b.Dev, "ptmx"))) // its file must stand beside pts
	must(unix.Mount(b.Dev, "/dev", "", unix.MS_BIND|unix.MS_REC, ""))
	b.t.Cleanup(func() { // what was mounted below the directory, before it is removed
		for _, at := range []string{"/dev", "/sys/class/tty", b.Dev + "/pts", b.Dev + "/shm", b.Dev + "/null", b.Dev + "/zero",
			b.Dev + "/urandom", b.Dev + "/random", b.Dev + "/tty", keep} {
			_ = unix.Unmount(at, unix.MNT_DETACH)
		}
	})
}
