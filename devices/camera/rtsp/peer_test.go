//go:build unix

package rtsp

import (
	"bufio"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func peerMissing(t testing.TB, what, debianPackage string) {
	t.Helper()
	if os.Getenv("LABBOX_REQUIRE_PEERS") == "1" {
		t.Fatalf("%s is missing (Debian: %s), and LABBOX_REQUIRE_PEERS=1", what, debianPackage)
	}
	t.Skipf("%s is missing (Debian: %s)", what, debianPackage)
}

// python is Debian's, which has the GObject bindings.
const python = "/usr/bin/python3"

// serve runs GStreamer's RTSP server until the returned function, or the test, ends it.
func serve(t testing.TB, port, user, password, method, codec string) (address string, stop func()) {
	t.Helper()
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		peerMissing(t, "ffmpeg", "ffmpeg")
	}
	probe := "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import Gst, GstRtspServer; Gst.init(None); " +
		"assert all(Gst.ElementFactory.find(e) for e in ['x264enc', 'rtph264pay', 'rtpjpegpay', 'videotestsrc'])"
	if err := exec.Command(python, "-c", probe).Run(); err != nil {
		peerMissing(t, "GStreamer's RTSP server", "gir1.2-gst-rtsp-server-1.0 python3-gi gstreamer1.0-plugins-good gstreamer1.0-plugins-ugly")
	}
	c := exec.Command(python, "testdata/server.py", port, user, password, method, codec)
	c.Stderr = os.Stderr
	if _, err := c.StdinPipe(); err != nil { // open until this process ends
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	var once sync.Once
	stop = func() {
		once.Do(func() {
			_ = c.Process.Kill()
			_ = c.Wait()
		})
	}
	t.Cleanup(stop)
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return "rtsp://127.0.0.1:" + strings.TrimSpace(line) + "/cam", stop
}
