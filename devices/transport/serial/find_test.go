package serial

import (
	"slices"
	"strings"
	"testing"

	"labbox/edge"
)

// bench is two clones without serial numbers, a board that has one, a bridge of
// two ports, and a port that is no USB device.
var bench = []Info{
	{Path: "/dev/ttyACM0", USB: true, VID: "2341", PID: "0043", Serial: "A", Interface: "00", Location: "1-1.1"},
	{Path: "/dev/ttyS0"},
	{Path: "/dev/ttyUSB0", USB: true, VID: "1a86", PID: "7523", Interface: "00", Location: "1-1.2"},
	{Path: "/dev/ttyUSB1", USB: true, VID: "1a86", PID: "7523", Interface: "00", Location: "1-1.3"},
	{Path: "/dev/ttyUSB2", USB: true, VID: "0403", PID: "6010", Serial: "F", Interface: "00", Location: "1-1.4.2"},
	{Path: "/dev/ttyUSB3", USB: true, VID: "0403", PID: "6010", Serial: "F", Interface: "01", Location: "1-1.4.2"},
}

func TestFind(t *testing.T) {
	elsewhere := slices.Clone(bench) // a system that knows no sockets
	for i := range elsewhere {
		elsewhere[i].Location, elsewhere[i].Interface = "", ""
	}
	clone := Match{VID: "1A86", PID: "7523"}
	at := func(m Match, socket string) Match { m.Location = socket; return m }
	for name, tt := range map[string]struct {
		m     Match
		ports []Info
		path  string
		code  edge.Code
		says  []string // in message and hint
	}{
		"by model":         {Match{VID: "2341", PID: "0043"}, bench, "/dev/ttyACM0", "", nil},
		"by serial":        {Match{VID: "2341", Serial: "A"}, bench, "/dev/ttyACM0", "", nil},
		"other serial":     {Match{VID: "2341", Serial: "B"}, bench, "", edge.CodePortMissing, []string{"serial B", "plug the device in"}},
		"clone by socket":  {at(clone, "1-1.3"), bench, "/dev/ttyUSB1", "", nil},
		"socket alone":     {Match{Location: "1-1.2"}, bench, "/dev/ttyUSB0", "", nil},
		"second of a pair": {Match{VID: "0403", PID: "6010", Interface: "01"}, bench, "/dev/ttyUSB3", "", nil},
		"not there":        {Match{VID: "dead", PID: "beef"}, bench, "", edge.CodePortMissing, nil},
		"two clones": {clone, bench, "", edge.CodeBadConfig, []string{
			"/dev/ttyUSB0 (socket 1-1.2, interface 0) and /dev/ttyUSB1 (socket 1-1.3, interface 0) are usb 1a86:7523",
			"write `port: {usb: \"1a86:7523\", socket: \"1-1.2\"}` or `port: {usb: \"1a86:7523\", socket: \"1-1.3\"}`"}},
		"both of a pair": {Match{VID: "0403", PID: "6010", Serial: "F"}, bench, "", edge.CodeBadConfig, []string{
			`{usb: "0403:6010", serial: "F", interface: 0}`, `{usb: "0403:6010", serial: "F", interface: 1}`}},
		"in another socket": {at(clone, "1-1.9"), bench[:3], "", edge.CodePortMissing, []string{
			"no serial port is usb 1a86:7523 socket 1-1.9; there is /dev/ttyUSB0 (socket 1-1.2, interface 0)",
			"plug it back into socket 1-1.9, or write `port: {usb: \"1a86:7523\"}`"}},
		"with its serial number in another socket": {Match{VID: "2341", PID: "0043", Serial: "A", Location: "1-1.9"}, bench, "",
			edge.CodePortMissing, []string{"socket 1-1.1", "plug it back"}},
		"sockets unknown":            {at(clone, "1-1.2"), elsewhere, "", edge.CodeBadConfig, []string{"does not say which socket"}},
		"sockets unknown, none":      {at(Match{VID: "dead", PID: "beef"}, "1-1.2"), elsewhere, "", edge.CodePortMissing, nil},
		"two clones, nothing to say": {clone, elsewhere, "", edge.CodeBadConfig, []string{`{path: "/dev/ttyUSB0"}`, `{path: "/dev/ttyUSB1"}`}},
	} {
		p, err := tt.m.Find(tt.ports)
		if p.Path != tt.path || edge.CodeOf(err) != tt.code {
			t.Errorf("%s: %q, %v", name, p.Path, err)
		}
		if err == nil {
			continue
		}
		text := err.Error() + "\n" + edge.AsError(err).Hint
		for _, s := range tt.says {
			if !strings.Contains(text, s) {
				t.Errorf("%s: %s\ndoes not say %s", name, text, s)
			}
		}
	}
}

func TestPort(t *testing.T) {
	want := []string{`{usb: "2341:0043", serial: "A"}`, `{path: "/dev/ttyS0"}`, `{usb: "1a86:7523", socket: "1-1.2"}`, `{usb: "1a86:7523", socket: "1-1.3"}`,
		`{usb: "0403:6010", serial: "F", interface: 0}`, `{usb: "0403:6010", serial: "F", interface: 1}`}
	for i, p := range bench {
		if got := p.Port(bench); got != want[i] {
			t.Errorf("%s: %s, want %s", p.Path, got, want[i])
		}
	}
	if got := bench[2].Port(bench[:3]); got != `{usb: "1a86:7523"}` {
		t.Errorf("the only clone: %s", got)
	}
	two := bench[5]
	two.Path, two.Location, two.Serial = "/dev/ttyUSB9", "1-1.9", ""
	one := two
	one.Path, one.Interface = "/dev/ttyUSB8", "00"
	other := two
	other.Path, other.Location = "/dev/ttyUSB7", "1-1.8"
	if got := two.Port([]Info{one, two, other}); got != `{usb: "0403:6010", interface: 1, socket: "1-1.9"}` {
		t.Errorf("a port of one of two bridges: %s", got)
	}
}

func TestWithSocket(t *testing.T) {
	m := Match{VID: "1a86", PID: "7523"}
	for s, want := range map[string]Match{
		"1-1":          {VID: "1a86", PID: "7523", Location: "1-1"},
		"3-1.4.2":      {VID: "1a86", PID: "7523", Location: "3-1.4.2"},
		"1-1.4:1.0":    {VID: "1a86", PID: "7523", Location: "1-1.4", Interface: "00"},
		"12-10.4:1.12": {VID: "1a86", PID: "7523", Location: "12-10.4", Interface: "0c"},
	} {
		if got, err := m.WithSocket(s); got != want || err != nil {
			t.Errorf("%q: %v, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "1", "1-", "-1", "1-1.", "1-.1", "1-1:", "1-1:1", "1-1:1.", "1-1:.0", "1-1.a", "usb1", "1-01", "1-1:1.300", "1-1 "} {
		if got, err := m.WithSocket(s); edge.CodeOf(err) != edge.CodeBadConfig {
			t.Errorf("%q gave %v, %v", s, got, err)
		}
	}
	m.Interface = "02"
	if got, err := m.WithSocket("1-1:1.2"); err != nil || got.Interface != "02" {
		t.Errorf("said twice: %v, %v", got, err)
	}
	if _, err := m.WithSocket("1-1:1.0"); edge.CodeOf(err) != edge.CodeBadConfig {
		t.Errorf("two interfaces: %v", err)
	}
}

func FuzzWithSocket(f *testing.F) {
	for _, s := range []string{"1-1", "3-1.4.2:1.0", "1-", ":"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		m, err := Match{}.WithSocket(s)
		if err == nil && (!strings.HasPrefix(s, m.Location) || (Options{USB: m}).check() != nil) {
			t.Errorf("%q gave %v", s, m)
		}
	})
}

func TestCovers(t *testing.T) {
	model, a, b := Match{VID: "2341", PID: "0043"}, Match{VID: "2341", PID: "0043", Serial: "A"}, Match{VID: "2341", PID: "0043", Serial: "B"}
	here := Match{VID: "2341", PID: "0043", Location: "1-1"}
	for _, tt := range []struct {
		m, o Match
		want bool
	}{
		{model, model, true}, {model, a, true}, {a, model, false}, {a, b, false}, {model, here, true}, {a, here, false},
		{Match{VID: "1A86", PID: "7523"}, Match{VID: "1a86", PID: "7523"}, true}, {Match{VID: "1a86", PID: "7523"}, model, false},
	} {
		if got := tt.m.Covers(tt.o); got != tt.want {
			t.Errorf("%v covers %v: %v", tt.m, tt.o, got)
		}
	}
}

// A device that is gone for a moment is not mistaken for the one beside it.
func TestTheOtherOneIsNotTaken(t *testing.T) {
	a, b := bench[2], bench[3]
	back, moved := a, a
	back.Path, moved.Path, moved.Location = "/dev/ttyUSB7", "/dev/ttyUSB8", "1-1.7"
	clone := Match{VID: "1a86", PID: "7523"}
	type look struct {
		ports []Info
		path  string // "" where it is refused
	}
	for name, looks := range map[string][]look{
		"back in its socket":           {{nil, ""}, {[]Info{back}, back.Path}},
		"the other was there":          {{[]Info{b}, ""}, {[]Info{b}, ""}, {nil, ""}, {[]Info{b}, b.Path}},
		"both are there":               {{[]Info{b}, ""}, {[]Info{back, b}, ""}, {[]Info{back}, back.Path}},
		"moved to another socket":      {{nil, ""}, {[]Info{moved}, moved.Path}},
		"the other comes in its stead": {{nil, ""}, {[]Info{b}, b.Path}},
	} {
		ports := []Info{a}
		s := mustNewList(t, Options{USB: clone}, &ports)
		if p, err := s.find(); p != a.Path {
			t.Fatalf("%s: %q, %v", name, p, err)
		}
		s.place.opened()
		for i, l := range looks {
			ports = l.ports
			p, err := s.find()
			if p != l.path {
				t.Errorf("%s, look %d: %q, %v", name, i, p, err)
			}
			if len(l.ports) == 1 && l.path == "" && !strings.Contains(err.Error(), "another one of its kind") {
				t.Errorf("%s, look %d: %v", name, i, err)
			}
		}
	}
	a, b = bench[0], bench[0]
	b.Serial, b.Location, b.Path = "B", "1-1.8", "/dev/ttyACM1"
	back = a
	back.Path, back.Location = "/dev/ttyACM5", "1-1.5"
	ports := []Info{a}
	s := mustNewList(t, Options{USB: Match{VID: "2341", PID: "0043"}}, &ports)
	_, _ = s.find()
	s.place.opened()
	ports = []Info{back}
	if p, err := s.find(); p != back.Path {
		t.Errorf("its serial number in another socket: %q, %v", p, err)
	}
}

func mustNewList(t *testing.T, o Options, ports *[]Info) *Opener {
	t.Helper()
	o.List = func() ([]Info, error) { return *ports, nil }
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
