// Package config reads the box file (schema 1): which port is which device on
// this bench. It is strict YAML: a key nobody knows is an error with its place
// and a suggestion, because a misspelt limit must not silently mean no limit.
//
//	schema: 1
//	box: bench-3
//	devices:
//	  - id: pendulum
//	    type: penduino
//	    port: {usb: "2341:0043", serial: "75830303934351"}
//	    name: Pendulum, left table
//	    limits: {drive.power: {max: 40}}
//
// The same strict reader (Decode) reads device types in package devices.
package config

import (
	"os"
	"path/filepath"
	"time"

	"labbox/edge"
)

// Box is a box file.
type Box struct {
	Schema  int      `yaml:"schema"`
	Box     string   `yaml:"box"`
	Devices []Device `yaml:"devices"`
	// MQTT is where devices that speak it connect; nil: nowhere.
	MQTT *MQTT `yaml:"mqtt"`
	// Turns are the rules of taking turns; nil: those that apply by default.
	Turns *Turns `yaml:"turns"`
	// Cameras show the devices.
	Cameras []Camera `yaml:"cameras"`

	Dir string `yaml:"-"` // of the file: relative type paths start here
}

// Device is one instance on this bench.
type Device struct {
	ID   string `yaml:"id"`
	Type string `yaml:"type"` // a catalogue name, or a path ending in .yaml
	Name string `yaml:"name"`
	Port Port   `yaml:"port"`
	// Limits narrow the type's, by "command.param", command or channel; they can
	// never widen them.
	Limits map[string]Limit `yaml:"limits"`
	// LongestRun narrows how long the device may run before it is made safe.
	LongestRun time.Duration `yaml:"longest_run"`
	// Calibration of this specimen, by channel id, replaces the type's.
	Calibration map[string]Calibration `yaml:"calibration"`
}

// Port says where the device is plugged in. Exactly one of Path, USB, TCP,
// Listen, MQTT, Sim is given.
type Port struct {
	Path   string `yaml:"path"`   // /dev/ttyUSB0, COM3, a pty
	USB    string `yaml:"usb"`    // vid:pid in hex
	Serial string `yaml:"serial"` // with USB: the specimen's serial number
	// Interface, with USB: which port of a device that has several, as the device
	// numbers them.
	Interface *int   `yaml:"interface"`
	Socket    string `yaml:"socket"` // with USB: where it is plugged in, such as 1-1.4
	TCP       string `yaml:"tcp"`    // host:port
	// Listen is where a device that dials in is expected: "/" + path on the
	// box's own listener, or HOST:PORT for a listener of its own.
	Listen string   `yaml:"listen"`
	Token  string   `yaml:"token_file"` // with Listen, MQTT: file that holds the device's token
	Allow  []string `yaml:"allow"`      // with Listen: addresses that need no token
	MQTT   bool     `yaml:"mqtt"`       // the device connects to Box.MQTT, its id for a user name
	In     string   `yaml:"in"`         // with MQTT: the topic it subscribes, see Box.Topics
	Out    string   `yaml:"out"`        // and the one it publishes
	Sim    bool     `yaml:"sim"`
	// Faults, with Sim: what goes wrong on the line, such as drop: 0.01.
	Faults map[string]any `yaml:"faults"`
	Baud   int            `yaml:"baud"` // replaces the type's
}

// Limit narrows a parameter, a command (Rate, LongestRun) or a channel (Min,
// Max); what is not given stays as the type says.
type Limit struct {
	Min        *float64      `yaml:"min"`
	Max        *float64      `yaml:"max"`
	Slew       *float64      `yaml:"slew"`
	MaxStep    *float64      `yaml:"max_step"`
	Rate       *float64      `yaml:"rate"`
	LongestRun time.Duration `yaml:"longest_run"`
}

// Calibration of one channel: shown value = raw*scale + offset.
type Calibration struct {
	Scale  *float64 `yaml:"scale"`
	Offset *float64 `yaml:"offset"`
}

// LoadBox reads and checks a box file.
func LoadBox(path string) (*Box, Problems) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, Problems{{File: path, Code: "unreadable", Message: err.Error(), Hint: "is the path right?"}}
	}
	return ParseBox(path, data)
}

// ParseBox checks a box file's text. The Box is nil when there are problems.
func ParseBox(name string, data []byte) (*Box, Problems) {
	b := &Box{Dir: filepath.Dir(name)}
	d := Decode(name, data, b)
	if len(d.problems) == 0 {
		b.check(d)
	}
	if ps := d.Problems(); len(ps) > 0 {
		return nil, ps
	}
	return b, nil
}

func (b *Box) check(d *Doc) {
	if b.Schema != 1 {
		d.Add("bad_schema", "schema must be 1", "write `schema: 1`", "schema")
	}
	if err := edge.CheckName(b.Box); err != nil {
		d.Add("bad_name", "box: "+err.Error(), edge.AsError(err).Hint, "box")
	}
	if len(b.Devices) == 0 {
		d.Add("missing", "no devices", "list at least one under `devices:`", "devices")
	}
	b.checkTurns(d)
	b.checkCameras(d)
	seen := map[string]bool{}
	for i := range b.Devices {
		dev := &b.Devices[i]
		if err := edge.CheckName(dev.ID); err != nil {
			d.Add("bad_name", "id: "+err.Error(), edge.AsError(err).Hint, "devices", i, "id")
		}
		if seen[dev.ID] {
			d.Add("duplicate", "a second device with id `"+dev.ID+"`", "ids are unique on a box", "devices", i, "id")
		}
		seen[dev.ID] = true
		if dev.Type == "" {
			d.Add("missing", "no type", "name a catalogue type or a type file", "devices", i, "type")
		}
		dev.Port.check(d, i)
		b.checkMQTT(d, i)
		for key, l := range dev.Limits {
			if l.Min != nil && l.Max != nil && *l.Min > *l.Max {
				d.Add("bad_range", "min is greater than max", "", "devices", i, "limits", key)
			}
		}
	}
}

func (p *Port) check(d *Doc, i int) {
	n := 0
	for _, given := range []bool{p.Path != "", p.USB != "", p.TCP != "", p.Listen != "", p.MQTT, p.Sim} {
		if given {
			n++
		}
	}
	if n != 1 {
		d.Add("bad_port", "a port is exactly one of path, usb, tcp, listen, mqtt, sim",
			"for a simulated device write `port: {sim: true}`", "devices", i, "port")
	}
	for _, with := range []struct {
		key   string
		given bool
	}{{"serial", p.Serial != ""}, {"interface", p.Interface != nil}, {"socket", p.Socket != ""}} {
		if with.given && p.USB == "" {
			d.Add("bad_port", with.key+" needs usb", "write `usb: \"vid:pid\"` beside it", "devices", i, "port", with.key)
		}
	}
	if len(p.Faults) > 0 && !p.Sim {
		d.Add("bad_port", "faults needs sim", "only a simulated device has faults on demand", "devices", i, "port", "faults")
	}
	if p.Interface != nil && (*p.Interface < 0 || *p.Interface > 255) {
		d.Add("bad_port", "interface must be 0 to 255", "`labbox ports` shows it", "devices", i, "port", "interface")
	}
	if p.Baud < 0 {
		d.Add("bad_port", "baud must be positive", "", "devices", i, "port", "baud")
	}
}
