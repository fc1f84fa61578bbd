//go:build unix

package web_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"labbox/edge"
	"labbox/edge/picture"
	"labbox/web"
)

// The load: 640x480 at 15 pictures/s, 60 kB each, to 30 viewers, the last of which never
// reads.
const (
	benchViewerCount = 30
	benchPictureHz   = 15
	benchPictureSize = 60_000
	benchPictureTime = 5 * time.Second
	viewersEnv       = "LABBOX_BENCH_VIEWERS"
)

// BenchmarkViewers compares the feed with a peer that has none: io.Copy for each viewer,
// each from a source of its own. The viewers are another process. Run it with
//
//	go test -run '^$' -bench Viewers -benchtime 1x ./web
//
// cpu-% is what the server process takes of one core for all viewers.
func BenchmarkViewers(b *testing.B) {
	var feed, peer float64
	b.Run("feed", func(b *testing.B) { feed = benchFeed(b) })
	b.Run("io.Copy", func(b *testing.B) { peer = benchCopy(b) })
	if feed > 0 && peer > 0 {
		fmt.Printf("io.Copy/feed: %.2fx the CPU\n", peer/feed)
	}
}

func benchFeed(b *testing.B) (cpu float64) {
	for b.Loop() {
		l, f := withCameras(b, web.CameraTimes{}, "demo")
		_, code := l.teach(`{}`)
		var cookies []string
		for i := range (benchViewerCount + 5) / 6 {
			cookies = append(cookies, l.student(code, fmt.Sprint("S", i)).cookie)
		}
		stop := f.keep(b, "demo", benchPictureSize, time.Second/benchPictureHz)
		cpu = benchLoad(b, l.addr, strings.Join(cookies, ","))
		stop()
	}
	return cpu
}

// ownSource gives a viewer parts at the source's rate.
type ownSource struct {
	ctx  context.Context
	tick *time.Ticker
	jpeg []byte
	part []byte
	rest []byte
	seq  uint64
}

func (s *ownSource) Read(b []byte) (int, error) {
	if len(s.rest) == 0 {
		select {
		case <-s.ctx.Done():
			return 0, io.EOF
		case <-s.tick.C:
		}
		s.seq++
		s.part = picture.AppendPart(s.part[:0], &edge.Picture{JPEG: s.jpeg, Seq: s.seq, WallMS: time.Now().UnixMilli()})
		s.rest = s.part
	}
	n := copy(b, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

func benchCopy(b *testing.B) (cpu float64) {
	jpeg := jpegOf(benchPictureSize, 1)
	for b.Loop() {
		ctx, cancel := context.WithCancel(context.Background())
		hs := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", picture.ContentType)
			t := time.NewTicker(time.Second / benchPictureHz)
			defer t.Stop()
			_, _ = io.Copy(w, &ownSource{ctx: ctx, tick: t, jpeg: jpeg})
		})}
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			b.Fatal(err)
		}
		go func() { _ = hs.Serve(ln) }()
		cpu = benchLoad(b, ln.Addr().String(), "none")
		cancel()
		_ = hs.Close()
	}
	return cpu
}

// benchLoad runs the viewers and measures this process.
func benchLoad(b *testing.B, addr, cookies string) float64 {
	b.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), viewersEnv+"="+addr+" "+cookies)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	if !lines.Scan() || lines.Text() != "ready" {
		b.Fatalf("viewers say %q", lines.Text())
	}
	before := heap()
	runtime.GC()
	cpu, begun := cpuTime(b), time.Now()
	if !lines.Scan() {
		b.Fatal("the viewers are gone")
	}
	share := 100 * float64(cpuTime(b)-cpu) / float64(time.Since(begun))
	grown := int64(heap()) - int64(before)
	var least, most, p99 float64
	if _, err := fmt.Sscan(lines.Text(), &least, &most, &p99); err != nil {
		b.Fatalf("%q: %v", lines.Text(), err)
	}
	if err := cmd.Wait(); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(share, "cpu-%")
	b.ReportMetric(share/benchViewerCount, "cpu-%/viewer")
	b.ReportMetric(least, "least-hz")
	b.ReportMetric(most, "most-hz")
	b.ReportMetric(p99, "p99-ms")
	b.ReportMetric(float64(grown)/1e6, "grown-MB")
	b.ReportMetric(0, "ns/op")
	return share
}

// benchViewers is the viewers' process: it says ready when all look, and after the time
// the least and the most pictures a second that one got, and how old the 99th of 100 was.
func benchViewers() bool {
	var addr, cookies string
	if n, _ := fmt.Sscanf(os.Getenv(viewersEnv), "%s %s", &addr, &cookies); n != 2 {
		return false
	}
	seats := strings.Split(cookies, ",")
	var ready, done sync.WaitGroup
	var mu sync.Mutex
	var rates []float64
	var ages []int64
	for i := range benchViewerCount {
		ready.Add(1)
		done.Go(func() {
			c, err := net.Dial("tcp", addr)
			die(err)
			fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: %s\r\nCookie: %s\r\n\r\n", demoStream, addr, seats[i/6%len(seats)])
			res, err := http.ReadResponse(bufio.NewReaderSize(c, 64<<10), nil)
			die(err)
			if res.StatusCode != http.StatusOK {
				die(fmt.Errorf("status %d", res.StatusCode))
			}
			ready.Done()
			if i == benchViewerCount-1 { // never reads
				<-time.After(benchPictureTime)
				return
			}
			r, n := picture.NewParts(res.Body, "labbox-picture", 1<<20), 0
			ready.Wait()
			var own []int64
			begun := time.Now()
			for ; time.Since(begun) < benchPictureTime; n++ {
				_, h, err := r.Next()
				die(err)
				wall, _ := strconv.ParseInt(h.Get(picture.HeaderWall), 10, 64)
				own = append(own, time.Now().UnixMilli()-wall)
			}
			mu.Lock()
			defer mu.Unlock()
			rates = append(rates, float64(n)/time.Since(begun).Seconds())
			ages = append(ages, own[1:]...)
		})
	}
	ready.Wait()
	fmt.Println("ready")
	done.Wait()
	slices.Sort(ages)
	fmt.Println(slices.Min(rates), slices.Max(rates), ages[len(ages)*99/100])
	return true
}
