package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// bobAngle is where the red bob of the drawn pendulum hangs in a picture, in degrees
// from straight down, and NaN without one: what a person sees, from the pixels.
const bobAngle = `((src) => {
	if (!src || !(src.naturalWidth ?? src.width > 16)) return NaN;
	const [w, h] = [src.naturalWidth || src.width, src.naturalHeight || src.height];
	const c = new OffscreenCanvas(w, h).getContext('2d');
	c.drawImage(src, 0, 0);
	const p = c.getImageData(0, 0, w, h).data;
	let [n, x, y] = [0, 0, 0];
	for (let i = 0; i < p.length; i += 4) {
		if (p[i] < 150 || p[i + 1] > 90 || p[i + 2] > 90) continue;
		n++;
		x += (i / 4) %% w;
		y += Math.floor(i / 4 / w);
	}
	return n < 100 ? NaN : (Math.atan2(x / n - w / 2, y / n - h * 218 / 480) * 180) / Math.PI;
})(document.querySelector(%q))`

const liveCam = ".cam.live canvas"

func (tb *tab) bob(sel string) float64 {
	tb.t.Helper()
	// NaN does not travel as JSON.
	return js[float64](tb, `((a) => (Number.isNaN(a) ? 999 : a))(`+fmt.Sprintf(bobAngle, sel)+`)`)
}

// The class sees the plant move beside its graph; the teacher covers it; a run keeps
// pictures, is opened and scrubbed, and each picture is of the moment that the graph
// shows.
func TestCameraPanel(t *testing.T) {
	web := openBrowser(t)
	b := demo(t)
	code := b.openClass(b.seat("Ms Roy"))

	ann := web.tab(b, desktop)
	ann.open(pendulumPage)
	ann.join("Ann") // sits at the box: a teacher
	ann.until("a live picture", fmt.Sprintf(`document.querySelector(%q)?.width === 640`, liveCam))
	ann.until("the bob hangs", `Math.abs(`+fmt.Sprintf(bobAngle, liveCam)+`) < 3`)

	ann.press("label.check", "")
	ann.until("pictures are asked for", `document.querySelector('label.check input').checked`)
	ann.write(".record input[name=name]", "seen")
	ann.press(".record button.record", "")
	ann.untilText(".cam .light.rec", "keeps pictures")
	ann.press("button", "Take control")
	ann.untilText(".turn", "You are driving")
	ann.write("form[aria-label=Drive] input[type=text]", "90")
	ann.press("form[aria-label=Drive] button", "Send")
	ann.untilText("form[aria-label=Drive] .result", "Confirmed")
	ann.until("the picture follows the plant", `Math.abs(`+fmt.Sprintf(bobAngle, liveCam)+`) > 15`)
	// It swings; at some moment both are read in the same state.
	ann.until("the picture and the value agree", `Math.abs(`+fmt.Sprintf(bobAngle, liveCam)+
		` - Number(document.querySelector('.tile .num').textContent.replace('\u2212', '-'))) < 6`)
	ann.shoot("camera-1280")

	bob := web.tab(b, phone)
	bob.open("/join/" + code)
	bob.write("dialog input[name=nickname]", "Bob")
	bob.press("dialog button.primary", "")
	bob.untilText("header .who", "Bob")
	bob.open(pendulumPage)
	bob.until("a live picture", fmt.Sprintf(`document.querySelector(%q)?.width === 640`, liveCam))
	bob.untilText(".cam .watch summary", "2")
	bob.untilText(".cam .light.rec", "keeps pictures")
	if js[bool](bob, `[...document.querySelectorAll('.cam button')].some((e) => e.textContent.includes('Cover'))`) {
		t.Error("a student may cover the camera")
	}
	bob.shoot("camera-390")

	ann.press(".cam button", "Cover camera")
	ann.until("covered", `document.querySelector('.cam.covered')`)
	bob.until("covered, and nothing of it left", `document.querySelector('.cam.covered canvas')?.width === 1`)
	bob.shoot("camera-covered-390")
	ann.press(".cam button", "Show again")
	ann.until("live again", fmt.Sprintf(`document.querySelector(%q)?.width === 640`, liveCam))
	bob.until("live again", fmt.Sprintf(`document.querySelector(%q)?.width === 640`, liveCam))

	// From the teacher's page, all cameras at a glance.
	ann.open("/teacher")
	ann.untilText("main li .small", "1 is watching")
	for _, bad := range append(ann.axe(), ann.fits()...) {
		t.Error(bad)
	}
	ann.press("main button", "Cover camera: Pendulum")
	bob.until("covered again", `document.querySelector('.cam.covered')`)
	ann.shoot("covers-1280")
	ann.press("main button", "Show again: Pendulum")
	bob.until("live again", fmt.Sprintf(`document.querySelector(%q)?.width === 640`, liveCam))
	ann.open(pendulumPage)

	ann.press(".record button", "Stop")
	ann.press(".runs a", "Open")
	ann.until("the run's picture", `document.querySelector('img.shot')?.naturalWidth === 640`)
	ann.until("its graph", `document.querySelector('.run .plots canvas')`)
	ann.shoot("run-1280")
	times := js[[]float64](ann, `fetch('api/v1/runs/' + location.pathname.split('/').pop() + '/detail').then((r) => r.json()).then((d) => d.pictures[0].times_ms)`)
	if len(times) < 4 {
		t.Fatalf("the run keeps pictures of %v ms", times)
	}
	var angles []float64
	agree := 0
	for _, ms := range times {
		js[chromedp.Void](ann, fmt.Sprintf(`(() => {
			const bar = document.querySelector('.scrub input[type=range]');
			bar.value = %g;
			bar.dispatchEvent(new Event('input', { bubbles: true }));
		})()`, ms))
		expr := `Math.abs(` + fmt.Sprintf(bobAngle, "img.shot") +
			` - Number(document.querySelector('.scrub .values strong').textContent.replace('\u2212', '-').match(/-?[\d.]+/)[0]))`
		ann.until("its picture", fmt.Sprintf(`document.querySelector('.shots > p').textContent.includes((%g).toLocaleString('en',
			{ minimumFractionDigits: 2, maximumFractionDigits: 2 }).replace('-', '\u2212') + ' s') && document.querySelector('img.shot').complete`, ms/1000))
		// Quick as it swings, it moves many degrees in the time of a picture.
		ann.until(fmt.Sprintf("the picture and the graph agree on %g ms", ms), expr+` < 30`)
		if js[bool](ann, expr+` < 8`) {
			agree++
		}
		angles = append(angles, ann.bob("img.shot"))
	}
	if slices.Max(angles)-slices.Min(angles) < 10 {
		t.Errorf("the pictures of the run show the plant at %.0f degrees", angles)
	}
	if agree < len(times)*2/3 {
		t.Errorf("%d of %d pictures show what the graph does", agree, len(times))
	}
	before := js[string](ann, `document.querySelector('.scrub .time').textContent`)
	ann.do(chromedp.Focus(".scrub input[type=range]"), chromedp.KeyEvent(kb.Home))
	ann.until("the key has moved it", fmt.Sprintf(`document.querySelector('.scrub .time').textContent !== %q`, before))
	ann.press(".scrub button.primary", "Play")
	ann.until("it plays", `Number(document.querySelector('.scrub .time').textContent.replace('\u2212', '-').match(/-?[\d.]+/)[0]) > 0.5`)
	ann.press(".scrub button.primary", "Pause")
	ann.resize(phone)
	ann.shoot("run-390")
	if log := b.log.String(); strings.Contains(log, "level=ERROR") {
		t.Errorf("the log:\n%s", log)
	}
}
