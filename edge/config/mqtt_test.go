package config

import (
	"strings"
	"testing"
)

const mqttBox = `schema: 1
box: bench-3
mqtt: {listen: ":1883"}
devices:
  - id: plate
    type: plate
    port: {mqtt: true, token_file: plate.token}
`

func TestMQTTBox(t *testing.T) {
	b, ps := ParseBox("b.yaml", []byte(mqttBox))
	if err := ps.Err(); err != nil {
		t.Fatal(err)
	}
	if in, out := b.Topics(&b.Devices[0]); in != "lab/bench-3/plate/in" || out != "lab/bench-3/plate/out" || b.MQTT.Listen != ":1883" {
		t.Error(in, out)
	}
	for _, tt := range []struct{ old, new, want string }{
		{"true,", "true, in: /esp32/cmd, out: esp32/data,", ""},
		{"token_file", "in: \"a/+/b\", token_file", "b.yaml:7:24: bad_port: in: a topic"},
		{"token_file", "out: \"a/#\", token_file", "b.yaml:7:24: bad_port: out: a topic"},
		{"token_file", "out: \"a//b\", token_file", "b.yaml:7:24: bad_port"},
		{"token_file", "out: \"$SYS/x\", token_file", "b.yaml:7:24: bad_port"},
		{"token_file", "in: a, out: a, token_file", "b.yaml:7:5: bad_port: one topic"},
		{", token_file: plate.token", "", "b.yaml:7:5: missing: an MQTT device needs a password"},
		{"mqtt: {listen: \":1883\"}\n", "", "b.yaml:6:12: missing: no address"},
		{"{listen: \":1883\"}", "{listen: \":1883\", tls: {cert: c.pem}}", "b.yaml:3:25: missing: tls needs"},
		{"mqtt: true", "sim: true, in: x", "b.yaml:7:23: bad_port: in needs mqtt"},
		{"mqtt: true", "mqtt: true, sim: true", "b.yaml:7:5: bad_port: a port is exactly one"},
	} {
		_, ps := ParseBox("b.yaml", []byte(strings.Replace(mqttBox, tt.old, tt.new, 1)))
		got := ""
		if len(ps) > 0 {
			got = ps[0].String()
		}
		if !strings.HasPrefix(got, tt.want) || tt.want == "" && got != "" {
			t.Errorf("%s: got %q, want %q", tt.new, got, tt.want)
		}
	}
}
