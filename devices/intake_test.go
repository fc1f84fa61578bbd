package devices

import (
	"log/slog"
	"testing"
	"time"

	"labbox/devices/transport"
	"labbox/devices/transport/mem"
	"labbox/edge"
	"labbox/edge/frame"
	"labbox/firmware-protocols/lines"
)

// feedAll runs text through a type's own codec and intake.
func feedAll(t *testing.T, typ *Type, text string) (rows [][]float64, us []float64, lost []uint32) {
	t.Helper()
	c, err := newCodec(typ)
	if err != nil {
		t.Fatal(err)
	}
	in := newIntake(typ, nil)
	err = c.feed([]byte(text), transport.Stream, func(r *lines.Record) {
		in.take(r, time.Second, func(n uint32) { lost = append(lost, n) }, func(_ time.Duration, dev float64, row []float64) {
			rows, us = append(rows, append([]float64(nil), row...)), append(us, dev)
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return rows, us, lost
}

func parsed(t *testing.T, text string) *Type {
	t.Helper()
	typ, ps := ParseType("t.yaml", []byte(text))
	if err := ps.Err(); err != nil {
		t.Fatal(err)
	}
	return typ
}

// A clock that wraps goes on; one that goes back is a device that started again.
func TestDeviceClock(t *testing.T) {
	typ := parsed(t, `{schema: 1, type: m, label: M, protocol: {lines: {format: json}}, time: {from: t, unit: ms, bits: 8}, channels: [{id: v, label: V}]}`)
	_, us, lost := feedAll(t, typ, "{\"t\":250,\"v\":1}\n{\"t\":4,\"v\":2}\n{\"t\":14,\"v\":3}\n")
	if len(lost) != 0 || us[1] != 260e3 || us[2] != 270e3 {
		t.Errorf("wrap: %v us, lost %v", us, lost)
	}
	_, _, lost = feedAll(t, typ, "{\"t\":100,\"v\":1}\n{\"t\":90,\"v\":2}\n{\"t\":91,\"v\":3}\n")
	if len(lost) != 1 || lost[0] != frame.LostUnknown {
		t.Errorf("restart: lost %v", lost)
	}
}

// Columns that the device does not name are named by the type file.
func TestDeclaredColumns(t *testing.T) {
	typ := parsed(t, `{schema: 1, type: m, label: M, protocol: {lines: {format: csv, columns: [volts, amps]}}, channels: [{id: a, from: amps, label: A, unit: A}]}`)
	rows, _, _ := feedAll(t, typ, "cut\n1.5,2.5\n3,4\n")
	if len(rows) != 2 || rows[0][0] != 2.5 || rows[1][0] != 4 {
		t.Errorf("rows %v", rows)
	}
}

// A port opens in the middle of a line: half of one is neither garbage nor a
// gap. What is garbage later is both.
func TestHalfALineAtTheStartIsNoLoss(t *testing.T) {
	s, err := New(Config{Box: "b", ID: "d", Type: parsed(t, `{schema: 1, type: m, label: M, protocol: {lines: {format: json}}, channels: [{id: v, label: V}]}`),
		Opener: mem.NewOpener(mem.Options{}, nil), Clock: edge.NewSystemClock(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	s.stream.restart(1, s.contract, false)
	r := newReader(s, &link{watch: &watchers{}})
	feed := func(text string) {
		if err := s.codec.feed([]byte(text), transport.Stream, func(rec *lines.Record) { r.record(rec, time.Second) }); err != nil {
			t.Fatal(err)
		}
	}
	feed("\":12}\n{\"v\":1}\n{\"v\":2}\n{\"v\":3}\n")
	if _, c := s.stream.info(time.Second); c.Garbage != 0 || c.Lost != 0 || c.Samples != 2 {
		t.Errorf("after half a line: %+v", c)
	}
	feed("{\"v\":\n{\"v\":4}\n")
	if _, c := s.stream.info(time.Second); c.Garbage != 1 || c.Lost != 1 {
		t.Errorf("after a broken line: %+v", c)
	}
}
