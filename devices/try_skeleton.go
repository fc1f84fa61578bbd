package devices

import (
	"fmt"
	"strings"

	"labbox/firmware-protocols/lines"
	"labbox/firmware-protocols/modbus"
)

// mostSketched is how many channels a skeleton gets.
const mostSketched = 24

// sketch collects the fields of a device that nobody knows.
type sketch struct {
	protocol string
	baud     int
	lines    int
	order    []string
	fields   map[string]*TryField
	last     map[string]float64
	rises    map[string]bool // each value above the one before
	byOne    map[string]bool // by exactly one
}

func newSketch(protocol string, baud int) *sketch {
	return &sketch{protocol: protocol, baud: baud, fields: map[string]*TryField{}, last: map[string]float64{}, rises: map[string]bool{}, byOne: map[string]bool{}}
}

func (s *sketch) add(f *lines.Field) {
	key := string(f.Key)
	tr := tracer{unknown: s.fields}
	if s.fields[key] == nil {
		s.order = append(s.order, key)
		s.rises[key], s.byOne[key] = true, true
	}
	tr.note(f)
	x := f.Num
	if len(f.Array) > 0 {
		x = f.Array[len(f.Array)-1]
	}
	if before, ok := s.last[key]; ok {
		s.rises[key] = s.rises[key] && x > before
		s.byOne[key] = s.byOne[key] && x == before+1
	}
	s.last[key] = x
}

// guess writes the skeleton.
func (s *sketch) guess(protocol, example string) *Guess {
	var b strings.Builder
	head(&b, protocol, s.baud)
	timeField, countField := "", ""
	for _, name := range s.order {
		f := s.fields[name]
		if f == nil || f.Text || f.N < 3 || !s.rises[name] {
			continue
		}
		switch word := strings.ToLower(name); {
		case countField == "" && s.byOne[name] && (word == "n" || word == "i" || word == "seq" || word == "count" || word == "id"):
			countField = name
		case timeField == "" && (word == "t" || word == "ms" || strings.HasPrefix(word, "time") || word == "millis"):
			timeField = name
		}
	}
	if timeField != "" {
		fmt.Fprintf(&b, "time: {from: %s, unit: ms, bits: 32} # is it ms, us or s?\n", yamlText(timeField))
	}
	if countField != "" {
		fmt.Fprintf(&b, "count: {from: %s, bits: 32}\n", yamlText(countField))
	}
	b.WriteString("channels: # what they are called, their units and ranges: for you to say\n")
	var have []Channel
	for _, name := range s.order {
		f := s.fields[name]
		if f == nil || name == timeField || name == countField || len(have) >= mostSketched {
			continue
		}
		p := f.propose(have)
		have = append(have, p.Channel)
		p.optional = s.lines > 0 && int(f.N) < s.lines || s.lines == 0 //nolint:gosec // small
		b.WriteString("  " + p.yaml())
		if !f.Text {
			b.WriteString(" # " + f.kind())
		}
		b.WriteByte('\n')
	}
	return &Guess{Protocol: s.protocol, Evidence: example, Skeleton: b.String()}
}

func head(b *strings.Builder, protocol string, baud int) {
	b.WriteString("schema: 1\ntype: my-device # the name of this file, without .yaml\nlabel: My device\n")
	fmt.Fprintf(b, "protocol: {%s}\n", protocol)
	if baud > 0 {
		fmt.Fprintf(b, "serial: {baud: %d}\n", baud)
	}
}

// skeletonSelf is the type of a device that describes itself.
func skeletonSelf(protocol string, baud int, more string) string {
	var b strings.Builder
	head(&b, protocol, baud)
	b.WriteString(more)
	return b.String()
}

func skeletonSCPI(baud int, begin string) string {
	var b strings.Builder
	head(&b, `scpi: {end: "\n"}`, baud)
	fmt.Fprintf(&b, `connect:
  identify:
    - {send: {parts: ["*IDN?"]}, reply: {parts: [{text: %s}, {skip: true, as: text}]}}
polls: # which question gives the reading: see the programming manual
  - {id: reading, send: {parts: ["MEAS:VOLT:DC?"]}, reply: {parts: [{field: reading}]}, every: 500ms}
channels:
  - {id: reading, label: Reading, unit: V}
`, yamlText(begin))
	return b.String()
}

func skeletonModbus(mode modbus.Mode, unit int) string {
	var b strings.Builder
	m := "rtu"
	if mode == modbus.TCP {
		m = "tcp"
	}
	fmt.Fprintf(&b, `schema: 1
type: my-device # the name of this file, without .yaml
label: My device
protocol:
  modbus:
    mode: %s
    unit: %d
    poll: 500ms
    registers: # see the table in the manual; addresses count from 0
      - {field: value, table: holding, at: 0, as: u16, scale: 1}
channels:
  - {id: value, label: Value}
`, m, unit)
	return b.String()
}
