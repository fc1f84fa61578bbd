package httpcam

import (
	"net"
	"os"
	"os/exec"
	"testing"
	"time"

	"labbox/devices/camera/source"
	"labbox/edge/picture"
)

// ffmpeg serves a test picture at 15 Hz to one viewer, and ends.
func ffmpeg(t *testing.T, address string) *exec.Cmd {
	t.Helper()
	program, err := exec.LookPath("ffmpeg")
	if err != nil {
		if os.Getenv("LABBOX_REQUIRE_PEERS") == "1" {
			t.Fatal("ffmpeg is missing (Debian: ffmpeg), and LABBOX_REQUIRE_PEERS=1")
		}
		t.Skip("ffmpeg is missing (Debian: ffmpeg)")
	}
	c := exec.Command(program, "-hide_banner", "-loglevel", "error", "-nostdin", "-re", "-f", "lavfi", "-i", "testsrc=size=640x480:rate=15",
		"-f", "mpjpeg", "-listen", "1", address)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Kill()
		_ = c.Wait()
	})
	return c
}

// TestFFmpeg: ffmpeg as a camera, seen at its rate; killed and back.
func TestFFmpeg(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := "http://" + l.Addr().String() // ffmpeg takes no port 0
	_ = l.Close()
	src, err := New(options(address))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		peer := ffmpeg(t, address+"/cam")
		var st source.Stream
		for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
			if st, err = src.Open(t.Context()); err == nil {
				break
			}
			if lostBy(t, err, source.Gone, ""); time.Now().After(end) {
				t.Fatal(err)
			}
		}
		var began time.Time
		const n = 30
		for i := range n + 1 {
			jpeg, err := st.Next()
			if err != nil {
				t.Fatal(err)
			}
			if w, h, err := picture.Dimensions(jpeg); w != 640 || h != 480 || err != nil {
				t.Fatal(w, h, err)
			}
			if i == 0 {
				began = time.Now()
			}
		}
		if hz := n / time.Since(began).Seconds(); hz < 7 || hz > 30 {
			t.Errorf("%.1f pictures per second, want 15", hz)
		}
		_ = peer.Process.Kill()
		for err = nil; err == nil; {
			_, err = st.Next()
		}
		_ = st.Close()
		_, err = src.Open(t.Context())
		lostBy(t, err, source.Gone, "refused")
	}
}
