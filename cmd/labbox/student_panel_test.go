package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"labbox/edge"
)

const (
	kept      = `[...document.querySelectorAll('.kept li')].map((e) => e.textContent.trim()).join('|')`
	commandsX = `[...document.querySelectorAll('.commands form button')].every((e) => e.disabled)`
)

// Two students come in by the code, one waits, rehearses and keeps values, the turn
// comes while she looks elsewhere, the teacher speaks, freezes, removes and closes.
func TestStudentsTakeTurns(t *testing.T) {
	web := openBrowser(t)
	b := demo(t)
	teacher := b.seat("Ms Roy")
	var room struct{ Code string }
	if err := json.Unmarshal(b.call(teacher, "POST", "class", `{"title":"Physics 2b","roster":["Zoë","مريم <b>M</b>","Łukasz"],
		"rules":{"turn_ms":6000,"warn_ms":5000,"idle_ms":0}}`), &room); err != nil {
		t.Fatal(err)
	}

	zoe := web.tab(b, phone)
	zoe.open("/join/" + strings.ToLower(room.Code))
	zoe.pick("Zoë")
	zoe.untilText("header .who", "Zoë")
	zoe.untilText(".class summary", "Physics 2b")
	if at := js[string](zoe, `location.pathname`); at != "/" {
		t.Errorf("the code is still in the address: %s", at)
	}

	mar := web.tab(b, phone)
	mar.allow("403", "404", "409")
	mar.open("/join/BBBBBB")
	mar.untilText("dialog .refused", "No class has this code")
	mar.write("dialog input[name=code]", " "+strings.ToLower(room.Code[:3])+" "+room.Code[3:])
	mar.until("a name that is taken cannot be chosen", `[...document.querySelectorAll('dialog option')].some((o) => o.value === 'Zoë' && o.disabled)`)
	mar.shoot("join-390")
	mar.pick("مريم <b>M</b>")
	mar.untilText("header .who", "مريم <b>M</b>")
	if js[bool](mar, `Boolean(document.querySelector('header b'))`) {
		t.Error("a name is markup")
	}

	zoe.open(pendulumPage)
	zoe.press("button", "Take control")
	zoe.untilText(".turn", "Nobody waits: your turn goes on by itself")
	mar.open(pendulumPage)
	mar.press(".turn button", "Wait for my turn")
	mar.untilText(".turn", "You are next")
	zoe.untilText(".queue", "مريم <b>M</b>")
	zoe.untilText(".turn [role=timer]", "Ends in")
	zoe.untilText(".calls", "Your turn ends soon")
	mar.untilText(".turn", "You are driving")
	mar.untilText(".call", "Your turn: ")
	mar.until("the title says so", `document.title.startsWith('▶')`)
	mar.press(".call button", "Start")
	mar.until("it has been seen", `!document.querySelector('.call') && !document.title.startsWith('▶')`)

	// The other way round, and elsewhere when it comes.
	b.call(teacher, "PATCH", "class", `{"rules":{"turn_ms":0,"warn_ms":5000,"idle_ms":0}}`)
	zoe.press(".turn button", "Wait for my turn")
	zoe.untilText(".turn", "You are next")
	zoe.write("form[aria-label=Drive] input[type=text]", "90")
	zoe.press("form[aria-label=Drive] button", "Keep")
	zoe.until("it is kept", kept+`.startsWith('Drive 90')`)
	before := b.status("pendulum").Counts.Commands
	zoe.press(".extras button", "Practise")
	zoe.untilText(".sim .mark", "SIMULATOR")
	zoe.untilText(".turn", "You are driving")
	if v := js[string](zoe, `document.querySelector('form[aria-label=Drive] input[type=text]').value`); v != "90" {
		t.Errorf("the value to rehearse is %q, want what was typed", v)
	}
	zoe.press("form[aria-label=Drive] button.primary", "Send")
	zoe.untilText("form[aria-label=Drive] .result", "Confirmed")
	if n := b.status("pendulum").Counts.Commands; n != before {
		t.Errorf("a rehearsal gave the real device %d commands", n-before)
	}
	zoe.untilText(".simnote", "You are next")
	zoe.shoot("rehearsal-390")
	mar.press(".extras button", "Share or hand over")
	mar.press(".share button", "Hand over: Zoë")
	zoe.untilText(".call", "Your turn: ")
	zoe.press(".call a", "Go there")
	zoe.untilText(".turn", "You are driving")
	zoe.press(".kept button", "Apply my values")
	zoe.untilText(".kept li", "Confirmed")
	b.until("pendulum", "the kept command", func(st edge.Status) bool { return st.Counts.Commands == before+1 })

	b.call(teacher, "PATCH", "class", `{"message":"Write down three values."}`)
	mar.untilText(".class summary", "Write down three values.")
	b.call(teacher, "POST", "class/freeze", `{"on":true}`)
	zoe.untilText(".chip", "Frozen")
	zoe.untilText(".turn", "frozen it")
	zoe.until("nothing can be sent", commandsX)
	b.call(teacher, "POST", "class/freeze", `{"on":false}`)
	zoe.untilText(".chip", "Live")
	zoe.shiftEscape()
	mar.untilText(".callout.bad", "only the teacher can do that")
	if js[bool](mar, `[...document.querySelectorAll('.callout button')].some((e) => e.textContent.includes('Resume'))`) {
		t.Error("a student may resume")
	}

	var who struct{ Seats []struct{ Seat, Name string } }
	if err := json.Unmarshal(b.call(teacher, "GET", "class", ""), &who); err != nil {
		t.Fatal(err)
	}
	for _, s := range who.Seats {
		if s.Name == "Zoë" {
			b.call(teacher, "DELETE", "class/seats/"+s.Seat, "")
		}
	}
	zoe.open("/")
	zoe.untilText("main", "A class is on")
	b.call(teacher, "DELETE", "class", "")
	mar.until("the seat is gone", `document.querySelector('header .who').textContent.includes('No nickname')`)
	mar.press(".crumb", "")
	mar.untilText(".callout", "Your seat has ended")
}

// pick chooses a name of the list and joins.
func (tb *tab) pick(name string) {
	tb.t.Helper()
	tb.until("the list of names", fmt.Sprintf(`[...document.querySelectorAll('dialog option')].some((o) => o.value === %q)`, name))
	js[chromedp.Void](tb, fmt.Sprintf(`{ const s = document.querySelector('dialog select'); s.value = %q; s.dispatchEvent(new Event('change', { bubbles: true })); }`, name))
	tb.press("dialog button.primary", "")
}

// A visitor's stop is not taken for done, and she reads what to do.
func TestVisitorIsToldHowToStop(t *testing.T) {
	web := openBrowser(t)
	data := t.TempDir()
	b := startBox(t, data, "")
	b.until("pendulum", "live", isLive)
	b.account(data)
	visitor := web.tab(b, phone)
	visitor.allow("403", "404", "409", "401")
	visitor.open(pendulumPage)
	visitor.until("the page", `document.querySelector('.chip.ok')`)
	visitor.press(".bar .estop", "")
	visitor.untilText(".callout.bad", "NOT stopped")
	visitor.press(".callout button", "Pick a nickname")
	visitor.until("the code is asked for", `document.querySelector('dialog[open] input[name=code]')`)
	if b.status("pendulum").Stopped != nil {
		t.Error("a visitor has stopped it")
	}
}

// account makes the first account of a teacher: from then on the door is guarded.
func (b *box) account(data string) {
	b.t.Helper()
	cmd := exec.Command(os.Args[0], "teacher", "reset", "--data", data)
	cmd.Env = append(os.Environ(), "LABBOX_AS_MAIN=1")
	out, err := cmd.Output()
	m := regexp.MustCompile(`teacher code (\S+)`).FindSubmatch(out)
	if err != nil || m == nil {
		b.t.Fatalf("teacher reset: %v: %s", err, out)
	}
	b.call(&http.Client{}, "POST", "teacher", fmt.Sprintf(`{"code":%q,"name":"Ms Roy","password":"a long enough password"}`, m[1]))
}

// Every stop of the Tab key can be seen, nothing moves by itself, and the arrow keys
// make the plot speak.
func TestKeyboardAndNoShift(t *testing.T) {
	web := openBrowser(t)
	b := demo(t)
	for _, on := range []screen{desktop, phone, small} {
		t.Run(on.String(), func(t *testing.T) {
			tb := web.as(t).tab(b, on)
			tb.open(pendulumPage)
			tb.until("plots drawn a while", `globalThis.strokes > 20 && document.querySelector('.record')`)
			shift := js[float64](tb, `new Promise((ok) => { let sum = 0;
				const o = new PerformanceObserver((l) => { for (const e of l.getEntries()) if (!e.hadRecentInput) sum += e.value; });
				o.observe({ type: 'layout-shift', buffered: true });
				setTimeout(() => { o.disconnect(); ok(sum); }, 1500);
			})`)
			t.Logf("layout shift %.3f", shift)
			if shift > 0.1 {
				t.Errorf("the page moves by itself: %.3f, want 0.1 at most", shift)
			}
			seen := map[string]bool{}
			for range 80 {
				tb.do(chromedp.KeyEvent(kb.Tab))
				at := js[string](tb, `(() => {
					const e = document.activeElement, r = e.getBoundingClientRect();
					if (e === document.body) return '';
					const name = e.tagName + ' ' + (e.getAttribute('aria-label') ?? e.textContent ?? '').trim().slice(0, 40) + Math.round(r.x);
					for (const f of [0.5, 0.25, 0.75]) {
						const top = document.elementFromPoint(r.x + r.width / 2, r.y + r.height * f);
						if (top && (e.contains(top) || top.contains(e) && top !== document.body && top !== document.documentElement || e.closest('label')?.contains(top))) return name;
					}
					return 'hidden: ' + name + ' ' + [r.x, r.y, r.width, r.height].map(Math.round);
				})()`)
				if strings.HasPrefix(at, "hidden: ") {
					t.Error(at)
				}
				if at == "" || seen[at] {
					break
				}
				seen[at] = true
			}
			if len(seen) < 20 {
				t.Errorf("only %d stops: %v", len(seen), seen)
			}
			js[chromedp.Void](tb, `document.querySelector('canvas[role=slider]').focus()`)
			for range 3 {
				tb.do(chromedp.KeyEvent(kb.ArrowLeft))
			}
			said := js[string](tb, `document.querySelector('.plot p[aria-live]').textContent`)
			where := js[string](tb, `document.querySelector('canvas[role=slider]').getAttribute('aria-valuetext')`)
			if !strings.Contains(said, "Angle") || !strings.HasSuffix(where, " s") {
				t.Errorf("at %q the cursor says %q", where, said)
			}
		})
	}
}

// What a plot can do beyond showing what is now.
func TestPlotLooksBack(t *testing.T) {
	web := openBrowser(t)
	b := demo(t)
	tb := web.tab(b, desktop)
	tb.open(pendulumPage)
	tb.until("plots drawn a while", `globalThis.strokes > 20`)
	const picture = `[...document.querySelectorAll('canvas.canvas')].map((c) => c.toDataURL()).join()`
	const later = `new Promise((ok) => setTimeout(() => ok(` + picture + `), 400))`
	tb.press(".plots .seg button", "5 s")
	tb.until("more samples than are shown", `performance.now() - globalThis.plotted > 7000`)
	tb.press(".plots button", "Freeze")
	tb.until("the slider", `Number(document.querySelector('.back input')?.min) < -1`)
	was := js[string](tb, later)
	if js[string](tb, later) != was {
		t.Error("a frozen plot goes on")
	}
	js[chromedp.Void](tb, `{ const i = document.querySelector('.back input'); i.value = -1; i.dispatchEvent(new Event('input', { bubbles: true })); }`)
	if js[string](tb, later) == was {
		t.Error("the slider shows nothing else")
	}
	tb.press(".plots button", "Back to live")
	tb.until("no slider", `!document.querySelector('.back')`)
	if now := js[string](tb, later); js[string](tb, later) == now {
		t.Error("the live plot stands still")
	}
	tb.press(".plots button", "Scale follows")
	tb.until("a scale that stands still", `document.querySelector('[aria-label^="Scale follows"]').ariaPressed === 'false'`)
	tb.press(".plots button", "X-Y")
	tb.until("an X-Y plot", `document.querySelector('.xy canvas')?.width > 200`)
	tb.press(".plot button", "As a table")
	tb.until("values at times", `document.querySelectorAll('.plot table')[1]?.rows.length === 12 && /\d/.test(document.querySelectorAll('.plot table')[1].rows[11].cells[1].textContent)`)
	for _, bad := range append(tb.axe(), tb.fits()...) {
		t.Error(bad)
	}
}
