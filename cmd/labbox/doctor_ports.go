package main

import (
	"context"
	"fmt"
	"path/filepath"
	"sort"
	"strings"

	"labbox/devices"
	"labbox/devices/transport/serial"
	"labbox/edge"
	"labbox/edge/config"
)

// portChecks ask the machine about its serial ports. None opens a port: that
// would reset many boards.
type portChecks struct {
	list func() ([]serial.Info, error)
	// allowed says why this user may not use the port and what to do about it,
	// "" where nothing speaks against it.
	allowed func(path string) (why, hint string)
	// holders are the programs that have the port open, as far as this user can
	// see.
	holders func(path string) []string
}

// checkPorts looks at the ports that the box file needs, or at all.
func (d *doctor) checkPorts(ctx context.Context, f *verdicts) {
	ports, err := d.ports.list()
	if err != nil {
		f.failed("ports", err, "")
		return
	}
	if d.box == nil {
		for _, p := range ports {
			if d.checkPort(f, "port", p.Path, p.Path, f.warn) {
				f.ok("port", "%s is there and may be used", p.Path)
			}
		}
		if len(ports) == 0 {
			f.ok("ports", "no serial port here, and none is needed")
		}
		return
	}
	states, err := d.deviceStates(ctx)
	for i := range d.box.Devices {
		dev := &d.box.Devices[i]
		if st, known := states[dev.ID]; err == nil && known {
			d.sayState(f, dev.ID, st)
			continue
		}
		d.checkDevice(f, dev, ports)
	}
}

// sayState passes on what the running labbox says of a device.
func (d *doctor) sayState(f *verdicts, id string, st edge.Status) {
	switch {
	case st.Stopped != nil:
		f.warn("device", "resume it in the panel", "%s: its emergency stop is latched", id)
	case st.State == edge.StateLive:
		f.ok("device", "%s is live", id)
	case st.Reason != nil:
		f.warn("device", st.Reason.Hint, "%s is %s: %s", id, st.State, st.Reason.Message)
	default:
		f.warn("device", "docs/troubleshooting.md explains the states", "%s is %s", id, st.State)
	}
}

// checkDevice looks for a device's port.
func (d *doctor) checkDevice(f *verdicts, dev *config.Device, ports []serial.Info) {
	p := dev.Port
	switch {
	case p.Sim:
		f.ok("device", "%s is simulated", dev.ID)
		return
	case p.Listen != "":
		f.ok("device", "%s dials in at %s", dev.ID, p.Listen)
		return
	case p.TCP != "":
		f.warn("device", "tcp ports are not supported yet", "%s is at %s", dev.ID, p.TCP)
		return
	case p.Path != "":
		if d.checkPort(f, "device", dev.ID+": "+p.Path, p.Path, f.fail) {
			f.ok("device", "%s: %s is there and may be used", dev.ID, p.Path)
		}
		return
	}
	m, err := devices.USBMatch(p)
	if err != nil {
		f.failed("device", err, "")
		return
	}
	info, err := m.Find(ports)
	if err != nil {
		f.fail("device", edge.AsError(err).Hint, "%s: %v", dev.ID, err)
		return
	}
	if d.checkPort(f, "device", dev.ID+": "+info.Path, info.Path, f.fail) {
		f.ok("device", "%s: %s (%s) is there and may be used", dev.ID, info.Path, p.USB)
	}
}

// checkPort tells report what speaks against a port; free: nothing does.
func (d *doctor) checkPort(f *verdicts, what, label, path string, report func(what, hint, format string, args ...any)) (free bool) {
	if why, hint := d.ports.allowed(path); why != "" {
		report(what, hint, "%s %s", label, why)
		return false
	}
	holders := strings.Join(d.ports.holders(path), ", ")
	switch {
	case holders == "":
		return true
	case d.stayed || d.running != nil:
		f.ok(what, "%s is in use by %s", label, holders)
	default:
		report(what, "close that program: two cannot read one port", "%s is in use by %s", label, holders)
	}
	return false
}

// holdersIn looks through a /proc for those who have path open.
func holdersIn(proc, path string, read func(string) (string, error), names func(string) string) []string {
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil
	}
	links, _ := filepath.Glob(filepath.Join(proc, "[0-9]*", "fd", "*"))
	seen := map[string]bool{}
	var out []string
	for _, l := range links {
		if to, err := read(l); err != nil || to != target {
			continue
		}
		pid := filepath.Base(filepath.Dir(filepath.Dir(l)))
		if !seen[pid] {
			seen[pid] = true
			out = append(out, fmt.Sprintf("%s (process %s)", names(pid), pid))
		}
	}
	sort.Strings(out)
	return out
}
