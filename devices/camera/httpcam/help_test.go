package httpcam

import (
	"bytes"
	"context"
	"image"
	"image/jpeg"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"labbox/devices/camera/source"
	"labbox/edge"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func drawn(t testing.TB, w, h int) []byte {
	t.Helper()
	img := image.NewGray(image.Rect(0, 0, w, h))
	for i := range img.Pix {
		img.Pix[i] = byte(i * i >> 3)
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// serve answers until the test ends; a handler that waits has to end with its request.
func serve(t testing.TB, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

func options(url string) Options {
	return Options{URL: url + "/cam", Max: 1 << 20, Connect: 5 * time.Second, Stall: 5 * time.Second, RateHz: 1000}
}

// opened is a source's stream; afterwards nothing of it is left.
func opened(t *testing.T, o Options) (source.Stream, error) {
	t.Helper()
	src, err := New(o)
	if err != nil {
		return nil, err
	}
	before := descriptors(t)
	st, err := src.Open(t.Context())
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
		_ = st.Close()
		// its connection is closed by a goroutine of net/http, and by the server
		for end := time.Now().Add(5 * time.Second); descriptors(t) > before; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%d descriptors, %d before", descriptors(t), before)
			}
		}
	})
	return st, nil
}

func descriptors(t testing.TB) int {
	t.Helper()
	d, err := os.ReadDir("/proc/self/fd")
	if os.IsNotExist(err) {
		return 0 // not Linux
	}
	if err != nil {
		t.Fatal(err)
	}
	return len(d)
}

// first is the first picture, or why there is none.
func first(t *testing.T, o Options) ([]byte, error) {
	t.Helper()
	st, err := opened(t, o)
	if err != nil {
		return nil, err
	}
	return st.Next()
}

func lostBy(t *testing.T, err error, why source.Why, says string) {
	t.Helper()
	e := edge.AsError(err)
	if err == nil || e.Code != edge.CodeNoPicture || e.Args["why"] != string(why) || !strings.Contains(e.Message+e.Hint, says) {
		t.Fatalf("%v (%v), want %s and %q", err, e.Args["why"], why, says)
	}
	for _, secret := range []string{"s3cret", "token"} {
		if strings.Contains(e.Message+e.Hint, secret) {
			t.Errorf("a secret: %v", e)
		}
	}
}

// streaming writes pictures until the viewer goes.
func streaming(p []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "multipart/x-mixed-replace;boundary=--myboundary")
		for r.Context().Err() == nil {
			_, _ = w.Write([]byte("--myboundary\r\nContent-Type: image/jpeg\r\n\r\n" + string(p) + "\r\n"))
			_ = http.NewResponseController(w).Flush()
			pause(r.Context(), time.Millisecond)
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
