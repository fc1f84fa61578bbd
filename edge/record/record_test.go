package record

import (
	"bytes"
	"context"
	"encoding/csv"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"labbox/edge"
	"labbox/edge/frame"
)

func TestMain(m *testing.M) {
	if childMain() || picturesChild() {
		return
	}
	goleak.VerifyTestMain(m)
}

// handClock is moved by hand.
type handClock struct {
	mu   sync.Mutex
	mono time.Duration
}

var epochWall = time.Date(2026, 3, 14, 9, 0, 0, 0, time.UTC)

func (c *handClock) Mono() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mono
}
func (c *handClock) Wall() time.Time { return epochWall.Add(c.Mono()) }
func (c *handClock) set(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mono = d
}

var (
	nan  = math.NaN()
	ana  = edge.SeatRef{ID: "s1", Name: "Ana"}
	two  = []frame.Column{{Index: 0, Format: frame.F32}, {Index: 1, Format: frame.F64}}
	info = ContractInfo{Hash: "0123", Type: "pendulum", JSON: []byte(`{"type":"pendulum"}`), Channels: []ChannelInfo{
		{ID: "angle", Unit: "deg", Label: edge.Text{"en": "Angle"}, Scale: 1},
		{ID: "power", Unit: "W", Label: edge.Text{"en": "Power"}, Scale: 1},
	}}
)

func open(t testing.TB, cfg Config) *Store {
	t.Helper()
	if cfg.Dir == "" {
		cfg.Dir = t.TempDir()
	}
	cfg.Box = "bench"
	s, err := Open(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func must[T any](t testing.TB) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func exportCSV(t testing.TB, s *Store, id string) string {
	t.Helper()
	var b bytes.Buffer
	check(t, s.ExportCSV(context.Background(), id, &b, CSVOptions{Lang: "en"}))
	return b.String()
}

// rows parses an export: the header row and the rows below it.
func rows(t testing.TB, text string) [][]string {
	t.Helper()
	r := csv.NewReader(strings.NewReader(text))
	r.Comment = '#'
	all, err := r.ReadAll()
	check(t, err)
	return all
}

// TestExportIsWhatWentIn: every sample of the window and every gap comes out,
// in order, over segment changes, restarts and new epochs.
func TestExportIsWhatWentIn(t *testing.T) {
	for seed := range uint64(25) {
		r := rand.New(rand.NewPCG(seed, 3))
		clock := &handClock{}
		cfg := Config{Dir: t.TempDir(), Clock: clock, SegmentBytes: 2000, Continue: true}
		s := open(t, cfg)
		check(t, s.Contract("pendulum", info))
		fb := frame.NewBuilder(1, 1, 0, two, true)
		var want []string
		var seq, epoch uint64 = 0, 1
		var lost int
		unknown, moved := false, ""
		run := must[Run](t)(s.StartRun(context.Background(), RunMeta{Device: "pendulum", By: ana}))
		at := time.Duration(0)
		send := func() { check(t, s.Frame("pendulum", fb.AppendFrame(nil))) }
		for range 400 {
			switch r.IntN(60) {
			case 0:
				n := 1 + r.IntN(4)
				fb.Lose(uint32(n))
				lost, seq = lost+n, seq+uint64(n)
			case 1:
				fb.Lose(frame.LostUnknown)
				unknown = true
			case 2:
				epoch++
				fb.Restart(uint32(epoch), two, true)
				seq, moved = 0, "epoch"
			case 3:
				check(t, s.Event("pendulum", []byte(`{"code":"note"}`), at))
			case 4, 5, 6, 7, 8, 9:
				send()
			case 10:
				if r.IntN(3) > 0 {
					continue
				}
				send()
				check(t, s.Close())
				s = open(t, cfg)
				check(t, s.Contract("pendulum", info))
				moved = "restart"
			default:
				at += time.Duration(1+r.IntN(5000)) * time.Microsecond
				clock.set(at)
				x, y := float64(float32(r.NormFloat64())), r.NormFloat64()
				if r.IntN(10) == 0 {
					x = nan
				}
				dev := float64(r.IntN(1e9))
				fb.Add(at, dev, []float64{x, y})
				if unknown || lost > 0 || moved != "" {
					gap, why := strconv.Itoa(lost), "lost"
					if unknown || moved == "restart" && lost == 0 {
						gap = "unknown"
					}
					if moved != "" {
						why = moved
					}
					if len(want) > 0 || gap != "0" {
						want = append(want, ",,,,,"+gap+" "+why)
					}
					lost, unknown, moved = 0, false, ""
				}
				xs := ""
				if x == x {
					xs = strconv.FormatFloat(x, 'f', -1, 32)
				}
				if a := math.Abs(x); a < 1e-6 {
					xs = strconv.FormatFloat(x, 'g', -1, 32)
				}
				want = append(want, strings.Join([]string{strconv.FormatUint(seq, 10), string(appendSeconds(nil, at)),
					string(appendNumber(nil, dev/1e6, 64)), xs, strconv.FormatFloat(y, 'f', -1, 64), ""}, ","))
				seq++
			}
		}
		send()
		run = must[Run](t)(s.StopRun(context.Background(), run.ID, ana))
		var got []string
		samples := 0
		for _, row := range rows(t, exportCSV(t, s, run.ID))[1:] {
			got = append(got, strings.Join(row, ","))
			if row[0] != "" {
				samples++
			}
		}
		for i := range max(len(got), len(want)) {
			if i >= len(got) || i >= len(want) || !sameRow(got[i], want[i]) {
				t.Fatalf("seed %d: row %d of %d/%d:\n got %v\nwant %v", seed, i, len(got), len(want), pick(got, i), pick(want, i))
			}
		}
		if run.Samples != uint64(samples) || run.Gaps != len(got)-samples {
			t.Fatalf("seed %d: run says %d samples, %d gaps; csv has %d, %d", seed, run.Samples, run.Gaps, samples, len(got)-samples)
		}
		check(t, s.Close())
	}
}

// sameRow compares two rows; box times may differ by 1 us.
func sameRow(a, b string) bool {
	x, y := strings.Split(a, ","), strings.Split(b, ",")
	if len(x) != len(y) || len(x) < 2 {
		return false
	}
	p, errP := strconv.ParseFloat(x[1], 64)
	q, errQ := strconv.ParseFloat(y[1], 64)
	if errP == nil && errQ == nil && math.Abs(p-q) <= 2e-6 {
		x[1] = y[1]
	}
	return strings.Join(x, ",") == strings.Join(y, ",")
}

func pick(s []string, i int) string {
	if i < len(s) {
		return s[i]
	}
	return "(none)"
}
