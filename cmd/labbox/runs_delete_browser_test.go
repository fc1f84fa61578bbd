package main

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"labbox/edge"
)

// A teacher deletes in the panel what a student has recorded, pictures and all.
func TestTeacherDeletesARun(t *testing.T) {
	web := openBrowser(t)
	b := startBox(t, filepath.Join(t.TempDir(), "data"), "")
	b.until("pendulum", "live", isLive)
	code := b.openClass(b.seat("Ms Frizzle"))
	ana := b.student(code, "Ana")
	var started struct{ Run edge.Run }
	if err := json.Unmarshal(ana.ok(map[string]any{"op": "run.start", "device": "pendulum", "name": "faces", "pictures": map[string]any{}}), &started); err != nil {
		t.Fatal(err)
	}
	ana.ok(map[string]any{"op": "run.stop", "device": "pendulum", "run": started.Run.ID})

	ms := web.tab(b, desktop) // sits at the box
	ms.open(pendulumPage)
	ms.join("Ms Roy")
	ms.untilText(".runs", "faces")
	ms.press(".runs button", "Delete faces")
	ms.press(".runs button.refused", "Delete")
	ms.untilText(".record", "No recordings")
}
