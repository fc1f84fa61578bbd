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
		t, err := r.Type(name, "")
		if err != nil { // a test reads them all
			continue
		}
		for _, id := range t.Match.USB {
			if strings.EqualFold(id, vid+":"+pid) {
				out = append(out, name)
			}
		}
	}
	return out
}

// USBMatch is how a box file's port says which USB device it is.
func USBMatch(p config.Port) (serial.Match, error) {
	m, err := serial.ParseMatch(p.USB)
	if err != nil {
		return m, err
	}
	if p.Serial != "" {
		m.Serial = p.Serial
	}
	if p.Interface != nil {
		m.Interface = fmt.Sprintf("%02x", *p.Interface)
	}
	if p.Socket != "" {
		return m.WithSocket(p.Socket)
	}
	return m, nil
}

// tellApart refuses device i of a box when the file does not tell its USB port
// from that of a device before it: who is plugged in first must not decide.
func tellApart(box *config.Box, i int) error {
	dev := &box.Devices[i]
	if dev.Port.USB == "" {
		return nil
	}
	m, err := USBMatch(dev.Port)
	if err != nil {
		return nil //nolint:nilerr // told where the port is made
	}
	for j := range i {
		other := &box.Devices[j]
		if other.Port.USB == "" {
			continue
		}
		o, err := USBMatch(other.Port)
		if err == nil && (o.Covers(m) || m.Covers(o)) {
			return edge.Errorf(edge.CodeBadConfig, "%s and %s may be the same port: %s, and %s", other.ID, dev.ID, o, m).
				WithHint("tell them apart by serial, or by socket; `labbox ports` shows them")
		}
	}
	return nil
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
		if err := tellApart(parsed, i); err != nil {
			addError(doc, err, "devices", i, "port")
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
