//go:build unix

package main

import (
	"context"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// The box is killed under an open page that drives, with a command on its way, and
// started again at the same address.
func TestPanelOutlivesTheBox(t *testing.T) {
	web := openBrowser(t)
	data := t.TempDir()
	b := startBox(t, data, "")
	b.until("pendulum", "live", isLive)
	tb := web.tab(b, desktop)
	// What a browser says by itself when nothing listens.
	tb.allow("ERR_CONNECTION_REFUSED", "ERR_CONNECTION_RESET", "ERR_EMPTY_RESPONSE", "ERR_SOCKET_NOT_CONNECTED", "ERR_INCOMPLETE_CHUNKED_ENCODING", "WebSocket")
	tb.open(pendulumPage)
	tb.join("Ann")
	tb.press("button", "Take control")
	tb.untilText(".turn", "You are driving")
	tb.press("form[aria-label=Push] button", "Send")
	tb.untilText("form[aria-label=Push] .result", "Confirmed")
	tb.until("plots with traces", `globalThis.strokes > 10`)
	// The page must come back by itself, not by a reload.
	js[chromedp.Void](tb, `globalThis.samePage = true`)

	// The box hears nothing any more, then it is gone: what came of this command
	// nobody can say.
	if err := b.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	tb.press("form[aria-label=Drive] button", "Send")
	tb.untilText("form[aria-label=Drive] .result", "Sent, waiting for the device")
	if n := tb.sentOps("cmd"); n != 2 {
		t.Errorf("%d commands sent, want 2", n)
	}
	b.kill()
	tb.untilText("form[aria-label=Drive] .result", "Outcome unknown")
	tb.untilText(".banner.bad", "Connection to the box lost")
	tb.untilText(".readouts .flag", "Old values")
	tb.untilText(".chip", "Unknown")
	tb.until("nothing can be sent", commandsX)
	tb.shoot("box-gone")

	again := startBoxAt(t, strings.TrimPrefix(b.url, "http://"), data, "")
	tb.until("the banner is gone", `!document.querySelector('.banner')`)
	tb.untilText("main .chip", "Live")
	tb.until("fresh values", `!document.querySelector('.readouts .flag')`)
	tb.untilText("header .who", "Ann") // the seat survived kill -9
	tb.until("the gap is visible", `document.querySelector('.gapnote') && !document.querySelector('.gapnote').hidden`)
	if text := js[string](tb, `document.querySelector('.gapnote').textContent`); !strings.Contains(text, "Gaps: 1") {
		t.Errorf("the plot says %q, want one gap", text)
	}
	if !js[bool](tb, `globalThis.samePage === true`) {
		t.Error("the page was loaded anew")
	}
	tb.untilText(".turn", "You are driving") // who drove is called first
	tb.shoot("box-back")
	tb.pass(2 * time.Second) // none comes late either
	if n := tb.sentOps("cmd"); n != 2 {
		t.Errorf("%d commands sent, want 2: one was sent again", n)
	}
	if st := again.until("pendulum", "live", isLive); st.Counts.Commands != 0 {
		t.Errorf("the new box carried out %d commands, and nobody gave one", st.Counts.Commands)
	}
	tb.untilText("form[aria-label=Drive] .result", "Outcome unknown") // still there to be read
}

// A page whose connection is cut, and nothing else: what it missed is filled in
// from the box's ring, and no gap remains.
func TestPanelResumes(t *testing.T) {
	web := openBrowser(t)
	b := startBox(t, t.TempDir(), "")
	b.until("pendulum", "live", isLive)
	tb := web.tab(b, desktop)
	tb.allow("WebSocket")
	tb.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: `
			const Real = WebSocket;
			globalThis.links = [];
			globalThis.WebSocket = class extends Real { constructor(...a) { super(...a); globalThis.links.push(this); } };`})
		return err
	}))
	tb.open(pendulumPage)
	tb.until("plots with traces", `globalThis.strokes > 10`)
	for i := range 3 {
		js[chromedp.Void](tb, `globalThis.links.at(-1).close()`)
		tb.until("a new connection", fmt.Sprintf(`globalThis.links.length > %d && !document.querySelector('.banner')`, i+1))
		tb.until("samples again", `/ 0\.\d s ago/.test(document.querySelector('.readouts .age').textContent)`)
	}
	if !js[bool](tb, `document.querySelector('.gapnote').hidden`) {
		t.Errorf("the plot says %q", js[string](tb, `document.querySelector('.gapnote').textContent`))
	}
}
