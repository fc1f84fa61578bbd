package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// The vendored file is what VENDOR.txt says.
func TestAxeIsAsVendored(t *testing.T) {
	list, err := os.ReadFile("testdata/axe/VENDOR.txt")
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile(`(?m)^([0-9a-f]{64}) [ *](\S+)$`).FindAllStringSubmatch(string(list), -1)
	if len(rows) != 3 {
		t.Fatalf("%d checksums in VENDOR.txt, want 3", len(rows))
	}
	for _, r := range rows {
		data, err := os.ReadFile("testdata/axe/" + r[2])
		if err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != r[1] {
			t.Errorf("%s is not what VENDOR.txt says", r[2])
		}
	}
}

// finding is one rule that axe found broken.
type finding struct {
	ID     string
	Impact string
	Help   string
	Nodes  []struct {
		Target []any
		Why    string
	}
}

const runAxe = `axe.run(document, { resultTypes: ['violations'] }).then((r) => JSON.stringify(
  r.violations.map(({ id, impact, help, nodes }) => ({ id, impact, help,
    nodes: nodes.slice(0, 4).map((n) => ({ target: n.target, why: n.failureSummary })) }))))`

// axe returns what is serious or critical on the page as it stands.
func (tb *tab) axe() (serious []string) {
	tb.t.Helper()
	if !js[bool](tb, `'axe' in globalThis`) {
		src, err := os.ReadFile("testdata/axe/axe.min.js")
		if err != nil {
			tb.t.Fatal(err)
		}
		js[chromedp.Void](tb, string(src)+"\n;0")
	}
	var found []finding
	if err := json.Unmarshal([]byte(js[string](tb, runAxe)), &found); err != nil {
		tb.t.Fatal(err)
	}
	for _, f := range found {
		if f.Impact != "serious" && f.Impact != "critical" {
			continue
		}
		text := fmt.Sprintf("%s: %s (%s)", f.Impact, f.ID, f.Help)
		for _, n := range f.Nodes {
			text += fmt.Sprintf("\n%v: %s", n.Target, n.Why)
		}
		serious = append(serious, text)
	}
	return serious
}

// prefer sets what the system prefers.
func prefer(scheme string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}})
		return err
	})
}

// texts: no word is broken in two lines, no text leaves its button or its card, and
// no two texts lie on each other.
const texts = `(() => {
  const out = [], seen = [];
  const walk = document.createTreeWalker(document.querySelector('dialog[open]') ?? document.querySelector('main'), NodeFilter.SHOW_TEXT);
  const range = document.createRange();
  // What is cut off, with an ellipsis or a scroll bar, lies on nothing.
  const shown = (r, el) => {
    let { left, right, top, bottom } = r;
    for (let p = el; p && p !== document.body; p = p.parentElement) {
      if (getComputedStyle(p).overflowX === 'visible') continue;
      const box = p.getBoundingClientRect();
      [left, right] = [Math.max(left, box.left), Math.min(right, box.right)];
      [top, bottom] = [Math.max(top, box.top), Math.min(bottom, box.bottom)];
    }
    return { left, right, top, bottom };
  };
  while (walk.nextNode()) {
    const node = walk.currentNode, el = node.parentElement;
    if (!node.data.trim() || el.closest('.sr, option, [hidden]') || !el.checkVisibility({ visibilityProperty: true })) continue;
    for (const m of node.data.matchAll(/[\p{L}\p{N}]+/gu)) {
      range.setStart(node, m.index);
      range.setEnd(node, m.index + m[0].length);
      if (new Set([...range.getClientRects()].map((r) => Math.round(r.top))).size > 1) out.push('the word is broken: ' + m[0]);
    }
    range.selectNodeContents(node);
    const within = el.closest('button, .card, .tile, dialog')?.getBoundingClientRect();
    for (const whole of range.getClientRects()) {
      const r = shown(whole, el);
      if (within && (r.left < within.left - 1 || r.right > within.right + 1)) out.push('the text leaves its frame: ' + node.data.trim());
      seen.push({ r, el, text: node.data.trim() });
    }
  }
  for (const b of walk.root.querySelectorAll('button')) {
    if (b.checkVisibility({ visibilityProperty: true })) seen.push({ r: b.getBoundingClientRect(), el: b, text: 'the button ' + b.textContent.trim() });
  }
  for (let i = 0; i < seen.length; i++) for (let k = i + 1; k < seen.length; k++) {
    const [a, b] = [seen[i], seen[k]];
    if (a.el === b.el || a.el.contains(b.el) || b.el.contains(a.el)) continue;
    const w = Math.min(a.r.right, b.r.right) - Math.max(a.r.left, b.r.left);
    const h = Math.min(a.r.bottom, b.r.bottom) - Math.max(a.r.top, b.r.top);
    if (w > 1.5 && h > 4) out.push('on each other: ' + a.text + ' | ' + b.text);
  }
  return out;
})`

// fits: nothing is wider than the screen, and what a finger must hit is large
// enough (44 px, WCAG 2.5.5), the text of links inside sentences excepted.
const fits = `((width, touch) => {
  const out = [];
  const wide = Math.max(document.documentElement.scrollWidth, innerWidth) - width;
  if (wide > 0) out.push('the page is ' + wide + ' px wider than the screen');
  out.push(...texts());
  if (!touch) return out;
  for (const el of document.querySelectorAll('button, select, input, a[href], [role=button]')) {
    const label = el.closest('label');
    const r = (label && label.getBoundingClientRect().height > el.getBoundingClientRect().height ? label : el).getBoundingClientRect();
    if (!r.width || !r.height) continue;
    if (el.closest('.sr, .skip')) continue;
    if (r.height < 43.5 || r.width < 43.5 && el.type !== 'range')
      out.push(Math.round(r.width) + 'x' + Math.round(r.height) + ' px is too small for a finger: ' + el.outerHTML.slice(0, 140));
  }
  return out;
})(%d, %t)`

func (tb *tab) fits() []string {
	tb.t.Helper()
	return js[[]string](tb, "(() => { const texts = "+texts+"; return "+fmt.Sprintf(fits, tb.on.w, tb.on.touch)+" })()")
}

// The two checks find what they are for.
func TestChecksFind(t *testing.T) {
	web := openBrowser(t)
	b := demo(t)
	tb := web.tab(b, phone)
	tb.open("/")
	tb.until("both devices live", `document.querySelectorAll('li.device .chip.ok').length === 2`)
	if bad := append(tb.axe(), tb.fits()...); len(bad) > 0 {
		t.Fatal(bad)
	}
	js[chromedp.Void](tb, `{
		const main = document.querySelector('main'), bad = document.createElement('button'), wide = document.createElement('p');
		bad.style.cssText = 'min-height: 0; height: 30px; width: 50px';
		wide.style.cssText = 'width: 500px; color: #ccc; background: #fff';
		wide.textContent = 'pale';
		const cut = document.createElement('p'), two = document.createElement('p');
		cut.textContent = 'thermoelectrically';
		cut.style.cssText = 'width: 40px; overflow-wrap: anywhere';
		two.textContent = 'second';
		two.style.cssText = 'position: relative; top: -1em; margin: 0';
		main.append(bad, wide, cut, two);
	}`)
	got := strings.Join(append(tb.axe(), tb.fits()...), "\n")
	for _, want := range []string{"button-name", "color-contrast", "px wider than the screen", "too small for a finger",
		"the word is broken: thermoelectrically", "on each other"} {
		if !strings.Contains(got, want) {
			t.Errorf("%s is not found, only:\n%s", want, got)
		}
	}
}

// spoken are the states whose words are looked at in every language.
var spoken = []string{"start", "name", "queued", "called", "warned", "frozen", "twin", "visitor", "camera", "cameraLost", "run"}

// Every page and every state of it, on three screens, light and dark, and what a
// class sees most in every language.
func TestAccessibleAndFits(t *testing.T) {
	web := openBrowser(t)
	b := demo(t)
	driver := b.panel("Zoë")
	driver.take("aeropendulum")
	for _, on := range []screen{desktop, phone, small} {
		for _, scheme := range []string{"light", "dark"} {
			t.Run(fmt.Sprintf("%s-%s", on, scheme), func(t *testing.T) {
				t.Parallel()
				tb := web.as(t).tab(b, on)
				tb.do(prefer(scheme))
				look := func(name string) {
					t.Helper()
					for _, bad := range append(tb.axe(), tb.fits()...) {
						t.Errorf("%s: %s", name, bad)
					}
					tb.shoot(fmt.Sprintf("%s-%s-%d", name, scheme, on.w))
				}
				tb.open("/")
				tb.until("both devices live", `document.querySelectorAll('li.device .chip.ok').length === 2`)
				look("start")
				tb.press("main button.primary", "")
				tb.until("the dialog", `document.querySelector('dialog').open`)
				look("nickname")
				tb.write("dialog input[name=nickname]", "Ann")
				tb.press("dialog button.primary", "")
				tb.untilText("header .who", "Ann")
				for _, d := range []string{"pendulum", "aeropendulum"} {
					tb.open("/d/" + d)
					tb.until("plots with traces", `globalThis.plotted > 0`)
					tb.until("plots drawn a while", `globalThis.strokes > 20`)
					look(d)
				}
				for _, scene := range galleryScenes(t, "gallery.js") {
					tb.open("/gallery?s=" + scene)
					tb.until("the scene", fmt.Sprintf(`document.title.startsWith(%q) && document.querySelector('main')`, scene))
					tb.until("its parts", `!document.querySelector('.soon')`)
					look("gallery-" + scene)
				}
				for _, lang := range []string{"fr", "es"} {
					js[chromedp.Void](tb, fmt.Sprintf(`localStorage.setItem('labbox.lang', %q)`, lang))
					for _, scene := range spoken {
						tb.open("/gallery?s=" + scene)
						tb.until("the scene", fmt.Sprintf(`document.documentElement.lang === %q && document.title.startsWith(%q) && document.querySelector('main')`, lang, scene))
						tb.until("its parts", `!document.querySelector('.soon')`)
						look(lang + "-gallery-" + scene)
					}
				}
			})
		}
	}
}

// galleryScenes are the names in a gallery's own table.
func galleryScenes(t *testing.T, file string) []string {
	t.Helper()
	src, err := os.ReadFile("../../web/ui/" + file)
	if err != nil {
		t.Fatal(err)
	}
	_, table, ok := strings.Cut(string(src), "const SCENES = {")
	table, _, ok2 := strings.Cut(table, "\n};")
	var out []string
	for _, m := range regexp.MustCompile(`(?m)^  (\w+): \(\) =>`).FindAllStringSubmatch(table, -1) {
		out = append(out, m[1])
	}
	if !ok || !ok2 || len(out) < 15 {
		t.Fatalf("the gallery's scenes are not found: %v", out)
	}
	return out
}
