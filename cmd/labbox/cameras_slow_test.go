package main

import (
	"bytes"
	"image"
	"image/jpeg"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"labbox/devices/camera/intake"
	"labbox/edge"
	"labbox/edge/config"
)

// A camera that the box file says to be slow is not given up between two pictures.
func TestSlowCamera(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for a slow camera")
	}
	t.Parallel()
	var pic bytes.Buffer
	if err := jpeg.Encode(&pic, image.NewGray(image.Rect(0, 0, 16, 16)), nil); err != nil {
		t.Fatal(err)
	}
	slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "video/x-motion-jpeg")
		for r.Context().Err() == nil {
			_, _ = w.Write(pic.Bytes())
			_ = http.NewResponseController(w).Flush()
			select {
			case <-r.Context().Done():
			case <-time.After(intake.DefaultStall + time.Second):
			}
		}
	}))
	defer slow.Close()
	c := config.Camera{ID: "slow", Rate: 0.1, Source: config.CameraSource{HTTP: slow.URL}}
	src, err := cameraSources{p: &parts{log: slog.New(slog.DiscardHandler), clock: edge.NewSystemClock()}, box: &config.Box{}}.open(&c)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := src.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	for range 2 {
		if _, err := stream.Next(); err != nil {
			t.Fatal(err)
		}
	}
}
