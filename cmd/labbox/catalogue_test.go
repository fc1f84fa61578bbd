package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"labbox/edge"
)

// Every type of the catalogue, simulated: its page shows a trace in every plot, a
// value in every readout and a form for every command, in every language.
func TestCatalogueInTheBrowser(t *testing.T) {
	web := openBrowser(t)
	files, err := filepath.Glob("../../devices/catalog/[a-z0-9]*.yaml")
	if err != nil || len(files) < 5 {
		t.Fatalf("%d type files, %v", len(files), err)
	}
	boxFile := "schema: 1\nbox: all\ndevices:\n"
	var types []string
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".yaml")
		types = append(types, name)
		boxFile += fmt.Sprintf("  - {id: %s, type: %s, port: {sim: true}}\n", name, name)
	}
	b := startBox(t, t.TempDir(), boxFile)
	start := web.tab(b, desktop)
	start.open("/")
	start.until("a card for each", fmt.Sprintf(`document.querySelectorAll('li.device .chip.ok').length === %d`, len(types)))
	start.shoot("catalogue")
	for _, name := range types {
		t.Run(name, func(t *testing.T) {
			b := &box{t: t, url: b.url}
			b.until(name, "live", isLive)
			c := b.contract(name)
			tb := web.as(t).tab(b, desktop)
			tb.open("/d/" + name)
			tb.join("Ann")
			tb.until("a trace in a plot", `globalThis.plotted > 0`)
			tb.until("a value in every readout", `document.querySelectorAll('.tile').length > 0 && [...document.querySelectorAll('.tile .num')].every((e) => !/^(|–|NaN|undefined)$/.test(e.textContent))`)
			tb.until("a value in every legend", `[...document.querySelectorAll('.legend .num')].every((e) => /\d/.test(e.textContent))`)
			if n := js[int](tb, `document.querySelectorAll('.plot canvas').length`); n == 0 || len(c.Panel.Plots) > 0 && n != len(c.Panel.Plots) {
				t.Errorf("%d plots, the contract has %d", n, len(c.Panel.Plots))
			}
			if n := js[int](tb, `document.querySelectorAll('form.command').length`); n != len(c.Commands) {
				t.Errorf("%d forms, the contract has %d commands", n, len(c.Commands))
			}
			for _, cmd := range c.Commands {
				sel := fmt.Sprintf("form[aria-label=%q]", cmd.Label["en"])
				fields := js[int](tb, fmt.Sprintf(`document.querySelector(%q)?.querySelectorAll('input[type=text], select, .seg').length ?? -1`, sel))
				if fields != len(cmd.Params) {
					t.Errorf("%s: %d fields for %d parameters", cmd.ID, fields, len(cmd.Params))
				}
			}
			if c.Drivable {
				tb.press("button", "Take control")
				tb.untilText(".turn", "You are driving")
				tb.until("the controls are on", `[...document.querySelectorAll('.commands button, .commands input, .commands select')].every((e) => !e.disabled)`)
			}
			for _, on := range []screen{desktop, phone, small} {
				tb.resize(on)
				for _, bad := range tb.fits() {
					t.Errorf("%s: %s", on, bad)
				}
				tb.shoot(fmt.Sprintf("catalogue-%s-%d", name, on.w))
			}
		})
	}
}

// contract asks the box what a device says of itself.
func (b *box) contract(device string) (c edge.Contract) {
	b.t.Helper()
	res, err := http.Get(b.url + "/api/v1/devices/" + device)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	body := struct{ Contract *edge.Contract }{&c}
	if err := json.NewDecoder(res.Body).Decode(&body); err != nil {
		b.t.Fatal(err)
	}
	return c
}
