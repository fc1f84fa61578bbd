package devices

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"labbox/devices/transport/serial"
	"labbox/edge"
	"labbox/edge/config"
)

// Recognise names the types that a USB device with these ids (hex) may be.
func (r *Registry) Recognise(vid, pid string) []string {
	var out []string
	if vid == "" {
		return nil
	}
	for _, name := range r.Names() {
		for _, id := range r.types[name].Match.USB {
			if strings.EqualFold(id, vid+":"+pid) {
				out = append(out, name)
			}
		}
	}
	return out
}

// CheckBox checks what a box file says about types and ports: that types exist,
// that limits only narrow, that calibrations name channels, that ports are such
// as can be opened. Nothing is opened. Parsed is the file's Box.
func CheckBox(reg *Registry, name string, data []byte, parsed *config.Box) config.Problems {
	var again config.Box
	doc := config.Decode(name, data, &again)
	bench := &Bench{Mounts: map[string]http.Handler{}, Listeners: map[string]http.Handler{}}
	defer bench.Close()
	ports := serial.NewRegistry()
	for i := range parsed.Devices {
		dev := &parsed.Devices[i]
		t, err := reg.Type(dev.Type, parsed.Dir)
		if err != nil {
			addError(doc, err, "devices", i, "type")
			continue
		}
		n, err := t.narrowed(dev)
		if err != nil {
			at := "limits"
			if strings.Contains(err.Error(), "calibration") {
				at = "calibration"
			}
			addError(doc, err, "devices", i, at)
			continue
		}
		if _, _, err := bench.opener(n, parsed, dev, ports, BenchConfig{Logger: slog.New(slog.DiscardHandler)}); err != nil {
			addError(doc, err, "devices", i, "port")
		}
	}
	return doc.Problems()
}

func addError(doc *config.Doc, err error, path ...any) {
	var e *edge.Error
	if !errors.As(err, &e) {
		e = edge.AsError(err)
	}
	message, _, _ := strings.Cut(e.Message, "\n")
	doc.Add(string(e.Code), fmt.Sprint(message), e.Hint, path...)
}
