package playback

import (
	"context"
	"path/filepath"
	"sync"
	"testing"

	"labbox/devices"
	"labbox/devices/devicetest/simchip"
	"labbox/devices/transport/pty"
)

// The same tests run on what LABBOX_LIVE names: here a simulated plate on a pty.
func TestLive(t *testing.T) {
	reg, err := devices.NewRegistry()
	if err != nil {
		t.Fatal(err)
	}
	typ, err := reg.Type("plate", ".")
	if err != nil {
		t.Fatal(err)
	}
	dev, err := typ.Simulator(1)
	if err != nil {
		t.Fatal(err)
	}
	port, err := pty.Open(pty.Options{Link: filepath.Join(t.TempDir(), "plate")})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = dev.Run(ctx, port) })
	defer running.Wait()
	defer func() { _ = port.Close() }()
	defer cancel()
	t.Setenv("LABBOX_LIVE", port.Name())
	t.Setenv("LABBOX_LIVE_FOR", "1200ms")
	got := Run(t, "testdata/nowhere.capture", "plate")
	if !got.Live || !got.Report.Proved || got.Report.Misfits > 0 || len(got.Rows) < 50 || got.Header.Type != "plate" || got.Header.Port != port.Name() {
		t.Errorf("%d rows, %+v, %+v", len(got.Rows), got.Header, got.Report)
	}
}

// And on real firmware, on the simulated chip.
func TestLiveChip(t *testing.T) {
	chip := simchip.Start(t, simchip.Options{Firmware: "plate", ResetOnOpen: true})
	t.Setenv("LABBOX_LIVE", chip.Path())
	t.Setenv("LABBOX_LIVE_FOR", "2s")
	got := Run(t, "testdata/nowhere.capture", "plate")
	if !got.Report.Proved || got.Report.Misfits > 0 || len(got.Rows) < 20 {
		t.Errorf("%d rows, %+v", len(got.Rows), got.Report)
	}
}
