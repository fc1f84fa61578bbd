package record

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"labbox/edge"
	"labbox/edge/frame"
)

func TestDetail(t *testing.T) {
	clock := &handClock{mono: 100 * time.Second}
	cfg := Config{Dir: t.TempDir(), Clock: clock, KeepFor: time.Hour}
	s := open(t, cfg)
	ctx := context.Background()
	event := func(at time.Duration, code string) {
		t.Helper()
		check(t, s.Event("pendulum", fmt.Appendf(nil, `{"code":%q}`, code), at))
	}
	check(t, s.Contract("pendulum", info))
	fb := frame.NewBuilder(1, 1, 0, two, false)
	event(94*time.Second, "before")
	event(96*time.Second, "early")
	for i := range 10 {
		fb.Add(96500*time.Millisecond+time.Duration(i)*300*time.Millisecond, nan, []float64{float64(i), 0})
		check(t, s.Frame("pendulum", fb.AppendFrame(nil)))
	}
	run := must[Run](t)(s.StartRun(ctx, RunMeta{Device: "pendulum", Name: "drop", By: ana, PreTrigger: 5 * time.Second}))
	d := must[edge.RunDetail](t)(s.Detail(ctx, run.ID))
	if d.Run.ID != run.ID || d.Run.State != StateRecording || d.PreTriggerMS != 5000 || d.FirstMS != -3500 || len(d.Events) != 1 || d.Events[0].TimeMS != -4000 ||
		string(d.Contract) != `{"type":"pendulum"}` || d.Annotations == nil || d.Pictures == nil || d.EventsCut {
		t.Errorf("while it records: %+v", d)
	}
	newer := info
	newer.Hash, newer.JSON = "4567", []byte(`{"type":"pendulum","hash":"4567"}`)
	check(t, s.Contract("pendulum", newer))
	clock.set(103 * time.Second)
	event(clock.Mono(), "late")
	check(t, s.Annotate(ctx, run.ID, clock.Mono(), "here", ana))
	check(t, s.AddPicture(ctx, run.ID, door, clock.Mono(), jpegOf(1, 100), 0))
	must[Run](t)(s.StopRun(ctx, run.ID, ana))
	clock.set(104 * time.Second)
	event(clock.Mono(), "after")
	for range 2 { // the same after a restart
		d = must[edge.RunDetail](t)(s.Detail(ctx, run.ID))
		var codes []string
		for _, e := range d.Events {
			var x edge.Event
			check(t, json.Unmarshal(e.Event, &x))
			codes = append(codes, fmt.Sprint(x.Code, " ", e.TimeMS))
		}
		if !slices.Equal(codes, []string{"early -4000", "late 3000"}) || d.EventsCut || string(d.Contract) != string(newer.JSON) ||
			len(d.Annotations) != 1 || d.Annotations[0] != (edge.RunNote{TimeMS: 3000, Text: "here", By: ana}) ||
			len(d.Pictures) != 1 || d.Pictures[0].Camera != "door" || !slices.Equal(d.Pictures[0].TimesMS, []int64{3000}) || d.FirstMS != -3500 {
			t.Errorf("%q, %+v", codes, d)
		}
		check(t, s.Close())
		s = open(t, cfg)
	}
	if _, err := s.Detail(ctx, "nope"); edge.CodeOf(err) != edge.CodeUnknownRun {
		t.Error(err)
	}
}

// A run of a device that says nothing yet has the contract that holds now.
func TestDetailOfNothing(t *testing.T) {
	s := open(t, Config{Clock: &handClock{mono: time.Minute}})
	check(t, s.Contract("pendulum", info))
	run := must[Run](t)(s.StartRun(context.Background(), RunMeta{Device: "pendulum", PreTrigger: time.Hour}))
	d := must[edge.RunDetail](t)(s.Detail(context.Background(), run.ID))
	b := string(must[[]byte](t)(json.Marshal(d)))
	if string(d.Contract) != string(info.JSON) || d.PreTriggerMS != 60_000 || !strings.Contains(b, `"annotations":[],"events":[],"pictures":[]`) {
		t.Errorf("%s", b)
	}
}

func TestDetailCutsEvents(t *testing.T) {
	for size, want := range map[int]int{10: maxEvents, 100_000: maxEventsBytes / 100_000} {
		s := open(t, Config{Clock: &handClock{}, BufferBytes: 1 << 30})
		run := must[Run](t)(s.StartRun(context.Background(), RunMeta{Device: "pendulum"}))
		b := []byte(`"` + strings.Repeat("x", size-2) + `"`)
		for range want {
			check(t, s.Event("pendulum", b, 0))
		}
		d := must[edge.RunDetail](t)(s.Detail(context.Background(), run.ID))
		if len(d.Events) != want || d.EventsCut {
			t.Errorf("%d events of %d bytes, cut %v", len(d.Events), size, d.EventsCut)
		}
		check(t, s.Event("pendulum", b, 0))
		d = must[edge.RunDetail](t)(s.Detail(context.Background(), run.ID))
		if len(d.Events) != want || !d.EventsCut {
			t.Errorf("%d events of %d bytes and one more, cut %v", len(d.Events), size, d.EventsCut)
		}
	}
}

// framesOf returns what FramesOf gives, as it is and as views.
func framesOf(t *testing.T, s *Store, id string, ask edge.FramesAsk) (raw [][]byte, views []frame.View) {
	t.Helper()
	check(t, s.FramesOf(context.Background(), id, ask, func(b []byte) error {
		b = bytes.Clone(b)
		v, rest, err := frame.Parse(b)
		if err != nil || len(rest) > 0 {
			t.Fatalf("no single frame: %v", err)
		}
		raw, views = append(raw, b), append(views, v)
		return nil
	}))
	return raw, views
}

// A part of a run is what one would pick from all of it.
func TestFramesOfAPart(t *testing.T) {
	clock := &handClock{mono: 10 * time.Second}
	s := open(t, Config{Clock: clock, SegmentBytes: 3000})
	check(t, s.Contract("pendulum", info))
	r := rand.New(rand.NewPCG(1, 2))
	fb := frame.NewBuilder(1, 1, 0, two, false)
	feed := func(n int) {
		for range n {
			clock.set(clock.Mono() + time.Duration(1+r.IntN(20))*time.Millisecond)
			fb.Add(clock.Mono(), nan, []float64{r.NormFloat64(), clock.Mono().Seconds()})
			switch r.IntN(20) {
			case 0:
				fb.Lose(3)
			case 1, 2, 3:
				check(t, s.Frame("pendulum", fb.AppendFrame(nil)))
			}
		}
		if b := fb.AppendFrame(nil); len(b) > 0 {
			check(t, s.Frame("pendulum", b))
		}
		check(t, s.Sync(context.Background())) // segments get their size
	}
	for range 5 {
		feed(100)
	}
	zero := clock.Mono()
	run := must[Run](t)(s.StartRun(context.Background(), RunMeta{Device: "pendulum", PreTrigger: 2 * time.Second}))
	for range 10 {
		feed(100)
	}
	must[Run](t)(s.StopRun(context.Background(), run.ID, ana))
	for i, seg := range s.tracks["pendulum"].segments { // what is lost between two segments
		if !seg.active && i%2 == 0 {
			recs, whole := recordsOf(t, seg.path)
			whole[recs[len(recs)-2].off+headSize] ^= 1
			check(t, os.WriteFile(seg.path, whole, 0o600))
		}
	}
	all, views := framesOf(t, s, run.ID, edge.FramesAsk{})
	end := views[len(views)-1].BoxTime(views[len(views)-1].Header().Samples - 1)
	if len(s.tracks["pendulum"].segments) < 5 || len(all) < 50 || end-zero < 5*time.Second {
		t.Fatalf("%d segments, %d frames, %v", len(s.tracks["pendulum"].segments), len(all), end-zero)
	}
	for n := range 1000 {
		ask := edge.FramesAsk{From: time.Duration(r.IntN(14000)) * time.Millisecond, FromStart: n%2 == 0}
		from := views[0].BoxTime(0) + ask.From
		if ask.FromStart {
			ask.From -= 3 * time.Second
			from = zero + ask.From
		}
		to := end + time.Hour
		if n%3 > 0 {
			ask.Length = time.Duration(1 + r.IntN(int(3*time.Second)))
			to = from + ask.Length
		}
		var want [][]byte
		for i, v := range views {
			if v.BoxTime(v.Header().Samples-1) >= from && v.BoxTime(0) <= to {
				want = append(want, all[i])
			}
		}
		got, _ := framesOf(t, s, run.ID, ask)
		if !slices.EqualFunc(got, want, bytes.Equal) {
			t.Fatalf("%+v: %d frames, want %d", ask, len(got), len(want))
		}
		ask.MaxHz = 0.1 + 20*r.Float64()
		checkBuckets(t, s, run.ID, ask, want)
	}
	stop := errors.New("stop")
	if err := s.FramesOf(context.Background(), run.ID, edge.FramesAsk{MaxHz: 1}, func([]byte) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("the caller's own end: %v", err)
	}
}

// checkBuckets: all samples are covered, no peak is lost, no more buckets than asked.
func checkBuckets(t *testing.T, s *Store, id string, ask edge.FramesAsk, samples [][]byte) {
	t.Helper()
	var lost, covered, wantLost, n uint64
	var low, high, wantLow, wantHigh float64
	values := func(v frame.View, low, high *float64) {
		for i := range v.Header().Samples {
			*low, *high = min(*low, v.Value(0, i)), max(*high, v.Value(0, i))
		}
	}
	buckets, parts := 0, 0
	_, views := framesOf(t, s, id, ask)
	for i, v := range views {
		h := v.Header()
		if !h.MinMax() {
			t.Fatal("no min/max view")
		}
		if i > 0 {
			lost += uint64(h.Lost)
		}
		if h.Lost > 0 || i == 0 {
			parts++
		}
		covered += h.Next - h.Seq
		buckets += h.Samples / 2
		values(v, &low, &high)
	}
	for i, b := range samples {
		v, _, err := frame.Parse(b)
		check(t, err)
		if i > 0 {
			wantLost += uint64(v.Header().Lost)
		}
		n += uint64(v.Header().Samples)
		values(v, &wantLow, &wantHigh)
	}
	if lost != wantLost || covered != n || low != wantLow || high != wantHigh {
		t.Fatalf("%+v: lost %d of %d, %d of %d samples, %g to %g, want %g to %g", ask, lost, wantLost, covered, n, low, high, wantLow, wantHigh)
	}
	if len(views) == 0 {
		return
	}
	last := views[len(views)-1]
	span := last.BoxTime(last.Header().Samples-1) - views[0].BoxTime(0)
	if most := int(span.Seconds()*ask.MaxHz) + 2 + parts; buckets > most {
		t.Fatalf("%+v: %d buckets in %v, want %d at most", ask, buckets, span, most)
	}
}
