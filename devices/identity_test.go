package devices

import (
	"log/slog"
	"strings"
	"testing"

	"labbox/edge"
	"labbox/edge/config"
)

// A box file that does not tell two USB devices apart is refused, wherever it is
// read.
func TestUSBDevicesAreToldApart(t *testing.T) {
	reg, err := NewRegistry()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ a, b, want string }{
		{`usb: "1a86:7523"`, `usb: "1A86:7523"`, "7:5: bad_config: a and b may be the same port: usb 1a86:7523, and usb 1a86:7523"},
		{`usb: "1a86:7523"`, `usb: "1a86:7523", socket: "1-1.2"`, "7:5: bad_config"},
		{`usb: "1a86:7523", socket: "1-1.2"`, `usb: "1a86:7523"`, "7:5: bad_config"},
		{`usb: "1a86:7523:A"`, `usb: "1a86:7523", serial: A`, "7:5: bad_config"},
		{`usb: "1a86:7523", socket: "1-1.2"`, `usb: "1a86:7523", socket: "1-1.2:1.0"`, "7:5: bad_config"},
		{`usb: "1a86:7523", socket: "1-1.2"`, `usb: "1a86:7523", socket: "1-1.3"`, ""},
		{`usb: "1a86:7523", serial: A`, `usb: "1a86:7523", serial: B`, ""},
		{`usb: "0403:6010", interface: 0`, `usb: "0403:6010", interface: 1`, ""},
		{`usb: "0403:6010", socket: "1-1:1.0"`, `usb: "0403:6010", interface: 1`, ""},
		{`usb: "1a86:7523"`, `usb: "2341:0043"`, ""},
		{`usb: "1a86:7523"`, `path: /dev/ttyS0`, ""},
		{`sim: true`, `usb: "1a86:7523", socket: "1.2"`, "7:5: bad_config: b: bad socket \"1.2\"\n\thint: write it as `labbox ports` shows it"},
		{`sim: true`, `usb: "1a86:7523", interface: 1, socket: "1-1.2:1.0"`, "7:5: bad_config: b: socket \"1-1.2:1.0\" is interface 0"},
		{`sim: true`, `usb: "1a86", socket: "1-1.2"`, "7:5: bad_config: b: bad usb id"},
	} {
		text := []byte("schema: 1\nbox: b\ndevices:\n  - {id: a, type: plate, port: {" + tt.a + "}}\n  - id: b\n    type: plate\n    port: {" + tt.b + "}\n")
		box, ps := config.ParseBox("b.yaml", text)
		if len(ps) > 0 {
			t.Fatalf("%s: %v", tt.b, ps)
		}
		ps = CheckBox(reg, "b.yaml", text, box)
		bench, err := NewBench(reg, box, BenchConfig{Clock: edge.NewSystemClock(), Logger: slog.New(slog.DiscardHandler)})
		if bench != nil {
			_ = bench.Close()
		}
		if tt.want == "" {
			if len(ps) > 0 || err != nil {
				t.Errorf("%s and %s: %v, %v", tt.a, tt.b, ps, err)
			}
			continue
		}
		if len(ps) != 1 || !strings.HasPrefix(ps[0].String(), "b.yaml:"+tt.want) || ps[0].Hint == "" {
			t.Errorf("%s and %s: %v, want %s", tt.a, tt.b, ps, tt.want)
		}
		if edge.CodeOf(err) != edge.CodeBadConfig {
			t.Errorf("%s and %s: the bench says %v", tt.a, tt.b, err)
		}
	}
}
