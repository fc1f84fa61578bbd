package config

import (
	"strings"
	"testing"
)

const good = `schema: 1
box: bench-3
devices:
  - id: plate
    type: plate
    port: {usb: "2341:0043", serial: "12"}
    limits: {duty.duty: {max: 40}}
    calibration: {temp: {offset: -0.5}}
`

func TestGoodBox(t *testing.T) {
	b, ps := ParseBox("bench/box.yaml", []byte(good))
	if err := ps.Err(); err != nil {
		t.Fatal(err)
	}
	d := b.Devices[0]
	if b.Box != "bench-3" || b.Dir != "bench" || d.Port.USB != "2341:0043" || *d.Limits["duty.duty"].Max != 40 || *d.Calibration["temp"].Offset != -0.5 {
		t.Errorf("%+v", b)
	}
}

func TestUSBPort(t *testing.T) {
	b, ps := ParseBox("b.yaml", []byte(strings.Replace(good, `serial: "12"`, "interface: 0, socket: 1-1.4", 1)))
	if err := ps.Err(); err != nil {
		t.Fatal(err)
	}
	if p := b.Devices[0].Port; p.Interface == nil || *p.Interface != 0 || p.Socket != "1-1.4" {
		t.Errorf("%+v", p)
	}
}

// Each broken file: the place and the code of its first problem.
func TestProblems(t *testing.T) {
	for _, tt := range []struct{ name, old, new, want string }{
		{"unknown key", "    limits:", "    limts:", "b.yaml:7:5: unknown_key: unknown key `limts`\n\thint: did you mean `limits`?"},
		{"unknown nested key", "{max: 40}", "{maximum: 40}", "b.yaml:7:26: unknown_key"},
		{"duplicate key", "box: bench-3", "box: bench-3\nbox: b", "b.yaml:3:1: syntax"},
		{"wrong type", "{max: 40}", "{max: forty}", "b.yaml:7:31: bad_type: a text cannot be read as number"},
		{"schema", "schema: 1", "schema: 2", "b.yaml:1:1: bad_schema"},
		{"name", "bench-3", "Bench 3", "b.yaml:2:1: bad_name"},
		{"two ports", `serial: "12"`, "sim: true", "b.yaml:6:5: bad_port"},
		{"socket without usb", `{usb: "2341:0043", serial: "12"}`, `{path: /dev/ttyS0, socket: "1-1.2"}`, "b.yaml:6:30: bad_port: socket needs usb"},
		{"interface without usb", `{usb: "2341:0043", serial: "12"}`, `{sim: true, interface: 0}`, "b.yaml:6:23: bad_port: interface needs usb"},
		{"interface", `serial: "12"`, "interface: 256", "b.yaml:6:30: bad_port: interface must be"},
		{"interface in words", `serial: "12"`, "interface: two", "b.yaml:6:41: bad_type"},
		{"min over max", "{max: 40}", "{min: 50, max: 40}", "b.yaml:7:14: bad_range"},
		{"half a line", "devices:", "devices: [", "b.yaml:"},
		{"two documents", "devices:", "---\ndevices:", "b.yaml:"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := strings.Replace(good, tt.old, tt.new, 1)
			b, ps := ParseBox("b.yaml", []byte(text))
			if b != nil || len(ps) == 0 {
				t.Fatal("taken")
			}
			if got := ps[0].String(); !strings.HasPrefix(got, tt.want) {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestEveryUnknownKeyIsTold(t *testing.T) {
	_, ps := ParseBox("b.yaml", []byte(strings.NewReplacer("box:", "bx:", "type:", "typ:", "serial:", "seral:").Replace(good)))
	if len(ps) != 3 {
		t.Errorf("%d problems: %v", len(ps), ps)
	}
}

func TestNearest(t *testing.T) {
	words := []string{"unit", "range", "id", "label", "from"}
	for in, want := range map[string]string{"unts": "unit", "rnage": "range", "ID": "", "lable": "label", "xyzzy": "", "form": "from"} {
		if got := Nearest(in, words); got != want {
			t.Errorf("%s: %q, want %q", in, got, want)
		}
	}
}

// Whatever the bytes, the reader answers with a box or with problems.
func FuzzParseBox(f *testing.F) {
	f.Add([]byte(good))
	for _, s := range []string{"", "schema: 1", "- 1", "a: &a [*a]", "{", "box: !!binary x", "devices: {a: b}", "\x00", "devices:\n  - *x"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		box, ps := ParseBox("f.yaml", b)
		if (box == nil) == (len(ps) == 0) {
			t.Errorf("box %v, problems %v", box, ps)
		}
		for _, p := range ps {
			if p.Code == "" || p.Message == "" {
				t.Errorf("%+v", p)
			}
		}
	})
}
