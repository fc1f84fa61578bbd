package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image/jpeg"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"labbox/devices/camera/draw"
	"labbox/edge"
	"labbox/edge/picture"
)

// campusCamera is the lab's camera, at the end of its box file.
const campusCamera = "cameras:\n  - {id: bench, name: Bench, source: {pattern: true}, record: {rate: 5}}\n"

// clockIn reads the clock in a picture.
func clockIn(t *testing.T, b []byte) time.Duration {
	t.Helper()
	img, err := jpeg.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	clock, ok := draw.ReadClock(img)
	if !ok {
		t.Fatal("a picture without its clock")
	}
	return clock
}

func got(t *testing.T, client *http.Client, url string) *http.Response {
	t.Helper()
	res, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = res.Body.Close() })
	if res.StatusCode != http.StatusOK {
		b, _ := io.ReadAll(res.Body)
		t.Fatalf("%s: %s %s", url, res.Status, b)
	}
	return res
}

// The camera hangs on the owner, its viewers on two web processes: pictures, who
// watches, what a run keeps, and the cover that ends a stream elsewhere at once.
func campusCameras(t *testing.T, c *campus) {
	p := c.fresh(t, "Ann")
	api := c.lab.url + "/api/v1/"
	for i := range c.webs {
		c.front.route(i)
		res := got(t, p.http, api+"cameras/bench/snapshot")
		b, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		var us int64
		_, _ = fmt.Sscan(res.Header.Get(picture.HeaderTime), &us)
		if clock := clockIn(t, b); (time.Duration(us)*time.Microsecond - clock).Abs() > 200*time.Millisecond {
			t.Errorf("by web %d: the picture says %v, its header %d us", i, clock, us)
		}
	}
	list := func() (one edge.Camera) {
		var body struct{ Cameras []edge.Camera }
		if err := json.NewDecoder(got(t, p.http, api+"cameras").Body).Decode(&body); err != nil || len(body.Cameras) != 1 {
			t.Fatalf("%+v, %v", body, err)
		}
		return body.Cameras[0]
	}

	c.front.route(1)
	res := got(t, p.http, api+"cameras/bench/stream")
	ended := make(chan error, 1)
	counted := make(chan int, 1000)
	go func() {
		r := picture.NewParts(res.Body, "", 4<<20)
		for n := 1; ; n++ {
			if _, _, err := r.Next(); err != nil {
				ended <- err
				return
			}
			counted <- n
		}
	}()
	for n := 0; n < 20; {
		select {
		case n = <-counted:
		case err := <-ended:
			t.Fatalf("the stream ended after %d pictures: %v", n, err)
		case <-time.After(10 * time.Second):
			t.Fatalf("%d pictures", n)
		}
	}
	c.front.route(0)
	eventually(t, 5*time.Second, "who watches by the other process", func() bool {
		cam := list()
		return len(cam.Viewers) == 1 && strings.HasPrefix(cam.Viewers[0].Name, "Ann") && cam.State == edge.CameraLive
	})

	p.ok(map[string]any{"op": "run.start", "device": "plate", "name": "seen", "pictures": map[string]any{}})
	run := c.lab.status("plate").Run
	for begun := c.chip.Now(); c.chip.Now()-begun < 2*time.Second; {
		c.chip.Advance(100 * time.Millisecond)
	}
	if cam := list(); len(cam.Runs) != 1 || cam.Runs[0] != run {
		t.Errorf("the camera is recorded by %v, want %s", cam.Runs, run)
	}
	p.ok(map[string]any{"op": "run.stop", "device": "plate", "run": run})
	c.front.route(1)
	var detail edge.RunDetail
	if err := json.NewDecoder(got(t, p.http, api+"runs/"+run+"/detail").Body).Decode(&detail); err != nil {
		t.Fatal(err)
	}
	if len(detail.Pictures) != 1 || len(detail.Pictures[0].TimesMS) < 5 {
		t.Fatalf("the run keeps %+v", detail.Pictures)
	}
	// Two pictures a second apart by the run are a second apart by their own clocks.
	times := detail.Pictures[0].TimesMS
	at := func(ms int64) time.Duration {
		b, err := io.ReadAll(got(t, p.http, fmt.Sprintf("%sruns/%s/frames?camera=bench&t=%d", api, run, ms)).Body)
		if err != nil {
			t.Fatal(err)
		}
		return clockIn(t, b)
	}
	first, last := times[0], times[len(times)-1]
	if d := at(last) - at(first) - time.Duration(last-first)*time.Millisecond; d.Abs() > 150*time.Millisecond {
		t.Errorf("the pictures are off by %v", d)
	}

	c.front.route(0)
	req, _ := http.NewRequestWithContext(t.Context(), "PUT", api+"cameras/bench/cover", bytes.NewReader([]byte(`{"covered":true}`)))
	req.Header.Set("Content-Type", "application/json")
	began := time.Now()
	covered, err := p.http.Do(req)
	if err != nil || covered.StatusCode >= 300 {
		t.Fatalf("cover: %v %v", covered, err)
	}
	_ = covered.Body.Close()
	select {
	case <-ended:
		t.Logf("covered: the stream of the other process ended after %v", time.Since(began).Round(time.Millisecond))
	case <-time.After(3 * time.Second):
		t.Error("a covered camera is seen by way of the other process")
	}
	c.front.route(-1)
	if res, err := p.http.Get(api + "cameras/bench/snapshot"); err != nil || res.StatusCode != http.StatusConflict {
		t.Errorf("a picture of a covered camera: %v %v", res, err)
	} else {
		_ = res.Body.Close()
	}
	c.lab.call(p.http, "PUT", "cameras/bench/cover", `{"covered":false}`)
	c.lab.call(p.http, "GET", "cameras/bench/snapshot", "")
}
