package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// patience is how long a page may take to show something on a busy machine.
const patience = 40 * time.Second

// browser is a headless Chromium with a profile of its own.
type browser struct {
	t   *testing.T
	ctx context.Context
}

// peerMissing skips, or fails where peers are required.
func peerMissing(t *testing.T, what, debianPackage string) {
	t.Helper()
	if os.Getenv("LABBOX_REQUIRE_PEERS") == "1" {
		t.Fatalf("no %s (Debian package %s)", what, debianPackage)
	}
	t.Skipf("no %s (Debian package %s)", what, debianPackage)
}

func openBrowser(t *testing.T) *browser { return openBrowserWith(t) }

func openBrowserWith(t *testing.T, more ...chromedp.ExecAllocatorOption) *browser {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		peerMissing(t, "chromium", "chromium")
	}
	opts := []chromedp.ExecAllocatorOption{chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir()), chromedp.NoFirstRun}
	for _, f := range []string{"headless", "no-sandbox", "disable-gpu", "disable-quic", "disable-background-networking",
		"disable-component-update", "disable-sync", "no-proxy-server", "disable-dev-shm-usage", "hide-scrollbars",
		"disable-renderer-backgrounding", "disable-background-timer-throttling", "disable-backgrounding-occluded-windows"} {
		opts = append(opts, chromedp.Flag(f, true))
	}
	opts = append(opts, chromedp.Flag("lang", "en"), chromedp.Env("LANGUAGE=en"))
	opts = append(opts, more...)
	actx, stop := chromedp.NewExecAllocator(context.Background(), opts...)
	ctx, cancel := chromedp.NewContext(actx)
	t.Cleanup(func() {
		_ = chromedp.Cancel(ctx)
		cancel()
		stop()
	})
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	return &browser{t: t, ctx: ctx}
}

// as lets a subtest have tabs of its own.
func (b *browser) as(t *testing.T) *browser { return &browser{t: t, ctx: b.ctx} }

// screen is what a page is shown on.
type screen struct {
	w, h  int64
	touch bool
}

var (
	desktop = screen{1280, 900, false}
	phone   = screen{390, 844, true}
	small   = screen{320, 640, true}
)

func (s screen) String() string { return fmt.Sprintf("%dx%d", s.w, s.h) }

func (s screen) emulate() chromedp.Action[chromedp.Void] {
	if s.touch {
		return chromedp.EmulateViewport(s.w, s.h, chromedp.EmulateMobile, chromedp.EmulateTouch)
	}
	return chromedp.EmulateViewport(s.w, s.h)
}

// tab is a page in a browser context of its own: no cookie, nothing stored. When
// the test ends it fails for every request to another host, everything on the
// console and every violation of the content security policy.
type tab struct {
	t      *testing.T
	ctx    context.Context
	origin string
	on     screen

	mu       sync.Mutex
	requests int
	sent     []string // websocket text messages of the page
	bad      []string
	allowed  []string
}

// early runs before the page's own scripts: it notes violations of the policy and
// when the first trace of a plot was drawn, on the page's own clock.
const early = `
addEventListener('securitypolicyviolation', (e) => console.error('policy', e.violatedDirective, e.blockedURI));
{
  const { stroke, lineTo, beginPath } = CanvasRenderingContext2D.prototype;
  let lines = 0;
  CanvasRenderingContext2D.prototype.beginPath = function () { lines = 0; return beginPath.call(this); };
  CanvasRenderingContext2D.prototype.lineTo = function (x, y) { lines++; return lineTo.call(this, x, y); };
  CanvasRenderingContext2D.prototype.stroke = function (...a) {
    if (lines > 4 && this.canvas.isConnected && this.canvas.classList.contains('canvas')) {
      globalThis.plotted ??= performance.now();
      globalThis.strokes = (globalThis.strokes ?? 0) + 1;
    }
    return stroke.apply(this, a);
  };
}`

func (b *browser) tab(box *box, on screen) *tab {
	b.t.Helper()
	tb := &tab{t: b.t, origin: box.url, on: on}
	ctx, cancel := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext(), chromedp.WithListener(tb.listen))
	tb.ctx = ctx
	b.t.Cleanup(cancel)
	err := chromedp.Do(ctx, on.emulate(), chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: early})
		return err
	}))
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(tb.verdict)
	return tb
}

// listen sees every event of the page, in order.
func (tb *tab) listen(ev any) {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	switch ev := ev.(type) {
	case *network.EventRequestWillBeSent:
		tb.requests++
		tb.checkHost(ev.Request.URL)
	case *network.EventWebSocketCreated:
		tb.requests++
		tb.checkHost(ev.URL)
	case *network.EventWebSocketFrameSent:
		if ev.Response.Opcode == 1 {
			tb.sent = append(tb.sent, string(ev.Response.PayloadData))
		}
	case *runtime.EventConsoleAPICalled:
		text := string(ev.Type)
		for _, a := range ev.Args {
			text += " " + string(a.Value) + a.Description
		}
		tb.bad = append(tb.bad, "console: "+text)
	case *runtime.EventExceptionThrown:
		text := ev.ExceptionDetails.Text
		if e := ev.ExceptionDetails.Exception; e != nil {
			text += " " + e.Description
		}
		tb.bad = append(tb.bad, "exception: "+text)
	case *log.EventEntryAdded:
		if ev.Entry.Level != log.EntryLevelVerbose {
			tb.bad = append(tb.bad, fmt.Sprintf("browser log: %s %s %s", ev.Entry.Level, ev.Entry.Text, ev.Entry.URL))
		}
	}
}

func (tb *tab) checkHost(to string) {
	u, err := url.Parse(to)
	if err == nil && (u.Scheme == "data" || u.Scheme == "blob" || to == "about:blank") {
		return
	}
	if err != nil || u.Host != tb.origin[strings.Index(tb.origin, "//")+2:] {
		tb.bad = append(tb.bad, "request to another host: "+to)
	}
}

// allow expects complaints that contain one of these.
func (tb *tab) allow(parts ...string) {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	tb.allowed = append(tb.allowed, parts...)
}

func (tb *tab) verdict() {
	tb.mu.Lock()
	defer tb.mu.Unlock()
next:
	for _, b := range tb.bad {
		for _, a := range tb.allowed {
			if strings.Contains(b, a) {
				continue next
			}
		}
		tb.t.Error(b)
	}
	tb.bad = nil
}

// sentOps counts the page's websocket messages of an op.
func (tb *tab) sentOps(op string) (n int) {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	for _, s := range tb.sent {
		var m struct{ Op string }
		if json.Unmarshal([]byte(s), &m) == nil && m.Op == op {
			n++
		}
	}
	return n
}

func (tb *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	tb.t.Helper()
	ctx, cancel := context.WithTimeout(tb.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		tb.fail("%v", err)
	}
}

// resize turns the tab into another screen and waits until the page is drawn on it.
func (tb *tab) resize(on screen) {
	tb.t.Helper()
	tb.on = on
	tb.do(on.emulate())
	tb.until("the new size", fmt.Sprintf("innerWidth === %d", on.w))
	js[bool](tb, `new Promise((ok) => requestAnimationFrame(() => requestAnimationFrame(() => ok(true))))`)
}

func (tb *tab) open(path string) {
	tb.t.Helper()
	tb.do(chromedp.Navigate(tb.origin + path))
}

// js evaluates an expression in the page.
func js[T any](tb *tab, expr string) T {
	tb.t.Helper()
	ctx, cancel := context.WithTimeout(tb.ctx, patience)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expr, chromedp.EvalAwaitPromise))
	if err != nil {
		tb.fail("%s: %v", expr, err)
	}
	return v
}

// until waits until an expression is true in the page.
func (tb *tab) until(what, expr string) {
	tb.t.Helper()
	end := time.Now().Add(patience)
	for {
		ctx, cancel := context.WithTimeout(tb.ctx, patience)
		ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("Boolean("+expr+")"))
		cancel()
		if err == nil && ok {
			return
		}
		if time.Now().After(end) {
			tb.fail("%s never came (%v)", what, err)
		}
		time.Sleep(30 * time.Millisecond)
	}
}

// find returns the middle of the first visible, enabled, uncovered element of a
// selector whose name or text contains some text.
const find = `((sel, text) => {
  for (const el of document.querySelectorAll(sel)) {
    if (el.disabled || !(el.getAttribute('aria-label') ?? el.textContent).includes(text)) continue;
    el.scrollIntoView({ block: 'center', inline: 'nearest', behavior: 'instant' });
    const r = el.getBoundingClientRect();
    if (r.width < 2 || r.height < 2) continue;
    const [x, y] = [r.x + r.width / 2, r.y + r.height / 2];
    const top = document.elementFromPoint(x, y);
    if (top && (el.contains(top) || top.contains(el) && getComputedStyle(top).pointerEvents !== 'none' && el.tagName === 'A')) return [x, y];
  }
  return [];
})(%q, %q)`

// press clicks, or taps on a touch screen, what a person would.
func (tb *tab) press(sel, text string) {
	tb.t.Helper()
	// What still moves is not pressed: a person would miss it too.
	expr := fmt.Sprintf(find, sel, text)
	var at []float64
	tb.until(fmt.Sprintf("%s %q to press", sel, text), fmt.Sprintf(`(() => {
		const at = %s, was = globalThis.lastFound;
		globalThis.lastFound = at.join();
		return at.length && was === at.join();
	})()`, expr))
	if at = js[[]float64](tb, expr); len(at) != 2 {
		tb.fail("%s %q went away", sel, text)
	}
	if tb.on.touch {
		tb.do(chromedp.TapXY(at[0], at[1]))
	} else {
		tb.do(chromedp.MouseClickXY(at[0], at[1]))
	}
}

// write replaces what stands in a field, key by key.
func (tb *tab) write(sel, text string) {
	tb.t.Helper()
	tb.press(sel, "")
	js[chromedp.Void](tb, fmt.Sprintf(`document.querySelector(%q).select()`, sel))
	tb.do(chromedp.KeyEvent(text))
}

func (tb *tab) shiftEscape() {
	tb.t.Helper()
	tb.do(chromedp.KeyEvent(kb.Escape, chromedp.KeyModifiers(chromedp.ModifierShift)))
}

func (tb *tab) untilText(sel, text string) {
	tb.t.Helper()
	tb.until(fmt.Sprintf("%q in %s", text, sel), fmt.Sprintf(`[...document.querySelectorAll(%q)].some((e) => e.textContent.includes(%q))`, sel, text))
}

// join takes a seat through the page's dialog.
func (tb *tab) join(nickname string) {
	tb.t.Helper()
	tb.until("a device", `document.querySelector('.chip')`)
	tb.press("header .who", "")
	tb.write("dialog input[name=nickname]", nickname)
	tb.press("dialog button.primary", "")
	tb.untilText("header .who", nickname)
}

// shoot takes a picture of the whole page where LABBOX_SHOTS names a folder for it.
func (tb *tab) shoot(name string) {
	tb.t.Helper()
	dir := os.Getenv("LABBOX_SHOTS")
	if dir == "" {
		return
	}
	ctx, cancel := context.WithTimeout(tb.ctx, patience)
	defer cancel()
	_ = chromedp.Do(ctx, chromedp.Evaluate[chromedp.Void](`scrollTo({ top: 0, behavior: 'instant' })`))
	png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err != nil {
		tb.t.Error(err)
		return
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		tb.t.Error(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o600); err != nil {
		tb.t.Error(err)
	}
}

// fail ends the test with what the page shows.
func (tb *tab) fail(format string, args ...any) {
	tb.t.Helper()
	ctx, cancel := context.WithTimeout(tb.ctx, 10*time.Second)
	defer cancel()
	text, _ := chromedp.Run(ctx, chromedp.Evaluate[string](`location.href + '\n' + document.body.innerText`))
	tb.shoot("failed-" + strings.NewReplacer("/", "-", " ", "-").Replace(tb.t.Name()))
	tb.t.Fatalf(format+"\nthe page shows: %s", append(args, text)...)
}
