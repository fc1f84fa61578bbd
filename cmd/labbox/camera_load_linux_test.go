package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"image/jpeg"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/textproto"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"labbox/devices/camera/draw"
	"labbox/edge"
	"labbox/edge/picture"
)

// What one camera and a class may cost: 640x480 at 15 pictures a second to 30 viewers,
// one of them stalled.
const (
	cameraHz      = 15
	cameraViewers = 30
	cameraWatch   = 15 * time.Second
	cameraPerCPU  = 15 // percent of one core
	cameraFair    = 0.95
	cameraFrames  = 60 // after which the pattern's clock begins again
)

// cameraEnv makes the test binary a camera on the network: it prints its address and,
// as soon as somebody watches, the machine's monotonic clock at which the clock in its
// pictures was zero.
const cameraEnv = "LABBOX_TEST_CAMERA"

// bootTime is the same in all processes.
func bootTime() time.Duration {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts)
	return time.Duration(ts.Nano())
}

const framePeriod = time.Second / cameraHz

func cameraMain() bool {
	if os.Getenv(cameraEnv) == "" {
		return false
	}
	clock := &stillClock{}
	pattern, err := draw.NewPattern(draw.Options{RateHz: 1000, Quality: 98, Clock: clock}).Open(context.Background())
	watchersDie(err)
	var frames [][]byte
	for i := range cameraFrames {
		clock.now = time.Duration(i) * framePeriod
		b, err := pattern.Next()
		watchersDie(err)
		frames = append(frames, b)
	}
	watchersDie(pattern.Close())
	var once sync.Once
	var zero time.Duration
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", picture.ContentType)
		once.Do(func() {
			zero = bootTime()
			fmt.Println("zero", int64(zero))
		})
		var buf []byte
		for n := int64((bootTime()-zero)/framePeriod) + 1; ; n++ {
			time.Sleep(zero + time.Duration(n)*framePeriod - bootTime())
			if picture.Write(w, &buf, &edge.Picture{JPEG: frames[n%cameraFrames], Seq: uint64(n)}) != nil {
				return
			}
			w.(http.Flusher).Flush()
		}
	}))
	fmt.Println(srv.URL)
	_, _ = io.Copy(io.Discard, os.Stdin)
	return true
}

// stillClock says what it is told.
type stillClock struct{ now time.Duration }

func (c *stillClock) Mono() time.Duration { return c.now }
func (c *stillClock) Wall() time.Time     { return time.UnixMilli(0) }

// startCamera returns its address, and later the zero of its clock.
func startCamera(t *testing.T) (address string, zero func() time.Duration) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), cameraEnv+"=1")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = in.Close(); _ = cmd.Process.Kill(); _ = cmd.Wait() })
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		t.Fatal("the camera ended")
	}
	return lines.Text(), func() time.Duration {
		var ns int64
		if !lines.Scan() {
			t.Fatal("the camera ended")
		}
		if _, err := fmt.Sscanf(lines.Text(), "zero %d", &ns); err != nil {
			t.Fatal(err)
		}
		return time.Duration(ns)
	}
}

// shown is one picture as a viewer got it.
type shown struct {
	seq  uint64
	at   time.Duration // bootTime
	jpeg []byte
}

// view reads a stream as a browser does, until it ends. keep: the pictures, too.
func view(conn net.Conn, path, host, cookie string, keep bool, each func(shown)) error {
	if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nCookie: %s\r\n\r\n", path, host, cookie); err != nil {
		return err
	}
	r := bufio.NewReaderSize(conn, 64<<10)
	res, err := http.ReadResponse(r, nil)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("status %s", res.Status)
	}
	body := textproto.NewReader(bufio.NewReaderSize(res.Body, 64<<10))
	for {
		if _, err := body.ReadLine(); err != nil { // the boundary
			return err
		}
		h, err := body.ReadMIMEHeader()
		if err != nil {
			return err
		}
		n, err := strconv.ParseInt(h.Get("Content-Length"), 10, 32)
		if err != nil {
			return err
		}
		p := shown{}
		p.seq, _ = strconv.ParseUint(h.Get(picture.HeaderSeq), 10, 64)
		into := io.Discard
		var b bytes.Buffer
		if keep {
			into = &b
		}
		if _, err := io.CopyN(into, body.R, n); err != nil {
			return err
		}
		p.at, p.jpeg = bootTime(), b.Bytes()
		if _, err := body.ReadLine(); err != nil {
			return err
		}
		each(p)
	}
}

// seatCookie is the cookie of a new seat in the class.
func (b *box) seatCookie(code, name string) string {
	b.t.Helper()
	jar, _ := cookiejar.New(nil)
	b.call(&http.Client{Jar: jar}, "POST", "seats", fmt.Sprintf(`{"code":%q,"nickname":%q}`, code, name))
	u, _ := url.Parse(b.url)
	var out []string
	for _, c := range jar.Cookies(u) {
		out = append(out, c.Name+"="+c.Value)
	}
	return strings.Join(out, "; ")
}

// A class watches a camera on the network. The camera is another process, and the
// clock in its pictures tells how long each was on its way.
func TestCameraForAClass(t *testing.T) {
	if testing.Short() {
		t.Skip("long")
	}
	address, zeroOf := startCamera(t)
	b := startRelease(t, filepath.Join(t.TempDir(), "data"), fmt.Sprintf(`schema: 1
box: bench
devices:
  - {id: pendulum, type: penduino, port: {sim: true}}
cameras:
  - {id: bench, name: Bench, source: {http: %q}}
`, address))
	b.until("pendulum", "live", isLive)
	code := b.openClass(b.seat("Teacher"))
	host := strings.TrimPrefix(b.url, "http://")
	const path = "/api/v1/cameras/bench/stream"

	cpu0, began0 := cpuOf(t, []*box{b}), time.Now()
	time.Sleep(2 * time.Second)
	idle := 100 * float64(cpuOf(t, []*box{b})-cpu0) / float64(time.Since(began0))

	var mu sync.Mutex
	got := make([][]shown, cameraViewers-1)
	var done sync.WaitGroup
	var conns []net.Conn
	dial := func() net.Conn {
		conn, err := net.Dial("tcp", host)
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, conn)
		return conn
	}
	stalled := dial()
	_ = stalled.(*net.TCPConn).SetReadBuffer(4 << 10)
	if _, err := fmt.Fprintf(stalled, "GET %s HTTP/1.1\r\nHost: %s\r\nCookie: %s\r\n\r\n", path, host, b.seatCookie(code, "Stalled")); err != nil {
		t.Fatal(err)
	}
	for i := range got {
		conn, cookie := dial(), b.seatCookie(code, fmt.Sprint("Viewer ", i))
		done.Go(func() {
			err := view(conn, path, host, cookie, i == 0, func(p shown) {
				mu.Lock()
				got[i] = append(got[i], p)
				mu.Unlock()
			})
			mu.Lock()
			defer mu.Unlock()
			if len(got[i]) == 0 {
				t.Errorf("viewer %d: %v", i, err)
			}
		})
	}
	zero := zeroOf()
	time.Sleep(3 * time.Second) // everybody is there
	mu.Lock()
	for i := range got {
		got[i] = nil
	}
	mu.Unlock()
	cpu, began, rss := cpuOf(t, []*box{b}), time.Now(), residentMiB(t, b)
	time.Sleep(cameraWatch)
	used, length, grown := cpuOf(t, []*box{b})-cpu, time.Since(began), residentMiB(t, b)-rss
	mu.Lock()
	seen := slices.Clone(got)
	mu.Unlock()
	for _, c := range conns {
		_ = c.Close()
	}
	done.Wait()

	source := 0
	least, most := 1.0, 0.0
	for _, v := range seen {
		if len(v) > 1 {
			source = max(source, int(v[len(v)-1].seq-v[0].seq)+1)
		}
	}
	for i, v := range seen {
		fair := float64(len(v)) / float64(source)
		least, most = min(least, fair), max(most, fair)
		if fair < cameraFair {
			t.Errorf("viewer %d got %d of %d pictures", i, len(v), source)
		}
	}
	if want := cameraFair * cameraHz * length.Seconds(); float64(source) < want {
		t.Errorf("the box took %d pictures, want %.0f", source, want)
	}
	var took []time.Duration
	bytesOf := 0
	for _, p := range seen[0] {
		bytesOf += len(p.jpeg)
		img, err := jpeg.Decode(bytes.NewReader(p.jpeg))
		if err != nil {
			t.Fatal(err)
		}
		clock, ok := draw.ReadClock(img)
		if !ok {
			t.Fatal("a picture without a clock")
		}
		const again = cameraFrames * framePeriod
		took = append(took, ((p.at-zero-clock)%again+again)%again)
	}
	slices.Sort(took)
	p99 := took[len(took)*99/100]
	share := 100 * float64(used) / float64(length.Nanoseconds())
	fmt.Printf("camera: %d viewers, one stalled: %.1f %% of one core (%.1f %% before), %.1f pictures/s of %d kB, each viewer %.1f to %.1f %% of them, %.1f MiB grown by %.1f; on the way: median %v, p99 %v (a picture lasts %v)\n",
		cameraViewers, share, idle, float64(source)/length.Seconds(), bytesOf/len(seen[0])/1000, 100*least, 100*most, rss, grown,
		took[len(took)/2].Round(100*time.Microsecond), p99.Round(100*time.Microsecond), framePeriod.Round(100*time.Microsecond))
	if share > cameraPerCPU {
		t.Errorf("%.1f %% of one core, want %d at most", share, cameraPerCPU)
	}
	if p99 > framePeriod {
		t.Errorf("p99 %v, want %v at most", p99, framePeriod)
	}
	if grown > 8 {
		t.Errorf("grown by %.1f MiB", grown)
	}
}
