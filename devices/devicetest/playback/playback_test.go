package playback

import (
	"math"
	"testing"
	"time"
)

// The example firmware on the simulated ATmega328P, as it was captured: each
// report is a sample, none is missing, and the heater is off.
func TestPlate(t *testing.T) {
	got := Run(t, "testdata/plate.capture", "plate")
	rep := got.Report
	if !rep.Proved || rep.Misfits > 0 || rep.Missing > 0 || len(got.Rows) < 100 || rep.Samples != uint64(len(got.Rows)) {
		t.Errorf("%d rows, %+v", len(got.Rows), rep)
	}
	var before time.Duration
	for i, r := range got.Rows {
		if r.Lost != 0 && i > 0 || r.At < before {
			t.Errorf("row %d: %+v", i, r)
		}
		before = r.At
		if temp := r.Values["temp"]; !(temp > -40 && temp < 150) || r.Values["duty"] != 0 || r.Values["fan"] != 0 {
			t.Errorf("row %d: %v", i, r.Values)
		}
	}
}

// A power meter that is asked: two polls with periods of their own.
func TestMeter(t *testing.T) {
	got := Run(t, "testdata/sdm120.capture", "sdm120")
	if rep := got.Report; !rep.Proved || rep.Misfits > 0 || rep.Missing > 0 || len(got.Rows) < 3 {
		t.Errorf("%d rows, %+v", len(got.Rows), rep)
	}
	volts := 0
	for _, r := range got.Rows {
		if v := r.Values["voltage"]; !math.IsNaN(v) {
			volts++
			if v < 200 || v > 260 {
				t.Errorf("%g V", v)
			}
		}
	}
	if volts < 2 {
		t.Errorf("%d voltages", volts)
	}
}
