package devices

import (
	"bytes"
	"strings"

	"labbox/devices/sim"
	"labbox/firmware-protocols/scpi"
)

// scpiDepth is how many errors a simulated instrument remembers.
const scpiDepth = 20

// newSCPIDevice is an instrument that answers what its type asks, and keeps an
// error queue for everything else.
func newSCPIDevice(t *Type) *partsDevice {
	o := *t.Protocol.SCPI
	end := o.End
	if end == "" {
		end = "\n"
	}
	query := strings.ToUpper(o.Errors)
	if query == "" {
		query = scpi.DefaultErrors
	}
	var queue []string
	var line []byte
	d := &partsDevice{t: t, known: t.requests(), reset: func() { line = line[:0] }}
	fail := func(entry string) {
		switch {
		case len(queue) < scpiDepth:
			queue = append(queue, entry)
		default:
			queue[scpiDepth-1] = `-350,"Queue overflow"`
		}
	}
	d.wrap = func(body []byte) []byte { return append(bytes.Clone(body), end...) }
	d.unwrap = func(p []byte, message func([]byte)) {
		line = append(line, p...)
		for {
			msg, rest, ok := bytes.Cut(line, []byte(end))
			if !ok {
				break
			}
			if msg = bytes.TrimSpace(msg); len(msg) > 0 {
				message(msg)
			}
			line = append(line[:0], rest...)
		}
		if len(line) > maxSimLine {
			line = line[:0]
			fail(`-363,"Input buffer overrun"`)
		}
	}
	d.outside = func() { fail(`-222,"Data out of range"`) }
	d.stray = func(body []byte, m *sim.Model) []byte {
		switch word := strings.ToUpper(string(body)); word {
		case query, "SYST:ERR?", "SYSTEM:ERROR?":
			if len(queue) == 0 {
				return []byte(`0,"No error"`)
			}
			e := queue[0]
			queue = queue[1:]
			return []byte(e)
		case "*IDN?":
			return []byte("labbox,simulated " + t.Name + ",0,1")
		case "*OPC?":
			return []byte("1")
		case "*TST?", "*ESR?", "*STB?":
			return []byte("0")
		case "*CLS":
			queue = nil
		case "*RST":
			m.Reset()
		case "*OPC", "*WAI":
		default:
			fail(`-113,"Undefined header"`)
		}
		return nil
	}
	return d
}

// maxSimLine is the longest message a simulated device takes.
const maxSimLine = 64 << 10
