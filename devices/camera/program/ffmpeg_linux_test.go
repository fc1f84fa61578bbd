package program

import (
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"labbox/devices/camera/source"
	pictures "labbox/edge/picture"
)

// TestFFmpeg: ffmpeg as a program that writes pictures, raw and in parts; frozen, it
// stalls, and is ended.
func TestFFmpeg(t *testing.T) {
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		if os.Getenv("LABBOX_REQUIRE_PEERS") == "1" {
			t.Fatal("ffmpeg is missing (Debian: ffmpeg), and LABBOX_REQUIRE_PEERS=1")
		}
		t.Skip("ffmpeg is missing (Debian: ffmpeg)")
	}
	for _, format := range []string{"mjpeg", "mpjpeg"} {
		t.Run(format, func(t *testing.T) {
			st := shell(t, "exec ffmpeg -hide_banner -loglevel error -re -f lavfi -i testsrc=size=640x480:rate=15 -f "+format+" -", func(o *Options) { o.Stall = 2 * time.Second })
			var began time.Time
			const n = 30
			for i := range n + 1 {
				jpeg, err := st.Next()
				if err != nil {
					t.Fatal(err)
				}
				if w, h, err := pictures.Dimensions(jpeg); w != 640 || h != 480 || err != nil {
					t.Fatal(w, h, err)
				}
				if i == 0 {
					began = time.Now()
				}
			}
			if hz := n / time.Since(began).Seconds(); hz < 7 || hz > 30 {
				t.Errorf("%.1f pictures per second, want 15", hz)
			}
			st.(*stream).signal(freeze)
			var err error
			for err == nil {
				_, err = st.Next()
			}
			lostBy(t, err, source.Stalled, "")
		})
	}
}

func freeze(p *os.Process) { _ = p.Signal(syscall.SIGSTOP) }
