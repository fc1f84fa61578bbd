package main

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"labbox/edge"
)

// resetCode is a one-time code for a box that runs.
func resetCode(t *testing.T, data string) string {
	t.Helper()
	cmd := exec.Command(os.Args[0], "teacher", "reset", "--data", data)
	cmd.Env = append(os.Environ(), "LABBOX_AS_MAIN=1")
	out, err := cmd.Output()
	m := regexp.MustCompile(`(?m)^teacher code (\S+)$`).FindStringSubmatch(string(out))
	if err != nil || m == nil {
		t.Fatalf("teacher reset: %v\n%s", err, out)
	}
	return m[1]
}

// fill types into a field of a form.
func (tb *tab) fill(name, text string) {
	tb.t.Helper()
	tb.write(fmt.Sprintf("main [name=%s]", name), text)
}

// openedClass is a demo box whose first teacher has made the account and opened a
// class, both in the browser.
func openedClass(t *testing.T, web *browser, data string, on screen) (b *box, ms *tab, code string) {
	t.Helper()
	b = startBox(t, data, "")
	for _, d := range []string{"pendulum", "aeropendulum"} {
		b.until(d, "live", isLive)
	}
	ms = web.tab(b, on)
	ms.allow("status of 401", "status of 403", "status of 429")
	ms.open("/teacher")
	ms.untilText("main h1", "The first teacher")
	firstAccount(t, ms, data)
	ms.press("nav.tabs a", "Class")
	ms.fill("title", "Physics 3a")
	ms.press("main button", "Open the class")
	ms.until("the code", `document.querySelector('.join .bigcode')`)
	ms.until("the QR code", `document.querySelector('img.qr').naturalWidth > 0`)
	return b, ms, strings.ReplaceAll(js[string](ms, `document.querySelector('.join .bigcode').textContent`), " ", "")
}

// A lesson as its teacher lives through it.
func TestTeacherPanel(t *testing.T) {
	b, ms, code := openedClass(t, openBrowser(t), t.TempDir(), desktop)
	ana, bo := b.student(code, "Ana"), b.student(code, "Bo")
	ms.untilText(".count", "2 joined, 2 connected")
	ana.take("pendulum")
	bo.ok(map[string]any{"op": "take", "device": "pendulum", "wait": true})

	ms.press("nav.tabs a", "Devices")
	card := `[...document.querySelectorAll('.dcard')].find((e) => e.querySelector('#te-pendulum')).textContent`
	ms.until("who drives and waits", `(() => { const s = `+card+`; return s.includes('Ana') && s.includes('1: Bo') && /\d/.test(s) })()`)
	t.Run("nothing shifts", func(t *testing.T) { nothingShifts(ms) })
	t.Run("device", func(t *testing.T) { teacherDevice(t, b, ms) })
	t.Run("limits", func(t *testing.T) { teacherLimits(t, b, ms) })
	t.Run("all", func(t *testing.T) { teacherAll(t, b, ms) })
	t.Run("projector", func(t *testing.T) { projected(t, b, ms, code) })
	t.Run("class", func(t *testing.T) { teacherClass(t, b, ms, ana, code) })
	t.Run("box", func(t *testing.T) { teacherBox(t, b, ms) })
}

func firstAccount(t *testing.T, ms *tab, data string) {
	ms.fill("code", "WRNG-WRNG-WRNG")
	ms.fill("name", "Ms Rivera")
	ms.fill("password", "correct horse")
	ms.fill("again", "correct house")
	ms.press("main button", "Make the account")
	if js[bool](ms, `document.querySelector('main form').checkValidity()`) {
		t.Error("two different passwords are taken")
	}
	ms.fill("again", "correct horse")
	ms.press("main button", "Make the account")
	ms.untilText(".said.refused", "Name, password or code are wrong")
	ms.until("the wait is over", `!document.querySelector('main button.primary').disabled`)
	ms.fill("code", resetCode(t, data))
	ms.press("main button", "Make the account")
	ms.untilText("header .who", "Ms Rivera")
	ms.until("the devices", `document.querySelectorAll('.dcard').length === 2`)
}

// nothingShifts: while values, times and names change, nothing moves.
func nothingShifts(ms *tab) {
	ms.t.Helper()
	moved := js[float64](ms, `new Promise((ok) => {
		let sum = 0;
		new PerformanceObserver((l) => { for (const e of l.getEntries()) sum += e.value; }).observe({ type: 'layout-shift' });
		setTimeout(() => ok(sum), 3000);
	})`)
	if moved > 0.001 {
		ms.t.Errorf("the page has shifted by %.4f in 3 s", moved)
	}
}

// teacherDevice: one device, by the keyboard and the mouse.
func teacherDevice(t *testing.T, b *box, ms *tab) {
	js[chromedp.Void](ms, `document.getElementById('te-pendulum').focus()`)
	ms.do(chromedp.KeyEvent(kb.Enter))
	ms.until("the panel has the focus", `document.activeElement.id === 'te-dev'`)
	ms.untilText(".panel .drives", "Ana")
	ms.press(".panel .acts button", "Put off")
	b.until("pendulum", "Bo drives", func(st edge.Status) bool { return st.Lease != nil && st.Lease.Holder.Name == "Bo" })
	ms.untilText(".panel .drives", "Bo")
	js[chromedp.Void](ms, `{
		const pick = document.querySelector('.panel select'), ana = [...pick.options].find((o) => o.text === 'Ana');
		pick.value = ana.value;
		pick.dispatchEvent(new Event('change', { bubbles: true }));
	}`)
	b.until("pendulum", "Ana drives again", func(st edge.Status) bool { return st.Lease != nil && st.Lease.Holder.Name == "Ana" })
	ms.press(".panel .acts button", "Freeze")
	b.until("pendulum", "frozen", func(st edge.Status) bool { return st.Hold != nil })
	ms.untilText(".panel .chip", "Frozen")
	ms.press(".panel .acts button", "Unfreeze")
	b.until("pendulum", "not frozen", func(st edge.Status) bool { return st.Hold == nil })
	ms.press(".panel .acts button", "Take over")
	b.until("pendulum", "the teacher drives", func(st edge.Status) bool { return st.Lease != nil && st.Lease.Holder.Name == "Ms Rivera" })
	ms.press(".panel .acts button", "Release")
	ms.until("released", `!document.querySelector('.panel .acts').textContent.includes('Release')`)
	b.until("pendulum", "nobody drives", func(st edge.Status) bool { return st.Lease == nil })
	ms.press(".panel summary", "Times of turns")
	ms.write("#one-turn", "7")
	ms.press(".panel details form button", "Save")
	b.until("pendulum", "turns of 7 minutes", func(st edge.Status) bool { return st.Rules.TurnMS == 420_000 })
}

func teacherLimits(t *testing.T, b *box, ms *tab) {
	ms.press(".panel summary", "Limits")
	form := ".panel .limits form"
	max := func() float64 { return js[float64](ms, `Number(document.querySelector('`+form+` [name=max]').value)`) }
	wide := max()
	ms.write(form+" [name=max]", fmt.Sprint(wide*2))
	ms.press(form+" button", "Apply")
	ms.untilText(form+" .refused", "Limits can only be narrowed")
	ms.write(form+" [name=max]", "60")
	ms.press(form+" button", "Apply")
	b.until("pendulum", "narrower", func(st edge.Status) bool { return len(st.Limits) == 1 })
	ms.untilText(form+" .flag", "narrowed")
	ms.until("the new range", fmt.Sprintf(`document.querySelector('%s [name=max]').value === '60'`, form))
	ms.untilText(form, "The bench allows")
	ms.press(form+" button", "Back")
	b.until("pendulum", "the bench's", func(st edge.Status) bool { return len(st.Limits) == 0 })
	ms.until("the range of the bench", fmt.Sprintf(`Number(document.querySelector('%s [name=max]').value) === %v`, form, wide))
}

// teacherAll: what is done on all devices at once.
func teacherAll(t *testing.T, b *box, ms *tab) {
	ms.press(".panel a.button", "Close")
	ms.until("back on the card", `document.activeElement.id === 'te-pendulum'`)
	each := func(what string, ok func(edge.Status) bool) {
		for _, d := range []string{"pendulum", "aeropendulum"} {
			b.until(d, what, ok)
		}
	}
	ms.press(".allbar button", "Freeze all")
	each("frozen", func(st edge.Status) bool { return st.Hold != nil })
	ms.untilText(".report h2", "2 of 2")
	ms.press(".allbar button", "Unfreeze all")
	each("not frozen", func(st edge.Status) bool { return st.Hold == nil })
	ms.press(".allbar button", "Record on all")
	each("records", func(st edge.Status) bool { return st.Run != "" })
	ms.press(".allbar button", "Stop recordings")
	each("records no more", func(st edge.Status) bool { return st.Run == "" })
	ms.press(".report button", "Close")
	ms.press("header .estop", "")
	each("stopped", func(st edge.Status) bool { return st.Stopped != nil && st.Safe == edge.SafeConfirmed })
	ms.untilText(".report h2", "Stop everything 2 of 2")
	ms.untilText(".report li", "safe, confirmed")
	for _, d := range []string{"pendulum", "aeropendulum"} {
		ms.press(fmt.Sprintf("a.cover[href='teacher/d/%s']", d), "")
		ms.press(".panel button", "Resume")
		b.until(d, "resumed", func(st edge.Status) bool { return st.Stopped == nil })
		ms.press(".panel a.button", "Close")
	}
}

// projected: what the room sees.
func projected(t *testing.T, b *box, ms *tab, code string) {
	cy := b.student(code, "Cy")
	cy.take("pendulum")
	ms.resize(screen{1280, 720, false})
	ms.open("/projector")
	ms.until("the QR code", `document.querySelector('.beamer img.qr')?.naturalWidth > 0`)
	ms.untilText(".beamer .bigcode", code[:3])
	ms.untilText(".beamer td", "Cy")
	small := js[string](ms, `[...document.querySelectorAll('.beamer *')].filter((e) => e.checkVisibility() && [...e.childNodes].some((n) =>
		n.nodeType === 3 && n.data.trim()) && parseFloat(getComputedStyle(e).fontSize) < 32).map((e) => e.outerHTML.slice(0, 80)).join()`)
	if small != "" {
		t.Errorf("smaller than 32 px: %s", small)
	}
	if n := js[int](ms, `document.querySelectorAll('.beamer :is(a, button, input, select)').length`); n > 0 {
		t.Errorf("%d controls are projected", n)
	}
	if js[bool](ms, `document.documentElement.scrollHeight > innerHeight`) {
		t.Error("a projector does not scroll")
	}
	ms.shoot("teacher-real-projector")
	b.until("pendulum", "Cy drives", func(st edge.Status) bool { return st.Lease != nil })
	ms.resize(desktop)
	ms.open("/teacher/class")
	ms.untilText("main label.check", "Hide names")
	ms.press("label.check", "Hide names")
	ms.untilText("main", "others see Student 3")
	ms.open("/projector")
	ms.untilText(".beamer td", "Student 3")
	if strings.Contains(js[string](ms, `document.querySelector('.beamer table').textContent`), "Cy") {
		t.Error("a hidden name is projected")
	}
}

func teacherClass(t *testing.T, b *box, ms *tab, ana *panel, code string) {
	ms.open("/teacher/class")
	ms.press("main button", "Lock the door")
	ms.untilText(".join .flag", "The door is locked")
	res, err := http.Post(b.url+"/api/v1/seats", "application/json", strings.NewReader(fmt.Sprintf(`{"code":%q,"nickname":"Eve"}`, code)))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode < 400 {
		t.Error("the door is not locked")
	}
	ms.press(".people button", "Rename: Bo")
	ms.write(".people form input", "Bob")
	ms.press(".people form button", "Save")
	ms.untilText(".people strong", "Bob")
	ms.press(".people button", "Remove: Ana")
	ms.press(".people button", "Really remove?: Ana")
	select {
	case <-ana.closed:
	case <-time.After(10 * time.Second):
		t.Error("who is removed stays connected")
	}
	ms.until("Ana is gone", `![...document.querySelectorAll('.people strong')].some((e) => e.textContent === 'Ana')`)
	ms.write("main textarea[name=message]", "Ten minutes left")
	ms.press("main button", "Show it to everybody")
	ms.until("the message can be taken away", `[...document.querySelectorAll('main button')].some((e) => e.textContent === 'Take it away')`)
	ms.press("main button", "Close the class…")
	ms.press("dialog button", "Cancel")
	ms.press("main button", "Close the class…")
	ms.press("dialog button", "Close the class now")
	ms.untilText("main h1", "Open a class")
}

func teacherBox(t *testing.T, b *box, ms *tab) {
	ms.press("nav.tabs a", "Box")
	ms.untilText(".facts", "Agrees with this browser")
	js[chromedp.Void](ms, `fetch('api/v1/clock', { method: 'POST', headers: { 'Content-Type': 'application/json' },
		body: JSON.stringify({ wall_ms: Date.now() + 3600e3 }) }).then(() => null)`)
	ms.do(chromedp.Reload())
	ms.untilText(".facts", "Ahead of this browser by 60 min")
	ms.press("main button", "Set the box’s clock")
	ms.untilText(".facts", "Agrees with this browser")
	ms.press("main button", "Make a code for a colleague")
	ms.until("a code", `document.querySelector('.card strong.code')?.textContent.length > 7`)
	ms.fill("old", "correct horse")
	ms.fill("password", "battery staple")
	ms.fill("again", "battery staple")
	ms.press("main button", "Change the password")
	ms.untilText(".said", "The password is changed")
	ms.press("main button", "Sign out")
	ms.untilText("main h1", "Teacher: sign in")
	ms.fill("name", "Ms Rivera")
	ms.fill("password", "correct horse")
	ms.press("main button", "Sign in")
	ms.untilText(".said.refused", "are wrong")
	ms.until("the wait is over", `!document.querySelector('main button.primary').disabled`)
	ms.fill("password", "battery staple")
	ms.press("main button", "Sign in")
	ms.untilText("header .who", "Ms Rivera")
}

// Every state of the teacher's pages, in every language, on three screens, light and dark.
func TestTeacherPagesAccessibleAndFit(t *testing.T) {
	web := openBrowser(t)
	b := demo(t)
	scenes := galleryScenes(t, "teacher/gallery.js")
	for _, on := range []screen{desktop, phone, small} {
		t.Run(on.String(), func(t *testing.T) {
			t.Parallel()
			tb := web.as(t).tab(b, on)
			tb.allow("class/qr.svg") // there is no class
			tb.do(prefer("light"))
			for _, scene := range scenes {
				tb.open("/teacher/gallery?s=" + scene)
				tb.until("the scene "+scene, fmt.Sprintf(`globalThis.teacherScene === %q`, scene))
				for _, lang := range []string{"en", "fr", "es"} {
					js[chromedp.Void](tb, fmt.Sprintf(`import(new URL('state.js', document.baseURI)).then((m) => m.useLang(%q)).then(() => null)`, lang))
					for _, scheme := range []string{"light", "dark"} {
						js[bool](tb, fmt.Sprintf(`(document.documentElement.dataset.theme = %q,
							new Promise((ok) => requestAnimationFrame(() => requestAnimationFrame(() => ok(true)))))`, scheme))
						for _, bad := range append(tb.axe(), tb.fits()...) {
							t.Errorf("%s %s %s: %s", scene, lang, scheme, bad)
						}
						tb.shoot(fmt.Sprintf("teacher-%s-%s-%s-%d", scene, lang, scheme, on.w))
					}
				}
				if on == desktop && scene == "overview" {
					if bottom := js[float64](tb, `document.querySelector('.dcard:last-child').getBoundingClientRect().bottom`); bottom > float64(on.h) {
						t.Errorf("30 devices end at %.0f px", bottom)
					}
				}
			}
		})
	}
}
