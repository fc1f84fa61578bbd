package metrics_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"go.uber.org/goleak"

	"labbox/edge"
	"labbox/edge/frame"
	"labbox/edge/metrics"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clock is set by the test.
type clock struct {
	now    atomic.Int64
	fences uint64 // granted so far
}

func (c *clock) Mono() time.Duration    { return time.Duration(c.now.Load()) }
func (c *clock) Wall() time.Time        { return time.Unix(1e9, 0) }
func (c *clock) set(at time.Duration)   { c.now.Store(int64(at)) }
func (c *clock) add(more time.Duration) { c.now.Add(int64(more)) }

func newMetrics(t testing.TB) (*metrics.Metrics, *clock) {
	t.Helper()
	c := &clock{}
	return metrics.New("bench", "v1", c), c
}

// frameOf is a frame of n samples, one per ms from t0, with lost missing before.
func frameOf(t0 time.Duration, n int, lost uint32) []byte {
	b := frame.NewBuilder(1, 1, 0, []frame.Column{{Format: frame.F32}}, false)
	if lost > 0 {
		b.Lose(lost)
	}
	for i := range n {
		b.Add(t0+time.Duration(i)*time.Millisecond, 0, []float64{1})
	}
	return b.AppendFrame(nil)
}

// full is a Metrics with everything in it that a box has, after some traffic of
// every kind: each metric has a value.
func full(t testing.TB) (*metrics.Metrics, *clock) {
	t.Helper()
	m, c := newMetrics(t)
	s := m.Sink()
	s.Stream("pendulum", 1, &edge.Contract{})
	f := frameOf(time.Second, 10, 3)
	s.Frame("pendulum", f)
	s.Frame("pendulum", frameOf(2*time.Second, 5, frame.LostUnknown))
	s.Frame("pendulum", []byte("nothing"))
	s.Event("pendulum", &edge.Event{Code: "gap"})
	s.Event("pendulum", &edge.Event{Code: "made up"})
	c.set(2500 * time.Millisecond)
	m.Devices(func() []edge.Status {
		return []edge.Status{{Device: "pendulum", State: edge.StateLive, Safe: edge.SafeUnconfirmed, Run: "r1",
			Stopped: &edge.Stop{}, Lease: &edge.LeaseInfo{Away: true},
			Counts: edge.StatusCount{Garbage: 4, Reconnects: 2, Commands: 9, Refused: 1}}}
	})
	m.Panels(func() int { return 31 })
	m.Experiments(func() map[string]int { return map[string]int{"pendulum": 4, "Not A Device": 2} })
	m.Ready(func(context.Context) []edge.Error { return []edge.Error{{Code: edge.CodeStoreFull}, {Code: "made up"}} })
	m.DataDir(t.TempDir())
	m.Cameras(func() []metrics.Camera {
		return []metrics.Camera{{Camera: edge.Camera{ID: "bench", State: edge.CameraLive, RateHz: 14.5, Runs: []string{"r1"},
			Viewers: []edge.SeatRef{{ID: "secret-seat", Name: "secret-name"}, {ID: "s2"}}}, Pictures: 150, Skipped: 149, Bad: 2, Opened: 3}}
	})

	fb := &fakeBus{dropped: 6}
	b := m.Bus(fb)
	ctx := t.Context()
	_ = b.Publish(ctx, edge.Subject("bench", "pendulum", edge.KindLive), f)
	sub, _ := b.Subscribe("lab.*.*.state", func(edge.Msg) {})
	fb.live(edge.Msg{Subject: "lab.bench.pendulum.state"})
	_, _ = b.Request(ctx, edge.Subject("bench", "pendulum", edge.KindDo), nil)
	fb.err = edge.Errorf(edge.CodeBusDown, "away")
	_ = b.Publish(ctx, edge.Subject("bench", "pendulum", edge.KindLive), f)
	_ = b.Enqueue(ctx, "work", "1", nil)
	fb.err = nil
	_ = b.Declare(ctx, edge.Queue{Name: "work"})
	_ = b.Enqueue(ctx, "work", "1", nil)
	fail := true
	_, _ = b.Consume("work", func(context.Context, edge.Job) error {
		defer func() { fail = false }()
		if fail {
			return errors.New("once")
		}
		return nil
	})
	_ = fb.job(ctx, edge.Job{ID: "1", Try: 1})
	_ = fb.job(ctx, edge.Job{ID: "1", Try: 2})
	_ = sub.Close()

	fk := &fakeKV{}
	kv := m.KV(fk)
	_, _, _ = kv.Get(ctx, "a")
	fk.err = edge.Errorf(edge.CodeStoreDown, "away")
	_ = kv.Set(ctx, "a", nil, 0)
	fk.err = nil

	ask(m, c, "pendulum", edge.VerbCommand, "ana", edge.OutcomeConfirmed, nil, 30*time.Millisecond)
	ask(m, c, "pendulum", edge.VerbTake, "ben", "", edge.Errorf(edge.CodeLeaseTaken, "taken"), 0)
	c.add(40 * time.Second)
	ask(m, c, "pendulum", edge.VerbTake, "ben", "", nil, 0)
	c.set(2500 * time.Millisecond)
	return m, c
}

// ask lets a request take some time.
func ask(m *metrics.Metrics, c *clock, device string, verb edge.Verb, seat, outcome string, err error, took time.Duration) {
	do := m.Do(func(context.Context, *edge.Ask) (*edge.Answer, error) {
		c.add(took)
		if err != nil {
			return nil, err
		}
		c.fences++
		return &edge.Answer{Lease: &edge.LeaseInfo{Fence: c.fences}, Result: &edge.CommandResult{Outcome: outcome}}, nil
	})
	_, _ = do(context.Background(), &edge.Ask{Verb: verb, Device: device, Actor: edge.Actor{Seat: seat}})
}

func scrape(t testing.TB, m *metrics.Metrics) string {
	t.Helper()
	srv := httptest.NewServer(m.Handler())
	defer srv.Close()
	res, err := http.Get(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != 200 {
		t.Fatal(res.Status, err, string(b))
	}
	http.DefaultClient.CloseIdleConnections()
	return string(b)
}

func TestValues(t *testing.T) {
	m, _ := full(t)
	wantLines(t, m,
		`labbox_device_samples_total{box="bench",device="pendulum"} 15`,
		`labbox_device_gaps_total{box="bench",device="pendulum"} 2`,
		`labbox_device_lost_samples_total{box="bench",device="pendulum"} 3`,
		`labbox_device_broken_frames_total{box="bench",device="pendulum"} 1`,
		`labbox_device_sample_age_seconds{box="bench",device="pendulum"} 0.496`,
		`labbox_device_events_total{box="bench",code="gap",device="pendulum"} 1`,
		`labbox_device_events_total{box="bench",code="other",device="pendulum"} 1`,
		`labbox_device_state{box="bench",device="pendulum",state="live"} 1`,
		`labbox_device_state{box="bench",device="pendulum",state="stale"} 0`,
		`labbox_device_stopped{box="bench",device="pendulum"} 1`,
		`labbox_device_driven{box="bench",device="pendulum"} 1`,
		`labbox_device_driver_away{box="bench",device="pendulum"} 1`,
		`labbox_device_safe_unconfirmed{box="bench",device="pendulum"} 1`,
		`labbox_device_recording{box="bench",device="pendulum"} 1`,
		`labbox_device_garbage_total{box="bench",device="pendulum"} 4`,
		`labbox_device_reconnects_total{box="bench",device="pendulum"} 2`,
		`labbox_device_commands_total{box="bench",device="pendulum"} 9`,
		`labbox_device_refused_total{box="bench",device="pendulum"} 1`,
		`labbox_camera_state{box="bench",camera="bench",state="live"} 1`,
		`labbox_camera_state{box="bench",camera="bench",state="covered"} 0`,
		`labbox_camera_rate_hz{box="bench",camera="bench"} 14.5`,
		`labbox_camera_viewers{box="bench",camera="bench"} 2`,
		`labbox_camera_recording{box="bench",camera="bench"} 1`,
		`labbox_camera_pictures_total{box="bench",camera="bench",result="skipped"} 149`,
		`labbox_camera_opened_total{box="bench",camera="bench"} 3`,
		`labbox_panels{box="bench"} 31`,
		`labbox_experiments_waiting{box="bench",device="pendulum"} 4`,
		`labbox_experiments_waiting{box="bench",device="other"} 2`,
		`labbox_ready{box="bench"} 0`,
		`labbox_not_ready_reasons{box="bench",code="store_full"} 1`,
		`labbox_not_ready_reasons{box="bench",code="other"} 1`,
		`labbox_bus_published_total{box="bench",kind="live"} 1`,
		`labbox_bus_received_total{box="bench",kind="state"} 1`,
		`labbox_bus_publish_errors_total{box="bench",code="bus_down",kind="live"} 1`,
		`labbox_bus_request_seconds_count{box="bench",code="ok",kind="do"} 1`,
		`labbox_bus_confirm_seconds_count{box="bench",queue="work"} 1`,
		`labbox_bus_confirm_errors_total{box="bench",code="bus_down",queue="other"} 1`,
		`labbox_bus_jobs_total{box="bench",queue="work",result="again"} 1`,
		`labbox_bus_jobs_total{box="bench",queue="work",result="done"} 1`,
		`labbox_bus_redeliveries_total{box="bench",queue="work"} 1`,
		`labbox_bus_dropped_total{box="bench"} 6`,
		`labbox_bus_up{box="bench"} 1`,
		`labbox_bus_reconnects_total{box="bench"} 1`,
		`labbox_kv_operation_seconds_count{box="bench",method="get"} 1`,
		`labbox_kv_errors_total{box="bench",code="store_down",method="set"} 1`,
		`labbox_kv_up{box="bench"} 1`,
		`labbox_kv_reconnects_total{box="bench"} 1`,
		`labbox_asks_total{box="bench",code="ok",device="pendulum",verb="cmd"} 1`,
		`labbox_asks_total{box="bench",code="lease_taken",device="pendulum",verb="take"} 1`,
		`labbox_command_duration_seconds_bucket{box="bench",device="pendulum",outcome="confirmed",le="0.025"} 0`,
		`labbox_command_duration_seconds_bucket{box="bench",device="pendulum",outcome="confirmed",le="0.05"} 1`,
		`labbox_lease_wait_seconds_count{box="bench",device="pendulum"} 1`,
		`labbox_lease_wait_seconds_sum{box="bench",device="pendulum"} 40`,
	)
	text := scrape(t, m)
	if !strings.Contains(text, `labbox_data_free_bytes{box="bench"} `) || strings.Contains(text, `labbox_data_free_bytes{box="bench"} -1`) {
		t.Error("free space is not told")
	}
	for _, name := range []string{"go_goroutines", "process_resident_memory_bytes", "labbox_build_info"} {
		if !strings.Contains(text, "\n"+name) {
			t.Errorf("no %s", name)
		}
	}
}

// wantLines scrapes m and looks for whole lines.
func wantLines(t *testing.T, m *metrics.Metrics, want ...string) {
	t.Helper()
	text := scrape(t, m)
	for _, w := range want {
		if !strings.Contains(text, w+"\n") {
			name, _, _ := strings.Cut(w, "{")
			t.Errorf("no %s in\n%s", w, grep(text, name+"{"))
		}
	}
}

func grep(text, start string) string {
	var out []string
	for l := range strings.Lines(text) {
		if strings.HasPrefix(l, start) {
			out = append(out, l)
		}
	}
	return strings.Join(out, "")
}

func TestLintClean(t *testing.T) {
	m, _ := full(t)
	problems, err := testutil.GatherAndLint(m.Gatherer())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	// The linter itself must see what is wrong.
	bad, _ := promlint.New(strings.NewReader("# HELP x_total x\n# TYPE x_total gauge\nx_total 1\n")).Lint()
	if len(bad) == 0 {
		t.Error("the linter sees nothing")
	}
}

// A renewal by the holder is no wait; a seat that comes back after hours has not
// waited all the time.
func TestLeaseWaits(t *testing.T) {
	m, c := newMetrics(t)
	m.Status(edge.Status{Device: "pendulum"})
	same := m.Do(func(context.Context, *edge.Ask) (*edge.Answer, error) {
		return &edge.Answer{Lease: &edge.LeaseInfo{Fence: 1 << 40}}, nil
	})
	for range 3 {
		_, _ = same(t.Context(), &edge.Ask{Verb: edge.VerbTake, Device: "pendulum", Actor: edge.Actor{Seat: "ana"}})
	}
	ask(m, c, "pendulum", edge.VerbTake, "ben", "", edge.Errorf(edge.CodeLeaseTaken, "taken"), 0)
	c.add(2 * time.Hour)
	ask(m, c, "pendulum", edge.VerbTake, "ben", "", nil, 0)
	wantLines(t, m, `labbox_lease_wait_seconds_count{box="bench",device="pendulum"} 2`,
		`labbox_lease_wait_seconds_sum{box="bench",device="pendulum"} 0`)
}
