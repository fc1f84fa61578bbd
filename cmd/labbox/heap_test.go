package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/heapprofiler"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// heap is what the page holds after garbage collection, in bytes: JavaScript
// objects, and the typed arrays that lie outside of them.
func (tb *tab) heap() (objects, arrays float64) {
	tb.t.Helper()
	tb.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		for range 3 { // what the first round lets go of, the next ones find
			if _, err := cdp.Call(ctx, t, heapprofiler.CollectGarbage, cdp.Empty{}); err != nil {
				return err
			}
		}
		use, err := cdp.Call(ctx, t, runtime.GetHeapUsage, cdp.Empty{})
		objects, arrays = use.UsedSize, use.BackingStorageSize
		return err
	}))
	return objects, arrays
}

// pass waits on the page's own clock.
func (tb *tab) pass(d time.Duration) {
	tb.t.Helper()
	until := js[float64](tb, `performance.now()`) + float64(d.Milliseconds())
	for js[float64](tb, `performance.now()`) < until {
		time.Sleep(min(d, time.Second))
	}
}

// A page that draws 1 kHz x 4 channels needs no more memory at the end than at the
// beginning. 20 s, or 10 minutes with LABBOX_LONG=1.
func TestHeapIsFlat(t *testing.T) {
	web := openBrowser(t)
	file, err := filepath.Abs("testdata/box/fast.yaml")
	if err != nil {
		t.Fatal(err)
	}
	b := startBox(t, t.TempDir(), fmt.Sprintf("schema: 1\nbox: bench\ndevices:\n  - {id: fast, type: %q, port: {sim: true}}\n", file))
	b.until("fast", "live", isLive)
	long := 20 * time.Second
	if os.Getenv("LABBOX_LONG") == "1" {
		long = 10 * time.Minute
	}
	tb := web.tab(b, desktop)
	bytes := 0.0
	if err := chromedp.Listen(tb.ctx, func(ev any) {
		if f, ok := ev.(*network.EventWebSocketFrameReceived); ok && f.Response.Opcode == 2 {
			tb.mu.Lock()
			bytes += float64(len(f.Response.PayloadData))
			tb.mu.Unlock()
		}
	}); err != nil {
		t.Fatal(err)
	}
	received := func() float64 {
		tb.mu.Lock()
		defer tb.mu.Unlock()
		return bytes
	}
	tb.open("/d/fast")
	tb.until("plots with traces", `globalThis.strokes > 30`)
	tb.pass(10 * time.Second) // warm-up
	objects0, arrays0 := tb.heap()
	got, strokes := received(), js[float64](tb, `globalThis.strokes`)
	first := b.status("fast").Counts.Samples
	for passed := time.Duration(0); passed < long; passed += min(long, time.Minute) {
		tb.pass(min(long, time.Minute))
		o, a := tb.heap()
		t.Logf("objects %.2f MB, arrays %.2f MB", o/1e6, a/1e6)
	}
	objects1, arrays1 := tb.heap()
	samples := float64(b.status("fast").Counts.Samples - first)
	perSample := (received() - got) / samples
	t.Logf("%v at 1 kHz x 4: objects %.2f -> %.2f MB, arrays %.2f -> %.2f MB; %.0f samples, %.1f bytes each, %.0f traces drawn", long,
		objects0/1e6, objects1/1e6, arrays0/1e6, arrays1/1e6, samples, perSample, js[float64](tb, `globalThis.strokes`)-strokes)
	// A busy machine under the race detector simulates less than 1 kHz; the page
	// must still have had plenty to forget.
	if samples < 250*long.Seconds() || perSample < 16 {
		t.Errorf("the page was given too little: %.0f samples of %.1f bytes in %v", samples, perSample, long)
	}
	// The arrays are the rings: they must not grow at all. In 20 s a leak of one
	// message's worth of data shows only there, in 10 minutes everywhere.
	if growth := arrays1 - arrays0; growth > 128e3 {
		t.Errorf("arrays grew from %.2f to %.2f MB in %v", arrays0/1e6, arrays1/1e6, long)
	}
	if growth := objects1 - objects0; growth > max(1e6, (objects0+arrays0)/10) || long < time.Minute && growth > 500e3 {
		t.Errorf("objects grew from %.2f to %.2f MB in %v", objects0/1e6, objects1/1e6, long)
	}
}
