//go:build unix

package rtsp

import (
	"bytes"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"labbox/devices/camera/source"
	"labbox/edge"
	"labbox/edge/picture"
)

type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func open(t *testing.T, o Options) source.Stream {
	t.Helper()
	if o.Max == 0 {
		o.Max = 1 << 20
	}
	src, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	st, err := src.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	return st
}

func lostBy(t *testing.T, err error, why source.Why) {
	t.Helper()
	if e := edge.AsError(err); err == nil || e.Code != edge.CodeNoPicture || e.Args["why"] != string(why) {
		t.Fatalf("%v (%v), want %s", err, e.Args["why"], why)
	}
}

// nasty is what shells, addresses, ffmpeg's scripts and its quoting would trip over.
const nasty = "a'b\"c\\d $(e)`f`;&|%41@/?#:[x] \u00e9\u20ac*"

// TestPassword: ffmpeg signs in with any password, and nobody sees it.
func TestPassword(t *testing.T) {
	for _, c := range []struct{ name, method, codec, password string }{
		{"digest, H264", "digest", "h264", nasty},
		{"basic, JPEG", "basic", "jpeg", nasty},
	} {
		t.Run(c.name, func(t *testing.T) {
			address, _ := serve(t, "0", "lab", c.password, c.method, c.codec)
			var log logged
			o := Options{URL: address, User: "lab", Password: c.password, RateHz: 10, Width: 320, Height: 320, Logger: slog.New(slog.NewTextHandler(&log, nil))}
			st := open(t, o)
			jpeg, err := st.Next()
			if err != nil {
				t.Fatal(err, log.String())
			}
			if w, h, err := picture.Dimensions(jpeg); w != 320 || h != 240 || err != nil {
				t.Error(w, h, err)
			}
			unseen(t, c.password)
			began, n := time.Now(), 20
			for range n {
				if _, err := st.Next(); err != nil {
					t.Fatal(err)
				}
			}
			// of 15 pictures a second those at least 75 ms apart: every second
			if hz := float64(n) / time.Since(began).Seconds(); hz < 3 || hz > 13 {
				t.Errorf("%.1f pictures per second, want 7.5", hz)
			}

			o.Password += "x"
			_, err = open(t, o).Next()
			lostBy(t, err, source.Login)
			for _, s := range []string{log.String(), err.Error(), edge.AsError(err).Hint} {
				for _, secret := range []string{c.password, escape(c.password), "lab:"} {
					if strings.Contains(s, secret) {
						t.Errorf("%q is in %s", secret, s)
					}
				}
			}
		})
	}
}

// unseen looks for a password in what others can see of processes (Linux).
func unseen(t *testing.T, password string) {
	t.Helper()
	names, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	found := false
	for _, n := range names {
		for _, of := range []string{n, filepath.Join(filepath.Dir(n), "environ")} {
			b, _ := os.ReadFile(of)
			if bytes.Contains(b, []byte("testdata/server.py")) {
				continue // the camera itself
			}
			found = found || bytes.HasPrefix(b, []byte("ffmpeg\x00"))
			if bytes.Contains(b, []byte(password)) || bytes.Contains(b, []byte(escape(password))) {
				t.Errorf("the password is in %s: %q", of, b)
			}
		}
	}
	if len(names) > 0 && !found {
		t.Error("no ffmpeg among the processes")
	}
}

// TestBack: a camera that goes is lost, and one that is back is seen again; its sound
// does not matter.
func TestBack(t *testing.T) {
	address, stop := serve(t, "0", "", "", "", "h264")
	address = strings.TrimSuffix(address, "/cam") + "/audio"
	o := Options{URL: address, RateHz: 15}
	st := open(t, o)
	if _, err := st.Next(); err != nil {
		t.Fatal(err)
	}
	stop()
	var err error
	for err == nil {
		_, err = st.Next()
	}
	lostBy(t, err, source.Ended)
	_, err = open(t, o).Next()
	lostBy(t, err, source.Gone)

	_, port, _ := strings.Cut(strings.TrimPrefix(address, "rtsp://"), ":")
	port, _, _ = strings.Cut(port, "/")
	serve(t, port, "", "", "", "h264")
	if _, err = open(t, o).Next(); err != nil {
		t.Fatal(err)
	}
	_, err = open(t, Options{URL: strings.TrimSuffix(address, "/audio") + "/other"}).Next()
	lostBy(t, err, source.Gone)
}

// TestSilent: a camera that takes the connection and says nothing.
func TestSilent(t *testing.T) {
	if _, stop := serve(t, "0", "", "", "", "jpeg"); stop != nil {
		stop() // all that is needed is there
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	began := time.Now()
	_, err = open(t, Options{URL: "rtsp://" + l.Addr().String() + "/cam", First: 400 * time.Millisecond}).Next()
	lostBy(t, err, source.Stalled)
	if d := time.Since(began); d > 4*time.Second {
		t.Error(d)
	}
}

func TestRefused(t *testing.T) {
	for _, o := range []Options{
		{URL: "http://cam/x"},
		{URL: "rtsp:///x"},
		{URL: "rtsp://u:p@cam/x"},
		{URL: "rtsp://cam/x", User: "a:b", Password: "p"},
		{URL: "rtsp://cam/x", User: "a", Password: strings.Repeat("p", 126)},
		{URL: "rtsp://cam/x", User: "a", Password: "p\nfile 'x'"},
	} {
		_, err := New(o)
		lostBy(t, err, source.Unsupported)
	}
	src, err := New(Options{URL: "rtsp://cam/x?password=secret", FFmpeg: "labbox-no-ffmpeg"})
	if err != nil || src.String() != "rtsp://cam" {
		t.Fatal(src, err)
	}
	_, err = src.Open(t.Context())
	lostBy(t, err, source.Unsupported)
	if !strings.Contains(edge.AsError(err).Hint, "apt install ffmpeg") {
		t.Error(edge.AsError(err).Hint)
	}
}
