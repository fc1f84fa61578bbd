package firmata

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write what the decoder does into vectors/decode.json; read the diff")

// vector is one case of vectors/decode.json: the messages as words.
type vector struct {
	Name  string   `json:"name"`
	From  string   `json:"from"`  // board or computer
	Bytes string   `json:"bytes"` // hex with blanks; "00*70" is 70 times 00
	Want  []string `json:"want"`
	Stats string   `json:"stats"` // messages unknown cut overlong stray undefined skipped
}

func vectors(t testing.TB) []vector {
	b, err := os.ReadFile("vectors/decode.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		About string   `json:"about"`
		Cases []vector `json:"cases"`
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&file); err != nil {
		t.Fatal(err)
	}
	return file.Cases
}

func (v vector) input(t testing.TB) []byte {
	var out []byte
	for _, word := range strings.Fields(v.Bytes) {
		digits, times, _ := strings.Cut(word, "*")
		n := 1
		if times != "" {
			if _, err := fmt.Sscan(times, &n); err != nil {
				t.Fatal(err)
			}
		}
		b, err := hex.DecodeString(digits)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, bytes.Repeat(b, n)...)
	}
	return out
}

func (v vector) role() Role {
	if v.From == "computer" {
		return ToBoard
	}
	return FromBoard
}

// words says what a message is.
func words(m *Message) string {
	switch m.Kind {
	case DigitalPort:
		return fmt.Sprintf("port %d %08b", m.Number, m.Value)
	case AnalogValue:
		return fmt.Sprintf("analog %d %d", m.Number, m.Value)
	case ReportAnalog:
		return fmt.Sprintf("report analog %d %d", m.Number, m.Value)
	case ReportPort:
		return fmt.Sprintf("report port %d %d", m.Number, m.Value)
	case SetPinMode:
		return fmt.Sprintf("pin %d mode %s", m.Number, m.Mode)
	case SetPinValue:
		return fmt.Sprintf("pin %d value %d", m.Number, m.Value)
	case VersionReport:
		return fmt.Sprintf("version %d.%d", m.Major, m.Minor)
	case FirmwareReport:
		return fmt.Sprintf("firmware %d.%d %s", m.Major, m.Minor, m.Text)
	case CapabilityReport:
		pins, err := ParseCapabilities(m.Data)
		if err != nil {
			return err.Error()
		}
		out := "capabilities"
		for _, p := range pins {
			out += fmt.Sprint(" ", p.Abilities)
		}
		return out
	case MappingReport:
		return fmt.Sprintf("mapping %d", m.Data)
	case PinStateRequest:
		return fmt.Sprintf("pin %d state?", m.Number)
	case PinStateReport:
		return fmt.Sprintf("pin %d is %s %d", m.Number, m.Mode, m.Value)
	case String:
		return "text " + string(m.Text)
	case SamplingInterval:
		return fmt.Sprintf("sampling %d ms", m.Value)
	case ServoConfig:
		return fmt.Sprintf("servo %d %d %d", m.Number, m.Min, m.Max)
	case UnknownSysex:
		if len(m.Data) > 64 {
			return fmt.Sprintf("sysex %02x of %d", m.Command, len(m.Data))
		}
		return fmt.Sprintf("sysex %02x % x", m.Command, m.Data)
	}
	names := map[Kind]string{VersionRequest: "version?", SystemReset: "reset", FirmwareRequest: "firmware?",
		CapabilityRequest: "capabilities?", MappingRequest: "mapping?"}
	return names[m.Kind]
}

func decode(role Role, in []byte, chunk int) (got []string, s Stats) {
	d := NewDecoder(role)
	tmp := make([]byte, 0, chunk)
	for len(in) > 0 {
		n := min(chunk, len(in))
		tmp = append(tmp[:0], in[:n]...)
		d.Feed(tmp, func(m *Message) { got = append(got, words(m)) })
		clear(tmp)
		in = in[n:]
	}
	return got, d.Stats()
}

func TestVectors(t *testing.T) {
	all := vectors(t)
	for i, v := range all {
		t.Run(v.Name, func(t *testing.T) {
			for _, chunk := range []int{1 << 20, 1, 2, 5} {
				got, s := decode(v.role(), v.input(t), chunk)
				stats := fmt.Sprint(s.Messages, s.Unknown, s.Cut, s.Overlong, s.Stray, s.Undefined, s.Skipped)
				if *update {
					all[i].Want, all[i].Stats = got, stats
					return
				}
				if strings.Join(got, "\n") != strings.Join(v.Want, "\n") || stats != v.Stats {
					t.Fatalf("in chunks of %d: %q, %s", chunk, got, stats)
				}
			}
		})
	}
	if *update {
		writeVectors(t, all)
	}
}

func writeVectors(t *testing.T, all []vector) {
	var b bytes.Buffer
	b.WriteString("{\n\"about\": \"Byte streams and the messages in them. stats: messages, unknown, cut, overlong, stray, undefined, skipped.\",\n\"cases\": [")
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	for i, v := range all {
		b.WriteString(map[bool]string{true: "\n", false: ","}[i == 0])
		if err := enc.Encode(v); err != nil {
			t.Fatal(err)
		}
	}
	b.WriteString("]\n}\n")
	if err := os.WriteFile("vectors/decode.json", b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// What is written is read.
func TestAppended(t *testing.T) {
	pins := Uno(5)
	for _, c := range []struct {
		role  Role
		bytes []byte
		want  string
	}{
		{ToBoard, AppendDigitalPort(nil, 1, 0xA5), "port 1 10100101"},
		{ToBoard, AppendAnalog(nil, 9, 255), "analog 9 255"},
		{ToBoard, AppendAnalog(nil, 16, 255), "analog 16 255"},
		{ToBoard, AppendAnalog(nil, 3, 1<<14), "analog 3 16384"},
		{ToBoard, AppendAnalog(nil, 127, maxValue), "analog 127 268435455"},
		{ToBoard, AppendReportAnalog(nil, 5, true), "report analog 5 1"},
		{ToBoard, AppendReportAnalog(nil, 20, false), "report analog 20 0"},
		{ToBoard, AppendReportPort(nil, 15, true), "report port 15 1"},
		{ToBoard, AppendPinMode(nil, 13, PullUp), "pin 13 mode pullup"},
		{ToBoard, AppendPinValue(nil, 127, true), "pin 127 value 1"},
		{ToBoard, AppendVersionRequest(nil), "version?"},
		{ToBoard, AppendReset(nil), "reset"},
		{ToBoard, AppendFirmwareRequest(nil), "firmware?"},
		{ToBoard, AppendCapabilityRequest(nil), "capabilities?"},
		{ToBoard, AppendMappingRequest(nil), "mapping?"},
		{ToBoard, AppendPinStateRequest(nil, 13), "pin 13 state?"},
		{ToBoard, AppendSampling(nil, 16383), "sampling 16383 ms"},
		{ToBoard, AppendServoConfig(nil, 10, 544, 2400), "servo 10 544 2400"},
		{FromBoard, AppendVersion(nil, 2, 5), "version 2.5"},
		{FromBoard, AppendFirmware(nil, 2, 5, "Büro.ino"), "firmware 2.5 Büro.ino"},
		{FromBoard, AppendString(nil, "Unknown pin mode"), "text Unknown pin mode"},
		{ToBoard, AppendString(nil, strings.Repeat("x", 500)), "text " + strings.Repeat("x", 31)},
		{FromBoard, AppendPinState(nil, 9, PWM, 255), "pin 9 is pwm 255"},
		{FromBoard, AppendPinState(nil, 9, PWM, maxValue), "pin 9 is pwm 268435455"},
		{FromBoard, AppendMapping(nil, pins[13:16]), "mapping [127 0 1]"},
		{FromBoard, AppendUnknown(nil, 0x77, []byte{0xC8, 1}), "sysex 77 48 01"},
	} {
		got, s := decode(c.role, c.bytes, 1)
		if len(got) != 1 || got[0] != c.want || s.Lost() != 0 {
			t.Errorf("% x is %q, want %q; %+v", c.bytes, got, c.want, s)
		}
		if c.role == ToBoard && len(c.bytes) > MaxRequest+2 {
			t.Errorf("%q takes %d bytes", c.want, len(c.bytes))
		}
	}
	b := AppendCapabilities(nil, pins)
	again, err := ParseCapabilities(b[2 : len(b)-1])
	if err != nil || setMapping(again, AppendMapping(nil, pins)[2:22]) != nil || !reflect.DeepEqual(again, pins) {
		t.Errorf("%v, %v", again, err)
	}
}

func TestParseCapabilitiesRefuses(t *testing.T) {
	for _, b := range []string{"", "\x00", "\x00\x01", "\x00\x01\x7f\x01", strings.Repeat("\x7f", 129)} {
		if pins, err := ParseCapabilities([]byte(b)); err == nil {
			t.Errorf("%x gives %v", b, pins)
		}
	}
	if setMapping(Uno(5)[:2], []byte{3, 3}) == nil || setMapping(Uno(5), []byte{1}) == nil {
		t.Error("a mapping that cannot be")
	}
}
