package devices

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"labbox/devices/transport/mqtt"
	"labbox/devices/transport/serial"
	"labbox/edge"
	"labbox/edge/config"
)

// broker notes who was registered.
type broker struct{ devices []mqtt.Device }

func (b *broker) Register(d mqtt.Device) error { b.devices = append(b.devices, d); return nil }

func TestMQTTPort(t *testing.T) {
	reg, err := NewRegistry()
	if err != nil {
		t.Fatal(err)
	}
	typ := func(name string) *Type {
		typ, err := reg.Type(name, "")
		if err != nil {
			t.Fatal(err)
		}
		return typ
	}
	box := &config.Box{Box: "bench", Dir: t.TempDir()}
	if err := os.WriteFile(filepath.Join(box.Dir, "p.token"), []byte(" s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	dev := &config.Device{ID: "p", Port: config.Port{MQTT: true, Token: "p.token", Out: "esp/data"}}
	doors := &broker{}
	cfg := BenchConfig{Logger: slog.New(slog.DiscardHandler), MQTT: doors}
	var b Bench
	defer b.Close()
	op, baud, err := b.opener(typ("plate"), box, dev, serial.NewRegistry(), cfg)
	if err != nil || baud != 0 || op.String() != "mqtt of p" || len(doors.devices) != 1 {
		t.Fatal(op, baud, err, doors.devices)
	}
	if d := doors.devices[0]; d.ID != "p" || d.Password != "s3cret" || d.In != "lab/bench/p/in" || d.Out != "esp/data" || d.Refused == nil {
		t.Errorf("%+v", d)
	}
	if _, _, err := b.opener(typ("aeropendulum"), box, dev, serial.NewRegistry(), cfg); edge.CodeOf(err) != edge.CodeBadConfig || edge.AsError(err).Hint == "" {
		t.Errorf("floats: %v", err)
	}
	dev.Port.Token = "nowhere"
	if _, _, err := b.opener(typ("plate"), box, dev, serial.NewRegistry(), cfg); edge.CodeOf(err) != edge.CodeBadConfig {
		t.Errorf("no token file: %v", err)
	}
}
