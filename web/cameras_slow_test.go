package web_test

import (
	"testing"
	"time"

	"labbox/edge"
	"labbox/web"
)

// Who comes later sees the last picture of a camera that is slow, not that of one which
// has given none since.
func TestSlowCameraForSomebodyNew(t *testing.T) {
	l, f := withCameras(t, web.CameraTimes{Fresh: time.Millisecond, List: time.Nanosecond, Snapshot: 50 * time.Millisecond}, "demo")
	ms, _ := l.teach(`{}`)
	w := ms.watch(demoStream)
	f.put("demo", 100)
	w.next()
	time.Sleep(5 * time.Millisecond)
	const shot = "/api/v1/cameras/demo/snapshot"
	if a := ms.send("GET", shot, ""); a.status == 200 {
		t.Fatal("an old picture")
	}
	f.mu.Lock()
	c, _ := f.find("demo")
	c.LastMS = c.last.Now().At.Milliseconds()
	f.mu.Unlock()
	if a := ms.send("GET", shot, ""); a.status != 200 {
		t.Fatalf("none: %s", a.body)
	}
	f.change("demo", func(c *edge.Camera) { c.State = edge.CameraLost })
	if a := ms.send("GET", shot, ""); a.status == 200 {
		t.Fatal("a picture of a camera that is lost")
	}
}
