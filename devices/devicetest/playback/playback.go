// Package playback plays captures of devices into the parser of their type, in
// tests. The same test runs on the live device when LABBOX_LIVE names its port,
// and prints the new fixture:
//
//	func TestPlate(t *testing.T) {
//		got := playback.Run(t, "testdata/plate.capture", "plate")
//		if got.Report.Misfits > 0 {
//			t.Errorf("%+v", got.Report)
//		}
//	}
//
//	LABBOX_LIVE=/dev/ttyUSB0 go test -run TestPlate -v
//
// LABBOX_LIVE_FOR says how long to listen (default 5s). A live run sends
// questions only, as `labbox check --try` does.
//
// Known limits: a test that compares values compares those of the recorded day; a
// live run passes where what holds for any such device holds.
package playback

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"labbox/devices"
	"labbox/devices/capture"
	"labbox/edge/config"
)

// Result is what a capture came to.
type Result struct {
	Header capture.Header
	Report *devices.TryReport
	Rows   []Row
	Live   bool
}

// Row is a sample by the channels' ids.
type Row struct {
	At     time.Duration
	Lost   uint32
	Values map[string]float64 // NaN where missing
}

// Run plays file, or, where LABBOX_LIVE is set, what the device there sends now.
// typ is a name of the catalogue or a path that ends in .yaml.
func Run(t testing.TB, file, typ string) *Result {
	t.Helper()
	reg, err := devices.NewRegistry()
	if err != nil {
		t.Fatal(err)
	}
	ty, err := reg.Type(typ, ".")
	if err != nil {
		t.Fatal(err)
	}
	var text []byte
	port, live := os.LookupEnv("LABBOX_LIVE")
	if live = live && port != ""; live {
		text = record(t, ty, port)
		fmt.Printf("the new fixture, %s:\n%s", filepath.Base(file), text)
	} else if text, err = os.ReadFile(file); err != nil {
		t.Fatal(err)
	}
	r, err := capture.NewReader(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	res := &Result{Header: r.Header(), Live: live}
	p := devices.Player{Type: ty, Row: func(row devices.Row) {
		vals := make(map[string]float64, len(row.Channels))
		for i := range row.Channels {
			vals[row.Channels[i].ID] = row.Values[i]
		}
		res.Rows = append(res.Rows, Row{At: row.At, Lost: row.Lost, Values: vals})
	}}
	if res.Report, err = p.Play(r); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	if r.CutOff() {
		t.Errorf("%s: its last line is cut off", file)
	}
	return res
}

// record captures the live device.
func record(t testing.TB, ty *devices.Type, name string) []byte {
	t.Helper()
	took := 5 * time.Second
	if s := os.Getenv("LABBOX_LIVE_FOR"); s != "" {
		d, err := time.ParseDuration(s)
		if err != nil {
			t.Fatal("LABBOX_LIVE_FOR:", err)
		}
		took = d
	}
	spec := config.Port{Path: name}
	if host, _, err := net.SplitHostPort(name); err == nil && host != "" && !strings.Contains(host, "/") {
		spec = config.Port{TCP: name}
	}
	op, baud, err := devices.OpenPort(ty, spec)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w, err := capture.NewWriter(&b, capture.Header{Type: ty.Name, Hash: ty.Hash(), Port: name, Baud: baud, Date: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), took)
	defer cancel()
	trial := devices.Trial{Type: ty, Opener: op, Baud: baud, Note: func(c capture.Chunk) { _ = w.Add(c) }}
	rep, err := trial.Run(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if !rep.Proved {
		t.Errorf("%s does not look like %s: %v", name, ty.Name, rep.Why)
	}
	return b.Bytes()
}
