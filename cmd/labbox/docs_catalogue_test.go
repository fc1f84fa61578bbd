package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"labbox/devices"
)

// The tables of the catalogue, in README.md and docs/ref/catalogue.md, are made
// from the type files. go test ./cmd/labbox -run Docs -update rewrites them.

// entry is a type of the catalogue in words.
type entry struct {
	name, label, what, speaks, known, safe, facts string
	shows, obeys                                  []string
}

func catalogueEntries(t *testing.T) []entry {
	t.Helper()
	reg, err := devices.NewRegistry()
	if err != nil {
		t.Fatal(err)
	}
	var out []entry
	for _, name := range reg.Names() {
		d, err := reg.Type(name, "")
		if err != nil {
			t.Fatal(err)
		}
		e := entry{name: name, label: d.Label.In("en"), what: d.Description.In("en"), speaks: speaks(d), known: known(d),
			facts: factsOf(t, name), safe: "nothing to stop"}
		if d.Safe != nil {
			e.safe = d.Safe.Text.In("en")
		} else if d.Protocol.Labwire != nil {
			e.safe = "as the firmware says"
		}
		for i := range d.Channels {
			if c := &d.Channels[i]; !c.Hidden {
				s := strings.ToLower(c.Label.In("en"))
				if c.Unit != "" {
					s += " [" + c.Unit + "]"
				}
				e.shows = append(e.shows, s)
			}
		}
		if d.AutoChannel != nil {
			e.shows = append(e.shows, "whatever it prints")
		}
		for i := range d.Commands {
			e.obeys = append(e.obeys, strings.ToLower(d.Commands[i].Label.In("en")))
		}
		out = append(out, e)
	}
	return out
}

// speaks names the protocol and the line.
func speaks(d *devices.Type) string {
	p, line := d.Protocol, fmt.Sprintf(", %d Bd", d.Serial.Baud)
	switch {
	case p.Lines != nil:
		return p.Lines.Format + " lines" + line
	case p.Floats != nil:
		return "float32 messages over a websocket that it dials"
	case p.Messages != nil:
		return "messages of its own" + line
	case p.SCPI != nil:
		return "SCPI" + line + ", or TCP"
	case p.Modbus != nil && p.Modbus.Mode == "tcp":
		return "Modbus TCP"
	case p.Modbus != nil:
		return "Modbus RTU" + line
	case p.NMEA != nil:
		return "NMEA 0183" + line
	case p.Firmata != nil:
		return "Firmata" + line
	case p.Gcode != nil:
		return "G-code" + line
	}
	return "labwire" + line
}

// known says how a device of the type is recognised.
func known(d *devices.Type) string {
	var how []string
	if n := len(d.Match.USB); n > 3 {
		how = append(how, fmt.Sprintf("USB %s and %d more", d.Match.USB[0], n-1))
	} else if n > 0 {
		how = append(how, "USB "+strings.Join(d.Match.USB, ", "))
	}
	switch p := d.Protocol; {
	case len(d.Connect.Identify) > 0:
		how = append(how, "it is asked")
	case p.Labwire != nil, p.Firmata != nil:
		how = append(how, "it describes itself")
	case len(d.Connect.Banner) > 0 && p.Lines != nil:
		how = append(how, "its banner")
	case p.Floats != nil && p.Floats.Hello != "":
		how = append(how, "its greeting")
	case len(d.Polls) > 0, p.Modbus != nil:
		how = append(how, "its answers")
	default:
		how = append(how, "its records")
	}
	return strings.Join(how, "; ")
}

// factsOf is the comment at the head of a type file: where its facts are from.
func factsOf(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(docsRoot, "devices/catalog", name+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	for l := range strings.Lines(string(b)) {
		text, comment := strings.CutPrefix(l, "#")
		if !comment {
			break
		}
		if !strings.Contains(text, "yaml-language-server") {
			words = append(words, strings.Fields(text)...)
		}
	}
	return strings.Join(words, " ")
}

func some(list []string, none string) string {
	if len(list) == 0 {
		return none
	}
	return strings.Join(list, ", ")
}

func TestDocsCatalogue(t *testing.T) {
	short := "| device | type | speaks | safe state |\n| --- | --- | --- | --- |\n"
	full := `# The catalogue

The device types that come with labbox, made from the files in [devices/catalog](../../devices/catalog). A box file names one by its
type: ` + "`type: plate`" + `. Each runs simulated as well: ` + "`port: {sim: true}`" + `. To add one: [add a device](../user/add-a-device.md).

What they have met: plate, plotter, firmata, firmata-plain and labwire run against real firmware on a simulated chip in the tests;
penduino, spinner, aeropendulum, truss, refrigeration, vna and remotelab follow published firmware. **The instruments are written after
the commands in their manuals, partly from memory, and have met only the simulator.** Before a class relies on one, run
` + "`labbox check --try PORT TYPE`" + `, then press the emergency stop once and look at the device. A correction is welcome.

| type | what it is | shows | obeys | speaks | recognised by | safe state | where the facts are from |
| --- | --- | --- | --- | --- | --- | --- | --- |
`
	for _, e := range catalogueEntries(t) {
		file := e.name + ".yaml"
		short += fmt.Sprintf("| %s | [`%s`](devices/catalog/%s) | %s | %s |\n", e.label, e.name, file, e.speaks, lowerFirst(e.safe))
		full += fmt.Sprintf("| [`%s`](../../devices/catalog/%s) | %s. %s | %s | %s | %s | %s | %s | %s |\n", e.name, file, e.label, oneCell(e.what),
			some(clipped(e.shows, 6), "what it describes"), some(clipped(e.obeys, 6), "nothing"), e.speaks, e.known, oneCell(e.safe), oneCell(e.facts))
	}
	generated(t, "docs/ref/catalogue.md", []byte(full))

	const begin, end = "<!-- devices -->\n", "<!-- /devices -->"
	b, err := os.ReadFile(filepath.Join(docsRoot, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(b), begin)
	_, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatal("README.md has no place for the devices")
	}
	generated(t, "README.md", []byte(before+begin+short+end+after))
}

func clipped(list []string, most int) []string {
	if len(list) > most+1 {
		return append(slices.Clone(list[:most]), fmt.Sprintf("and %d more", len(list)-most))
	}
	return list
}

// lowerFirst is for a cell; names in capitals stay.
func lowerFirst(s string) string {
	if len(s) > 1 && s[1] >= 'a' && s[1] <= 'z' {
		return strings.ToLower(s[:1]) + s[1:]
	}
	return s
}
