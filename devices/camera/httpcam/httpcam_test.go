package httpcam

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"labbox/devices/camera/source"
	"labbox/edge/picture"
)

func answer(kind, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = []string{kind}
		if kind == "" {
			w.Header()["Content-Type"] = nil // and none is guessed
		}
		_, _ = w.Write([]byte(body))
	}
}

// hang sends the beginning of an answer and then nothing.
func hang(kind, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", kind)
		_, _ = w.Write([]byte(body))
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}
}

func TestStream(t *testing.T) {
	p := drawn(t, 64, 48)
	s := serve(t, streaming(p))
	st, err := opened(t, options(s.URL))
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if got, err := st.Next(); err != nil || !bytes.Equal(got, p) {
			t.Fatal(len(got), err)
		}
	}
}

func TestForms(t *testing.T) {
	p := drawn(t, 64, 48)
	P := string(p)
	part := "--x\r\n\r\n" + P + "\r\n"
	for _, c := range []struct {
		name, kind, body string
		snapshot         bool
		why              source.Why // "": pictures
		says             string
	}{
		{"parts", "multipart/x-mixed-replace; boundary=x", part, false, "", ""},
		{"parts, no boundary", "multipart/x-mixed-replace", part, false, "", ""},
		{"parts, a boundary against the rules", "multipart/x-mixed-replace; boundary=--a b/c", "--a b/c\r\n\r\n" + P, false, "", ""},
		{"parts by another name", "application/octet-stream", part, false, "", ""},
		{"raw by another name", "", P + P, false, "", ""},
		{"raw", "video/x-motion-jpeg", P + P, false, "", ""},
		{"one picture", "image/jpeg", P, false, source.Unsupported, "snapshot:"},
		{"a web page", "text/html; charset=utf-8", "<html>", false, source.NotJPEG, "text/html"},
		{"text as parts", "multipart/mixed; boundary=x", strings.Repeat("<p>no parts</p>", 200_000), false, source.NotJPEG, ""},
		{"ends", "multipart/x-mixed-replace; boundary=x", "--x\r\n", false, source.Ended, ""},
		{"ends within a picture", "multipart/x-mixed-replace; boundary=x", "--x\r\n\r\n" + P[:300], false, source.Ended, "within"},
		{"too large", "multipart/x-mixed-replace; boundary=x", "--x\r\n\r\n" + P[:640] + strings.Repeat("a", 2<<20), false, source.TooLarge, "max_picture"},
		{"declared too large", "multipart/x-mixed-replace; boundary=x", "--x\r\nContent-Length: 100000000\r\n\r\n" + P, false, source.TooLarge, ""},
		{"snapshot", "image/jpeg", P, true, "", ""},
		{"snapshot by another name", "", P, true, "", ""},
		{"snapshot with padding", "image/jpg", P + "\r\n\x00\x00", true, "", ""},
		{"snapshot is a stream", "multipart/x-mixed-replace; boundary=x", part, true, source.Unsupported, "http:"},
		{"snapshot is a web page", "text/html", "<html>", true, source.NotJPEG, ""},
		{"snapshot is text", "image/jpeg", "sorry", true, source.NotJPEG, ""},
		{"snapshot is empty", "image/jpeg", "", true, source.Ended, ""},
		{"snapshot is cut off", "image/jpeg", P[:300], true, source.Ended, ""},
		{"snapshot is too large", "image/jpeg", P[:640] + strings.Repeat("a", 2<<20), true, source.TooLarge, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := options(serve(t, answer(c.kind, c.body)).URL)
			o.Snapshot = c.snapshot
			got, err := first(t, o)
			if c.why != "" {
				lostBy(t, err, c.why, c.says)
			} else if err != nil || !bytes.Equal(got, p) {
				t.Fatal(len(got), err)
			}
		})
	}
}

// TestHundredMegabytes: a picture without end costs no more than the limit.
func TestHundredMegabytes(t *testing.T) {
	p := drawn(t, 64, 48)
	var sent atomic.Int64
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "multipart/x-mixed-replace; boundary=x")
		_, _ = w.Write([]byte("--x\r\n\r\n" + string(p[:640])))
		for b := make([]byte, 1<<20); sent.Load() < 100<<20; sent.Add(1 << 20) {
			if _, err := w.Write(b); err != nil {
				return
			}
		}
	})
	o := options(s.URL)
	o.Max = 4 << 20
	st, err := opened(t, o)
	if err != nil {
		t.Fatal(err)
	}
	_, err = st.Next()
	lostBy(t, err, source.TooLarge, "")
	_ = st.Close()
	s.Close()
	if n := sent.Load(); n > 60<<20 {
		t.Errorf("%d MB went over the wire", n>>20)
	}
}

func TestAnswers(t *testing.T) {
	for _, c := range []struct {
		status int
		why    source.Why
	}{
		{403, source.Forbidden}, {404, source.Gone}, {410, source.Gone}, {500, source.Gone}, {503, source.Gone}, {204, source.Gone}, {401, source.Login}, {304, source.Gone},
	} {
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(c.status) })
		_, err := first(t, options(s.URL))
		lostBy(t, err, c.why, "")
	}
}

// TestThenBack: 404, then the camera is there again.
func TestThenBack(t *testing.T) {
	p := drawn(t, 64, 48)
	var up atomic.Bool
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if !up.Load() {
			http.NotFound(w, r)
			return
		}
		streaming(p)(w, r)
	})
	src, err := New(options(s.URL))
	if err != nil {
		t.Fatal(err)
	}
	_, err = src.Open(t.Context())
	lostBy(t, err, source.Gone, "404")
	up.Store(true)
	st, err := src.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := st.Next(); err != nil {
		t.Error(err)
	}
	_ = st.Close()
}

func TestSilence(t *testing.T) {
	p := string(drawn(t, 64, 48))
	const parts = "multipart/x-mixed-replace; boundary=x"
	for _, c := range []struct {
		name     string
		handler  http.HandlerFunc
		snapshot bool
	}{
		{"no answer", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, false},
		{"no part", hang(parts, ""), false},
		{"within a picture", hang(parts, "--x\r\n\r\n"+p[:300]), false},
		{"within a snapshot", hang("image/jpeg", p[:300]), true},
		{"a refusal without end", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "1000")
			w.WriteHeader(http.StatusNotFound)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := options(serve(t, c.handler).URL)
			o.Snapshot, o.Stall, o.Connect = c.snapshot, 50*time.Millisecond, 300*time.Millisecond
			_, err := first(t, o)
			if c.name == "a refusal without end" {
				lostBy(t, err, source.Gone, "404")
				return
			}
			lostBy(t, err, source.Stalled, "")
		})
	}
}

// TestEndless: a snapshot whose answer does not end is handed out nevertheless.
func TestEndless(t *testing.T) {
	p := drawn(t, 64, 48)
	o := options(serve(t, hang("image/jpeg", string(p))).URL)
	o.Snapshot = true
	began := time.Now()
	for range 2 {
		if got, err := first(t, o); err != nil || !bytes.Equal(got, p) {
			t.Fatal(err)
		}
	}
	if d := time.Since(began); d > 3*time.Second {
		t.Error(d)
	}
}

// TestCloseWhileWaiting: a Next that waits ends with Close, and with Open's context.
func TestCloseWhileWaiting(t *testing.T) {
	p := string(drawn(t, 64, 48))
	for _, snapshot := range []bool{false, true} {
		kind, body := "multipart/x-mixed-replace; boundary=x", "--x\r\n\r\n"+p
		if snapshot {
			kind, body = "image/jpeg", p
		}
		s := serve(t, hang(kind, body))
		o := options(s.URL)
		o.Snapshot, o.RateHz, o.Stall = snapshot, 0.001, time.Hour
		for _, by := range []string{"close", "context"} {
			t.Run(fmt.Sprint(by, snapshot), func(t *testing.T) {
				src, err := New(o)
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				st, err := src.Open(ctx)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := st.Next(); err != nil {
					t.Fatal(err)
				}
				over := make(chan error)
				go func() { _, err := st.Next(); over <- err }()
				if by == "close" {
					_ = st.Close()
				} else {
					cancel()
				}
				if err := <-over; err == nil {
					t.Error("a picture")
				}
				_ = st.Close()
			})
		}
	}
}

func TestResolutionChanges(t *testing.T) {
	small, large := drawn(t, 64, 48), drawn(t, 128, 96)
	o := options(serve(t, answer("multipart/x-mixed-replace; boundary=x", "--x\r\n\r\n"+string(small)+"\r\n--x\r\n\r\n"+string(large)+"\r\n")).URL)
	st, err := opened(t, o)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []int{64, 128} {
		jpeg, err := st.Next()
		if err != nil {
			t.Fatal(err)
		}
		if w, _, _ := picture.Dimensions(jpeg); w != want {
			t.Error(w, want)
		}
	}
}

func TestNew(t *testing.T) {
	for _, u := range []string{"rtsp://cam/", "cam", "http:///x", "http://a:s3cret@cam/", "http://a b/\x7f"} {
		_, err := New(Options{URL: u})
		lostBy(t, err, source.Unsupported, "")
	}
	src, err := New(Options{URL: "http://cam:81/x?usr=a&pwd=s3cret#f"})
	if err != nil || src.String() != "http://cam:81" {
		t.Error(src, err)
	}
}
