package web_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"labbox/edge"
	"labbox/edge/picture"
	"labbox/web"
)

// raw asks for a stream over a connection of its own whose receive buffer is small, as
// over a slow line nothing piles up at the browser.
func (s *seat) raw(path, version string) net.Conn {
	s.l.t.Helper()
	d := net.Dialer{Control: smallBuffer}
	c, err := d.Dial("tcp", s.l.addr)
	if err != nil {
		s.l.t.Fatal(err)
	}
	s.l.t.Cleanup(func() { _ = c.Close() })
	fmt.Fprintf(c, "GET %s HTTP/%s\r\nHost: %s\r\nCookie: %s\r\n\r\n", path, version, s.l.addr, s.cookie)
	return c
}

// Who never reads, and who reads a byte a second, is ended and costs the others nothing.
func TestViewersThatDoNotRead(t *testing.T) {
	l, f := withCameras(t, web.CameraTimes{Write: 500 * time.Millisecond}, "demo")
	ms, code := l.teach(`{}`)
	bad := l.student(code, "Bad")
	good := ms.watch(demoStream)
	f.keep(t, "demo", 60_000, 10*time.Millisecond)
	good.next()
	never := bad.raw(demoStream, "1.1")
	byByte := bad.raw(demoStream, "1.1")
	tick := make(chan struct{})
	t.Cleanup(func() { close(tick) })
	go func() {
		for b := make([]byte, 1); ; {
			if _, err := byByte.Read(b); err != nil {
				return
			}
			select {
			case <-tick:
				return
			case <-time.After(100 * time.Millisecond):
			}
		}
	}()
	l.eventually("both look", func() bool { v, _ := l.srv.Viewers(); return v == 3 })
	begun, worst, got := time.Now(), time.Duration(0), 0
	for last := time.Now(); ; got++ {
		good.next()
		worst, last = max(worst, time.Since(last)), time.Now()
		if v, _ := l.srv.Viewers(); v == 1 {
			break
		}
		if time.Since(begun) > 10*time.Second {
			t.Fatal("who does not read stays")
		}
	}
	t.Logf("ended after %v; the other got %d pictures, the longest pause was %v", time.Since(begun), got, worst)
	if worst > 400*time.Millisecond {
		t.Errorf("the other waited %v", worst)
	}
	_ = never.SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, err := io.Copy(io.Discard, never); err != nil && strings.Contains(err.Error(), "timeout") {
		t.Error("the connection is still open")
	}
}

// throttled reads at most perSecond bytes.
type throttled struct {
	r         io.Reader
	perSecond int
	begun     time.Time
	n         int
}

func (s *throttled) Read(b []byte) (int, error) {
	if s.begun.IsZero() {
		s.begun = time.Now()
	}
	n, err := s.r.Read(b[:min(len(b), 2000)])
	s.n += n
	if d := time.Until(s.begun.Add(time.Duration(s.n) * time.Second / time.Duration(s.perSecond))); d > 0 {
		time.Sleep(d)
	}
	return n, err
}

// A viewer on a line of 1 Mbit/s sees fewer pictures, but no old ones.
func TestSlowLineShowsNewPictures(t *testing.T) {
	for _, size := range []int{20_000, 60_000} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			t.Parallel()
			l, f := withCameras(t, web.CameraTimes{}, "demo")
			ms, _ := l.teach(`{}`)
			f.keep(t, "demo", size, time.Second/15)
			c := ms.raw(demoStream, "1.1")
			_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
			slow := &throttled{r: c, perSecond: 125_000}
			res, err := http.ReadResponse(bufio.NewReaderSize(slow, 2000), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			defer c.Close() // first: the body's Close reads on
			st := &stream{t: t, r: picture.NewParts(res.Body, "labbox-picture", 1<<20), cancel: func() { _ = c.Close() }}
			worst, n, first, last := time.Duration(0), 0, uint64(0), uint64(0)
			for begun := time.Now(); time.Since(begun) < 6*time.Second; n++ {
				seq, at := st.next()
				worst = max(worst, f.clock.Mono()-at)
				if first == 0 {
					first = seq
				}
				last = seq
			}
			t.Logf("%d of %d pictures of %d bytes in 6 s, at most %v old", n, last-first+1, size, worst.Round(time.Millisecond))
			if worst > 2*time.Second {
				t.Errorf("a picture was %v old", worst)
			}
			if uint64(n) > last-first {
				t.Errorf("nothing was skipped: %d of %d", n, last-first+1)
			}
		})
	}
}

// Five hundred come and go: nothing is left.
func TestViewersComeAndGo(t *testing.T) {
	l, f := withCameras(t, web.CameraTimes{Linger: 50 * time.Millisecond}, "demo")
	ms, code := l.teach(`{}`)
	f.keep(t, "demo", 20_000, 20*time.Millisecond)
	ms.watch(demoStream).close()
	settled := func() bool {
		v, feeds := l.srv.Viewers()
		open, _ := f.watches()
		return v == 0 && feeds == 0 && open == 0
	}
	l.eventually("nobody looks", settled)
	l.http.CloseIdleConnections()
	goroutines, files := runtime.NumGoroutine(), openFiles(t)
	var seats []*seat
	for i := range 10 {
		seats = append(seats, l.student(code, fmt.Sprint("S", i)))
	}
	for i := range 500 {
		c := seats[i%10].raw(demoStream, "1.1")
		switch i % 5 {
		case 0: // asks and is gone
		case 1:
			_ = c.(*net.TCPConn).SetLinger(0) // reset
		default:
			_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
			if _, err := io.ReadAtLeast(c, make([]byte, 1000*(i%5)), 12); err != nil {
				t.Fatal(err)
			}
		}
		_ = c.Close()
	}
	l.eventually("nobody looks", settled)
	l.http.CloseIdleConnections()
	l.eventually("all is given back", func() bool {
		return runtime.NumGoroutine() <= goroutines+2 && openFiles(t) <= files+2
	})
}

func TestTooManyViewers(t *testing.T) {
	l, f := withCameras(t, web.CameraTimes{}, "demo", "bench")
	ms, code := l.teach(`{}`)
	ana := l.student(code, "Ana")
	f.put("demo", 100)
	paths := []string{demoStream, "/api/v1/cameras/bench/stream"}
	var own []*stream
	for i := range 6 {
		own = append(own, ana.watch(paths[i%2]))
		if own[i].res.StatusCode != 200 {
			t.Fatal(own[i].res.StatusCode)
		}
	}
	for _, path := range append(paths, "/api/v1/cameras/demo/snapshot") {
		if a := ana.send("GET", path, ""); a.status != 429 || a.code() != edge.CodeTooMany || a.header.Get("Retry-After") == "" {
			t.Fatal(a)
		}
	}
	own[0].close()
	l.eventually("there is room again", func() bool { return ana.send("GET", "/api/v1/cameras/demo/snapshot", "").status == 200 })
	for i := range 60 { // with Ana's five they fill what students may have
		s := l.student(code, fmt.Sprint("S", i))
		for n := range 6 {
			if st := s.watch(demoStream); st.res.StatusCode != 200 {
				if v, _ := l.srv.Viewers(); v != 360 || i*6+n+5 != 360 {
					t.Fatalf("refused at %d viewers", v)
				}
				if st := ms.watch(demoStream); st.res.StatusCode != 200 {
					t.Fatalf("no room for the teacher: %d", st.res.StatusCode)
				}
				return
			}
		}
	}
	t.Fatal("never refused")
}

func TestStreamOverHTTP10(t *testing.T) {
	l, f := withCameras(t, web.CameraTimes{}, "demo")
	ms, _ := l.teach(`{}`)
	c := ms.raw(demoStream, "1.0")
	_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
	r := bufio.NewReader(c)
	res, err := http.ReadResponse(r, nil)
	if err != nil || res.StatusCode != 200 || len(res.TransferEncoding) != 0 || !res.Close {
		t.Fatalf("%v %+v", err, res)
	}
	defer res.Body.Close()
	st := &stream{t: t, r: picture.NewParts(res.Body, "labbox-picture", 1<<20), cancel: func() { _ = c.Close() }}
	for range 3 {
		f.put("demo", 5000)
		st.next()
	}
	if a := ms.send("PUT", "/api/v1/cameras/demo/cover", `{"covered":true}`); a.status != 200 {
		t.Fatal(a)
	}
	st.ends(time.Second)
}

// The server's own limits for a request do not cut a stream; its end does.
func TestStreamOutlivesTheReadTimeout(t *testing.T) {
	l, f := withCameras(t, web.CameraTimes{}, "demo")
	hs := l.srv.HTTP()
	hs.ReadTimeout, hs.WriteTimeout = 200*time.Millisecond, 200*time.Millisecond
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = hs.Serve(ln) }()
	defer hs.Close()
	l.addr = ln.Addr().String()
	ms, _ := l.teach(`{}`)
	st := ms.watch(demoStream)
	<-time.After(400 * time.Millisecond)
	for range 3 {
		f.put("demo", 1000)
		st.next()
		<-time.After(100 * time.Millisecond)
	}
	slow := ms.raw(demoStream, "1.1")
	l.eventually("both look", func() bool { v, _ := l.srv.Viewers(); return v == 2 })
	f.put("demo", 8<<20) // more than any queue holds: both are in the middle of it
	if _, err := io.ReadFull(slow, make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := l.srv.Close(ctx); err != nil || time.Since(begun) > time.Second {
		t.Fatalf("closed after %v: %v", time.Since(begun), err)
	}
	st.ends(time.Second)
	_ = slow.Close()
}
