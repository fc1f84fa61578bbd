package record

import (
	"bytes"
	"context"
	"flag"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"labbox/edge"
	"labbox/edge/frame"
)

var update = flag.Bool("update", false, "write the goldens in testdata/")

func golden(t *testing.T, name, got, id string) {
	t.Helper()
	got = strings.ReplaceAll(strings.ReplaceAll(got, id, "RUNID"), "\r\n", "\n")
	path := filepath.Join("testdata", name)
	if *update {
		check(t, os.MkdirAll("testdata", 0o755))
		check(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want := must[[]byte](t)(os.ReadFile(path))
	if got != string(want) {
		t.Errorf("%s differs; got:\n%s", name, got)
	}
}

// TestGoldenPlain: the everyday case, with time before the trigger and gaps.
func TestGoldenPlain(t *testing.T) {
	clock := &handClock{}
	s := open(t, Config{Clock: clock})
	ctx := context.Background()
	check(t, s.Contract("pendulum", info))
	fb := frame.NewBuilder(1, 1, 0, two, true)
	sample := func(ms int, x, y float64) {
		clock.set(time.Duration(ms) * time.Millisecond)
		fb.Add(clock.Mono(), float64(ms)*1000+250, []float64{x, y})
		check(t, s.Frame("pendulum", fb.AppendFrame(nil)))
	}
	sample(9000, 0.1, 1.0/3)
	sample(9500, 12.3456, -2)
	clock.set(10 * time.Second)
	run := must[Run](t)(s.StartRun(ctx, RunMeta{Device: "pendulum", Name: "free fall", Notes: "first try", By: ana, PreTrigger: 600 * time.Millisecond}))
	sample(10000, nan, 1e-9)
	fb.Lose(3)
	sample(10040, -0.25, 1e21)
	fb.Lose(frame.LostUnknown)
	sample(10050, 7, math.Inf(-1))
	fb.Restart(2, two, true)
	sample(10060, 8, 100)
	check(t, s.Annotate(ctx, run.ID, 10055*time.Millisecond, "let go", ana))
	clock.set(11 * time.Second)
	run = must[Run](t)(s.StopRun(ctx, run.ID, ana))
	sample(12000, 9, 9)
	golden(t, "plain.csv", exportCSV(t, s, run.ID), run.ID)
	if run.Samples != 5 || run.Gaps != 3 || run.Lost != 3 || run.LengthMS != 1000 || run.Type != "pendulum" {
		t.Errorf("%+v", run)
	}
}

// TestGoldenContracts: enumerations, calibration, a contract that changes in the
// run, and a language.
func TestGoldenContracts(t *testing.T) {
	clock := &handClock{}
	s := open(t, Config{Clock: clock})
	ctx := context.Background()
	c := edge.Contract{Type: "rotor", Hash: "aa", Channels: []edge.Channel{
		{ID: "temp", Label: edge.Text{"en": "Temperature", "fr": "Température"}, Unit: "°C", Scale: 0.5, Offset: -40},
		{ID: "state", Label: edge.Text{"en": "State", "fr": "État"}, Scale: 1, Choices: []edge.Choice{{ID: "ready", Value: 1}, {ID: "alarm", Value: 2}}},
		{ID: "speed", Unit: "rpm", Scale: 1},
	}}
	cols := []frame.Column{{Index: 0, Format: frame.F32}, {Index: 1, Format: frame.Enum}, {Index: 2, Format: frame.I16, Scale: 0.1}}
	fb := frame.NewBuilder(1, 1, 0, cols, false)
	k := s.Sink()
	k.Stream("rotor", 1, &c)
	run := must[Run](t)(s.StartRun(ctx, RunMeta{Device: "rotor", By: ana}))
	for i := range 3 {
		fb.Add(time.Duration(i)*time.Second, nan, []float64{80.2 + float64(i), float64(i + 1), 0.3 * float64(i)})
	}
	k.Frame("rotor", fb.AppendFrame(nil))
	k.Event("rotor", &edge.Event{Code: "note"})
	c.Hash, c.Channels[2].Unit = "bb", "rad/s"
	fb.Restart(2, cols, false)
	k.Stream("rotor", 2, &c)
	fb.Add(3*time.Second, nan, []float64{0, 2, 5})
	k.Frame("rotor", fb.AppendFrame(nil))
	clock.set(4 * time.Second)
	run = must[Run](t)(s.StopRun(ctx, run.ID, ana))
	var b bytes.Buffer
	check(t, s.ExportCSV(ctx, run.ID, &b, CSVOptions{Lang: "fr"}))
	golden(t, "contracts.csv", b.String(), run.ID)
}

// TestGoldenNoContract: a device that never said what it is.
func TestGoldenNoContract(t *testing.T) {
	s := open(t, Config{Clock: &handClock{}})
	ctx := context.Background()
	run := must[Run](t)(s.StartRun(ctx, RunMeta{Device: "x", By: ana}))
	fb := frame.NewBuilder(1, 1, 0, []frame.Column{{Index: 4, Format: frame.F32}}, false)
	fb.Lose(2)
	fb.Add(0, nan, []float64{1})
	check(t, s.Frame("x", fb.AppendFrame(nil)))
	golden(t, "no_contract.csv", exportCSV(t, s, run.ID), run.ID)
}

// TestGoldenHostileText: what people type neither breaks the file nor becomes a
// formula in a spreadsheet.
func TestGoldenHostileText(t *testing.T) {
	s := open(t, Config{Clock: &handClock{}})
	ctx := context.Background()
	evil := `=HYPERLINK("http://x","y")`
	check(t, s.Contract("x", ContractInfo{Type: "-t,+1", Channels: []ChannelInfo{
		{ID: "=1+1", Unit: `m,"s"`, Label: edge.Text{"en": "a\nb"}},
		{ID: "word", Enum: map[int]string{0: evil, 1: "@SUM(A1)", 2: "a,b", 3: "-"}},
	}}))
	run := must[Run](t)(s.StartRun(ctx, RunMeta{Device: "x", Name: "a\r\n" + evil, Notes: "b;" + evil + ", =1\u2028+2", By: edge.SeatRef{Name: "," + evil}}))
	check(t, s.Annotate(ctx, run.ID, 0, "x,\t@a|-b", ana))
	fb := frame.NewBuilder(1, 1, 0, []frame.Column{{Index: 0, Format: frame.F32}, {Index: 1, Format: frame.Enum}}, false)
	for i := range 5 {
		fb.Add(0, nan, []float64{-1, float64(i)})
	}
	check(t, s.Frame("x", fb.AppendFrame(nil)))
	text := exportCSV(t, s, run.ID)
	golden(t, "hostile.csv", text, run.ID)
	for _, row := range rows(t, text) {
		for _, c := range row[3:] {
			if c != "" && strings.ContainsRune("=+@\t", rune(c[0])) || len(c) > 1 && c[0] == '-' && c != "-1" {
				t.Errorf("cell %q", c)
			}
		}
		if len(row) != 6 {
			t.Errorf("%d cells: %q", len(row), row)
		}
	}
}

func TestSeconds(t *testing.T) {
	for d, want := range map[time.Duration]string{0: "0", time.Second: "1", -1500 * time.Millisecond: "-1.5", 1: "0.000000001",
		time.Hour + 10*time.Microsecond: "3600.00001", -time.Nanosecond * 1e8: "-0.1"} {
		if got := string(appendSeconds(nil, d)); got != want {
			t.Errorf("%v: %s, want %s", int64(d), got, want)
		}
	}
}

func TestRunIDsSort(t *testing.T) {
	s := open(t, Config{})
	last := ""
	for i := range 1000 {
		wall := epochWall.Add(time.Duration(i/10) * time.Millisecond)
		if i > 500 {
			wall = epochWall.Add(-time.Hour) // a clock set back
		}
		s.mu.Lock()
		id := s.newID(wall)
		s.mu.Unlock()
		if id <= last || edge.CheckName(id) != nil || len(id) != 26 {
			t.Fatalf("%q after %q", id, last)
		}
		last = id
	}
}

// TestWindowCutsFrames: a run begins and ends inside frames, and samples that
// come after StopRun still belong to it when they were taken before.
func TestWindowCutsFrames(t *testing.T) {
	clock := &handClock{}
	s := open(t, Config{Clock: clock})
	ctx := context.Background()
	check(t, s.Contract("pendulum", info))
	fb := frame.NewBuilder(1, 1, 0, two, false)
	second := func(n int) { // one frame of ten samples
		for i := range 10 {
			fb.Add(time.Duration(n)*time.Second+time.Duration(i)*100*time.Millisecond, nan, []float64{float64(n*10 + i), 0})
		}
		check(t, s.Frame("pendulum", fb.AppendFrame(nil)))
	}
	second(0)
	clock.set(3 * time.Second)
	run := must[Run](t)(s.StartRun(ctx, RunMeta{Device: "pendulum", PreTrigger: 1500 * time.Millisecond}))
	second(1)
	second(2)
	clock.set(4450 * time.Millisecond)
	second(3)
	run = must[Run](t)(s.StopRun(ctx, run.ID, ana))
	if run.Samples != 25 {
		t.Errorf("%d samples at the stop", run.Samples)
	}
	second(4)
	second(5)
	check(t, s.Sync(ctx))
	got := rows(t, exportCSV(t, s, run.ID))[1:]
	if len(got) != 30 || got[0][1] != "-1.5" || got[29][1] != "1.4" {
		t.Errorf("%d rows, %v to %v", len(got), got[0], got[len(got)-1])
	}
	run = must[Run](t)(s.Run(ctx, run.ID))
	frames := 0
	check(t, s.Frames(ctx, run.ID, func([]byte) error { frames++; return nil }))
	if run.Samples != 30 || run.Gaps != 0 || frames != 4 || run.LengthMS != 1450 {
		t.Errorf("%+v, %d frames", run, frames)
	}
	runs := must[[]Run](t)(s.Runs(ctx, "pendulum"))
	if none := must[[]Run](t)(s.Runs(ctx, "rotor")); len(runs) != 1 || len(none) != 0 {
		t.Errorf("%d runs, %d of another device", len(runs), len(none))
	}
}
