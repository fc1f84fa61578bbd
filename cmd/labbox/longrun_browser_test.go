package main

import (
	"encoding/json"
	"fmt"
	"math"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"labbox/edge"
	"labbox/edge/datadir"
	"labbox/edge/frame"
	"labbox/edge/record"
)

type longClock struct{ mono atomic.Int64 }

func (c *longClock) Mono() time.Duration { return time.Duration(c.mono.Load()) }
func (c *longClock) Wall() time.Time     { return time.Now().Add(c.Mono() - time.Hour) }

// longRun writes five minutes of a pendulum at 100 Hz into the data of a box that is
// stopped: its angle is 0, but for one sample in ten, which is 90.
func longRun(t *testing.T, data string, like edge.RunDetail) (id string) {
	t.Helper()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	dir, err := datadir.Open(data)
	check(err)
	clock := &longClock{}
	clock.mono.Store(int64(time.Second))
	s, err := record.Open(t.Context(), record.Config{Dir: dir.Sub("record"), Box: "demo", Clock: clock})
	check(err)
	info := record.ContractInfo{Hash: like.Run.Contract, Type: like.Run.Type, JSON: like.Contract, Channels: []record.ChannelInfo{{ID: "angle"}}}
	check(s.Contract("pendulum", info))
	run, err := s.StartRun(t.Context(), record.RunMeta{Device: "pendulum", Name: "long", By: like.Run.By})
	check(err)
	fb := frame.NewBuilder(1, 1, 0, []frame.Column{{Index: 0, Format: frame.F32}}, false)
	for n := range 30_000 {
		v := 0.0
		if n%10 == 5 {
			v = 90
		}
		clock.mono.Store(int64(time.Second + time.Duration(n)*10*time.Millisecond))
		fb.Add(clock.Mono(), math.NaN(), []float64{v})
		if n%50 == 49 {
			check(s.Frame("pendulum", fb.AppendFrame(nil)))
		}
	}
	_, err = s.StopRun(t.Context(), run.ID, edge.SeatRef{})
	check(err)
	check(s.Close())
	check(dir.Close())
	return run.ID
}

// Beside the picture of a moment stands the value of that moment, also in a run so
// long that its plot is thinned out to the extremes; and the plot says the same.
func TestLongRunHasItsValues(t *testing.T) {
	web := openBrowser(t)
	data := t.TempDir()
	b := startBox(t, data, "")
	b.until("pendulum", "live", isLive)
	teacher := b.seat("Ms Roy")
	p := dialPanel(t, b.url, teacher)
	var started struct{ Run edge.Run }
	if err := json.Unmarshal(p.ok(map[string]any{"op": "run.start", "device": "pendulum"}), &started); err != nil {
		t.Fatal(err)
	}
	p.ok(map[string]any{"op": "run.stop", "device": "pendulum", "run": started.Run.ID})
	var like edge.RunDetail
	if err := json.Unmarshal(b.call(teacher, "GET", "runs/"+started.Run.ID+"/detail", ""), &like); err != nil {
		t.Fatal(err)
	}
	if err := b.stop(); err != nil {
		t.Fatal(err)
	}
	id := longRun(t, data, like)

	tb := web.tab(startBox(t, data, ""), phone)
	tb.open(pendulumPage)
	tb.join("Ms Frizzle")
	tb.open("/run/" + id)
	const scrub, legend = `document.querySelector('.scrub .values strong').textContent`, `document.querySelector('.run .legend').textContent`
	tb.until("the first value", scrub+` === '0.0 °'`)
	tb.do(chromedp.Focus(".scrub input[type=range]"))
	for i := range 4 {
		tb.do(chromedp.KeyEvent(kb.PageUp))
		tb.until("the time", fmt.Sprintf(`document.querySelector('.scrub .time').textContent === '%d.00 s'`, 10*(i+1)))
		tb.until("its value, which is no extreme", scrub+` === '0.0 °'`)
	}
	tb.until("the same in the plot", legend+`.includes('0.0')`)
	js[chromedp.Void](tb, `(() => {
		const bar = document.querySelector('.scrub input[type=range]');
		bar.value = 40054;
		bar.dispatchEvent(new Event('input', { bubbles: true }));
	})()`)
	tb.until("the value of the one in ten", `/^[1-9]/.test(`+scrub+`)`)
	tb.until("the same in the plot", legend+`.includes(`+scrub+`.split(' ')[0])`)
}
