package main

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"labbox/edge"
)

// What one student records another does not stop, nor write notes into, unless she
// drives.
func TestRecordingOfAnother(t *testing.T) {
	b := startBox(t, filepath.Join(t.TempDir(), "data"), "")
	b.until("pendulum", "live", isLive)
	code := b.openClass(b.seat("Ms Frizzle"))
	ana, bo := b.student(code, "Ana"), b.student(code, "Bo")
	var started struct{ Run edge.Run }
	if err := json.Unmarshal(ana.ok(map[string]any{"op": "run.start", "device": "pendulum"}), &started); err != nil {
		t.Fatal(err)
	}
	run := started.Run.ID
	for _, m := range []map[string]any{{"op": "run.stop"}, {"op": "run.annotate", "text": "haha"}} {
		m["device"], m["run"] = "pendulum", run
		if r := bo.ask(m); r.Code != edge.CodeForbidden {
			t.Errorf("%v: %+v", m, r)
		}
	}
	ana.ok(map[string]any{"op": "run.annotate", "device": "pendulum", "run": run, "text": "mine"})
	bo.take("pendulum")
	bo.ok(map[string]any{"op": "run.stop", "device": "pendulum", "run": run})
}
