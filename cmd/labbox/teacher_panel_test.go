package main

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// Every state of the teacher's pages, in every language, on three screens, light and dark.
func TestTeacherPagesAccessibleAndFit(t *testing.T) {
	web := openBrowser(t)
	b := demo(t)
	scenes := teacherScenes(t)
	for _, on := range []screen{desktop, phone, small} {
		for _, scheme := range []string{"light", "dark"} {
			for _, lang := range []string{"en", "fr", "es"} {
				t.Run(fmt.Sprintf("%s-%s-%s", on, scheme, lang), func(t *testing.T) {
					tb := web.as(t).tab(b, on)
					tb.allow("class/qr.svg") // there is no class
					tb.do(prefer(scheme))
					tb.open("/gallery")
					tb.until("the gallery", `document.querySelector('main')`)
					js[chromedp.Void](tb, fmt.Sprintf(`localStorage.setItem('labbox.lang', %q)`, lang))
					for _, scene := range scenes {
						tb.open("/teacher/gallery?s=" + scene)
						tb.until("the scene "+scene, fmt.Sprintf(`document.documentElement.lang === %q && globalThis.teacherScene === %q`, lang, scene))
						for _, bad := range append(tb.axe(), tb.fits()...) {
							t.Errorf("%s: %s", scene, bad)
						}
						tb.shoot(fmt.Sprintf("teacher-%s-%s-%s-%d", scene, lang, scheme, on.w))
					}
				})
			}
		}
	}
}

// teacherScenes are the names in the gallery's own table.
func teacherScenes(t *testing.T) []string {
	t.Helper()
	src, err := os.ReadFile("../../web/ui/teacher/gallery.js")
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
