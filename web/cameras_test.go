package web_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"labbox/edge"
	"labbox/edge/picture"
	"labbox/web"
)

const demoStream = "/api/v1/cameras/demo/stream"

type cameraList struct {
	Cameras []edge.Camera
	Why     *edge.Error
}

func (s *seat) cameras() (c cameraList) {
	s.l.t.Helper()
	a := s.send("GET", "/api/v1/cameras", "")
	if a.status != 200 {
		s.l.t.Fatal(a)
	}
	a.json(s.l.t, &c)
	return c
}

func TestCameraList(t *testing.T) {
	l, f := withCameras(t, web.CameraTimes{}, "demo", "bench")
	f.change("demo", func(c *edge.Camera) {
		c.State = edge.CameraLost
		c.Reason = edge.Errorf(edge.CodeNoPicture, "dial tcp 192.168.1.44:554: refused").With("why", "gone").With("detail", "192.168.1.44")
	})
	ms, code := l.teach(`{}`)
	ana := l.student(code, "Ana")
	if c := ms.cameras(); len(c.Cameras) != 2 || c.Why != nil || c.Cameras[0].Reason.Args["detail"] == nil || c.Cameras[1].ID != "bench" {
		t.Fatalf("%+v", c)
	}
	if c := ana.cameras(); len(c.Cameras) != 2 || c.Cameras[0].Reason.Args["why"] != "gone" {
		t.Fatalf("%+v", c)
	}
	if a := ana.send("GET", "/api/v1/cameras", ""); strings.Contains(a.body, "192.168") || a.header.Get("Cache-Control") != "no-store" {
		t.Fatalf("a student reads addresses: %s", a.body)
	}
	if a := l.get("/api/v1/cameras"); a.status != 200 || !strings.HasPrefix(a.body, `{"cameras":[],"why":{"code":"no_seat"`) {
		t.Fatal(a)
	}
	// The owner is asked now and then, and the age of what it said is told.
	l.srv.SetCameraTimes(web.CameraTimes{List: time.Hour})
	before, asked := ms.cameras().Cameras[0].NowMS, f.asked()
	l.eventually("time goes on", func() bool { return ms.cameras().Cameras[0].NowMS > before+20 })
	if f.asked() != asked {
		t.Errorf("the owner was asked %d times more", f.asked()-asked)
	}
	none := newLab(t)
	none.join("Ms F")
	if c := none.join("Ms G").cameras(); c.Cameras == nil || len(c.Cameras) != 0 || c.Why != nil {
		t.Fatalf("%+v", c)
	}
}

func TestCameraStream(t *testing.T) {
	l, f := withCameras(t, web.CameraTimes{}, "demo")
	ms, code := l.teach(`{}`)
	ana := l.student(code, "Ana")
	a, b := ana.watch(demoStream), ms.watch(demoStream)
	h := a.res.Header
	if a.res.StatusCode != 200 || h.Get("Content-Type") != picture.ContentType || h.Get("Cache-Control") != "no-store" ||
		h.Get("Cross-Origin-Resource-Policy") != "same-origin" || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Content-Security-Policy") == "" {
		t.Fatalf("%d %v", a.res.StatusCode, h)
	}
	for i := range 3 {
		want := f.put("demo", 5000)
		for _, st := range []*stream{a, b} {
			if seq, at := st.next(); seq != want || at == 0 {
				t.Fatalf("picture %d: %d at %v", i, seq, at)
			}
		}
	}
	if open, opened := f.watches(); open != 1 || opened != 1 {
		t.Fatalf("%d of %d watches for two viewers", open, opened)
	}
	res := ana.send("HEAD", demoStream, "")
	if res.status != 200 || res.header.Get("Content-Type") != picture.ContentType {
		t.Fatal(res)
	}
}

// The first one begins the camera, the last one ends it a little later.
func TestCameraIsWatchedWhileSomebodyLooks(t *testing.T) {
	l, f := withCameras(t, web.CameraTimes{Linger: 300 * time.Millisecond}, "demo")
	ms, _ := l.teach(`{}`)
	if _, opened := f.watches(); opened != 0 {
		t.Fatal("watched for nobody")
	}
	a := ms.watch(demoStream)
	f.put("demo", 100)
	a.next()
	a.close()
	l.eventually("nobody looks", func() bool { v, _ := l.srv.Viewers(); return v == 0 })
	b := ms.watch(demoStream) // within the time
	if seq, _ := b.next(); seq != 1 {
		t.Fatal(seq)
	}
	b.close()
	l.eventually("the camera is left alone", func() bool { open, _ := f.watches(); return open == 0 })
	if _, opened := f.watches(); opened != 1 {
		t.Fatalf("watched %d times", opened)
	}
	if _, feeds := l.srv.Viewers(); feeds != 0 {
		t.Fatal("a feed is left")
	}
	c := ms.watch(demoStream)
	f.put("demo", 100)
	c.next()
	if _, opened := f.watches(); opened != 2 {
		t.Fatalf("watched %d times", opened)
	}
}

// A watch that fails is tried again while somebody waits.
func TestCameraWatchIsTriedAgain(t *testing.T) {
	l, f := withCameras(t, web.CameraTimes{Pause: 5 * time.Millisecond}, "demo")
	ms, _ := l.teach(`{}`)
	f.mu.Lock()
	f.fail = edge.Errorf(edge.CodeNoAnswer, "the owner is away")
	f.mu.Unlock()
	a := ms.watch(demoStream)
	l.eventually("tried again", func() bool { _, opened := f.watches(); return opened > 3 })
	f.mu.Lock()
	f.fail = nil
	f.mu.Unlock()
	f.put("demo", 100)
	a.next()
	f.drop("demo", edge.Errorf(edge.CodeNoAnswer, "the connection broke"))
	want := f.put("demo", 100)
	for seq := uint64(0); seq != want; {
		seq, _ = a.next()
	}
	if n := l.logged("camera not watched"); n != 1 {
		t.Fatalf("logged %d times", n)
	}
}

func TestCameraRate(t *testing.T) {
	l, f := withCameras(t, web.CameraTimes{}, "demo")
	ms, _ := l.teach(`{}`)
	for _, bad := range []string{"NaN", "-1", "0", "Inf", "-Inf", "1e-300", "x", "0x", "1,5", "%00"} {
		if a := ms.send("GET", demoStream+"?hz="+bad, ""); a.status != 400 || a.code() != edge.CodeBadRequest {
			t.Errorf("hz=%s: %d %s", bad, a.status, a.body)
		}
	}
	f.keep(t, "demo", 100, 5*time.Millisecond)
	fast := ms.watch(demoStream + "?hz=1e300")
	slow := ms.watch(demoStream + "?hz=20")
	slow.next()
	begun := time.Now()
	for range 10 {
		slow.next()
	}
	if took := time.Since(begun); took < 400*time.Millisecond {
		t.Errorf("10 pictures at 20/s in %v", took)
	}
	for range 10 {
		fast.next()
	}
}

func TestCameraSnapshot(t *testing.T) {
	l, f := withCameras(t, web.CameraTimes{Snapshot: 300 * time.Millisecond, Seen: 10 * time.Millisecond, Linger: 200 * time.Millisecond}, "demo")
	ms, code := l.teach(`{}`)
	ana := l.student(code, "Ana")
	path := "/api/v1/cameras/demo/snapshot"
	if a := ana.send("GET", path, ""); a.status != 503 || a.code() != edge.CodeNoPicture || !strings.Contains(a.body, `"why":"starting"`) {
		t.Fatal(a)
	}
	f.change("demo", func(c *edge.Camera) {
		c.State, c.Reason = edge.CameraLost, edge.Errorf(edge.CodeNoPicture, "at 10.0.0.7").With("why", "gone")
	})
	if a := ana.send("GET", path, ""); a.status != 503 || !strings.Contains(a.body, `"why":"gone"`) || strings.Contains(a.body, "10.0.0.7") {
		t.Fatal(a)
	}
	f.put("demo", 5000)
	a := ms.send("GET", path, "")
	if a.status != 200 || a.header.Get("Content-Type") != "image/jpeg" || a.body != string(jpegOf(5000, 1)) || a.header.Get(picture.HeaderSeq) != "1" ||
		a.header.Get(picture.HeaderTime) == "" || a.header.Get(picture.HeaderWall) == "" || a.header.Get("Cache-Control") != "no-store" {
		t.Fatal(a.status, a.header, len(a.body))
	}
	l.eventually("told", func() bool { return f.seenNow() == "demo: Ms Frizzle" })
	l.eventually("told that it is over", func() bool { return f.seenNow() == "demo:" })
	if a := ms.send("HEAD", path, ""); a.status != 200 || a.header.Get("Content-Type") != "image/jpeg" || a.body != "" {
		t.Fatal(a)
	}
}

// A picture that is too old is not given to somebody new.
func TestOldPictureIsNotShown(t *testing.T) {
	l, f := withCameras(t, web.CameraTimes{Fresh: 50 * time.Millisecond, Snapshot: 100 * time.Millisecond}, "demo")
	ms, _ := l.teach(`{}`)
	a := ms.watch(demoStream)
	f.put("demo", 100)
	a.next()
	l.eventually("it is old", func() bool { return ms.send("GET", "/api/v1/cameras/demo/snapshot", "").code() == edge.CodeNoPicture })
	b := ms.watch(demoStream)
	l.eventually("both look", func() bool { v, _ := l.srv.Viewers(); return v == 2 })
	want := f.put("demo", 100)
	if seq, _ := b.next(); seq != want {
		t.Fatalf("picture %d came, of %d", seq, want)
	}
}

func TestUnknownCamera(t *testing.T) {
	l, _ := withCameras(t, web.CameraTimes{}, "demo")
	ms, _ := l.teach(`{}`)
	for _, id := range []string{"other", "..", "%2e%2e", "demo%00", "demo%0d%0a", "DEMO", strings.Repeat("x", 500)} {
		for _, what := range []string{"stream", "snapshot"} {
			if a := ms.send("GET", "/api/v1/cameras/"+id+"/"+what, ""); a.status != 404 || a.code() != edge.CodeUnknownCamera {
				t.Errorf("%s %s: %d %s", id, what, a.status, a.body)
			}
		}
		if a := ms.send("PUT", "/api/v1/cameras/"+id+"/cover", `{"covered":true}`); a.status != 404 || a.code() != edge.CodeUnknownCamera {
			t.Errorf("cover %s: %d %s", id, a.status, a.body)
		}
	}
	for _, path := range []string{"/api/v1/cameras/../demo/stream", "/api/v1/cameras/%2e%2e%2fdemo/stream", "/api/v1/cameras//stream"} {
		if a := ms.send("GET", path, ""); a.status != 404 {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
}

func TestCoverCamera(t *testing.T) {
	var done []string
	var mu sync.Mutex
	l, f := withCameras(t, web.CameraTimes{}, "demo", func(c *web.Config) {
		c.Audit = func(e edge.Event) {
			mu.Lock()
			defer mu.Unlock()
			if e.Code == "camera" {
				done = append(done, fmt.Sprint(e.Args))
			}
		}
	})
	ms, code := l.teach(`{}`)
	ana := l.student(code, "Ana")
	cover := "/api/v1/cameras/demo/cover"
	for body, status := range map[string]int{``: 422, `{}`: 422, `{"covered":"yes"}`: 400} {
		if a := ms.send("PUT", cover, body); a.status != status {
			t.Errorf("%s: %d %s", body, a.status, a.body)
		}
	}
	if a := ana.send("PUT", cover, `{"covered":true}`); a.status != 403 || a.code() != edge.CodeForbidden {
		t.Fatal(a)
	}
	if a := ms.send("PUT", cover, `{"covered":true}`, "Origin", "http://evil.example"); a.status != 403 || a.code() != edge.CodeBadOrigin {
		t.Fatal(a)
	}
	st := ana.watch(demoStream)
	f.put("demo", 100)
	st.next()
	a := ms.send("PUT", cover, `{"covered":true}`)
	var got struct{ Camera edge.Camera }
	if a.status != 200 || json.Unmarshal([]byte(a.body), &got) != nil || got.Camera.State != edge.CameraCovered {
		t.Fatal(a)
	}
	st.ends(time.Second)
	for _, what := range []string{"stream", "snapshot"} {
		if a := ms.send("GET", "/api/v1/cameras/demo/"+what, ""); a.status != 409 || a.code() != edge.CodeCovered || !strings.Contains(a.body, "Ms Frizzle") {
			t.Fatal(a)
		}
	}
	if a := ms.send("PUT", cover, `{"covered":false}`); a.status != http.StatusOK {
		t.Fatal(a)
	}
	st = ana.watch(demoStream)
	f.put("demo", 100)
	st.next()
	mu.Lock()
	defer mu.Unlock()
	if len(done) > 0 {
		t.Errorf("recorded here, and by the owner: %q", done)
	}
	if f.covered[0].Name != "Ms Frizzle" || f.covered[0].Role != edge.RoleTeacher {
		t.Fatalf("%+v", f.covered)
	}
}

// Who is covered here sees nothing more, even if the owner's connection has not said so.
func TestCoverWaitsForNobody(t *testing.T) {
	l, f := withCameras(t, web.CameraTimes{}, "demo")
	f.deaf = true
	ms, _ := l.teach(`{}`)
	st := ms.watch(demoStream)
	f.put("demo", 100)
	st.next()
	if a := ms.send("PUT", "/api/v1/cameras/demo/cover", `{"covered":true}`); a.status != 200 {
		t.Fatal(a)
	}
	f.put("demo", 100)
	st.ends(time.Second)
	if open, _ := f.watches(); open != 0 {
		l.eventually("the camera is let go", func() bool { open, _ := f.watches(); return open == 0 })
	}
}
