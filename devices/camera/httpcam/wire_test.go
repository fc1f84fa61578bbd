package httpcam

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"labbox/devices/camera/source"
	"labbox/edge"
)

func TestNoHTTP(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	over := make(chan struct{})
	go func() {
		defer close(over)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Write([]byte("220 mail.example.org " + strings.Repeat("x", 1000) + "\r\n\r\n"))
			_ = c.Close()
		}
	}()
	_, err = first(t, options("http://"+l.Addr().String()))
	lostBy(t, err, source.Gone, "")
	if n := len(edge.AsError(err).Message); n > 250 {
		t.Errorf("%d characters", n)
	}
	_ = l.Close()
	<-over
	_, err = first(t, options("http://"+l.Addr().String()))
	lostBy(t, err, source.Gone, "refused")
}

func TestTLS(t *testing.T) {
	p := drawn(t, 64, 48)
	s := httptest.NewUnstartedServer(streaming(p))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	defer s.Close()
	o := options(s.URL)
	_, err := first(t, o)
	lostBy(t, err, source.Unsupported, "certificate")
	o.Roots = s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	st, err := opened(t, o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := st.Next(); err != nil {
		t.Fatal(err)
	}
	_ = st.Close()
}

// TestNoProxy: the environment does not lead pictures, or passwords, elsewhere.
func TestNoProxy(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	t.Setenv("http_proxy", "http://127.0.0.1:1")
	s := serve(t, streaming(drawn(t, 64, 48)))
	l, err := net.Listen("tcp", "127.0.0.2:0") // net/http asks no proxy for localhost, and 127.0.0.1
	if err != nil {
		t.Skip("no second address of the loopback interface")
	}
	s2 := httptest.NewUnstartedServer(s.Config.Handler)
	_ = s2.Listener.Close()
	s2.Listener = l
	s2.Start()
	defer s2.Close()
	st, err := opened(t, options(s2.URL))
	if err != nil {
		t.Fatal(err)
	}
	_ = st.Close()
}

// TestUnasked: what a camera says without being asked is neither logged nor taken for
// an answer.
func TestUnasked(t *testing.T) {
	var logged bytes.Buffer
	log.SetOutput(&logged)
	defer log.SetOutput(os.Stderr)
	p := string(drawn(t, 64, 48))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	over := make(chan struct{})
	go func() {
		defer close(over)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = http.ReadRequest(bufio.NewReader(c))
			_, _ = fmt.Fprintf(c, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%sHTTP/1.1 200 unasked\r\n\r\n%s", len(p), p, strings.Repeat("junk", 1000))
			_, _ = c.Read(make([]byte, 1)) // until it is closed
			_ = c.Close()
		}
	}()
	o := options("http://" + l.Addr().String())
	o.Snapshot = true
	st, err := opened(t, o)
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if got, err := st.Next(); err != nil || string(got) != p {
			t.Fatal(len(got), err)
		}
	}
	_ = st.Close()
	_ = l.Close()
	<-over
	if logged.Len() > 0 {
		t.Errorf("%.200s", logged.String())
	}
}

func TestHeaders(t *testing.T) {
	for name, answer := range map[string]string{
		"large":       "HTTP/1.1 200 OK\r\n" + strings.Repeat("X-Y: "+strings.Repeat("z", 1000)+"\r\n", 1000) + "\r\n",
		"a long line": "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("z", 1_000_000),
		"provisional": strings.Repeat("HTTP/1.1 102 Processing\r\n\r\n", 1000),
		"none":        "",
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				c, _, err := http.NewResponseController(w).Hijack()
				if err == nil {
					_, _ = c.Write([]byte(answer))
					_ = c.Close()
				}
			})
			_, err := first(t, options(s.URL))
			lostBy(t, err, source.Gone, "")
		})
	}
}

func TestSnapshots(t *testing.T) {
	p := drawn(t, 64, 48)
	var asked, connections atomic.Int64
	s := httptest.NewUnstartedServer(answer("image/jpeg", string(p)))
	h := s.Config.Handler
	s.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { asked.Add(1); h.ServeHTTP(w, r) })
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	s.Start()
	defer s.Close()
	o := options(s.URL)
	o.Snapshot, o.RateHz = true, 50
	st, err := opened(t, o)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	for range 21 {
		if _, err := st.Next(); err != nil {
			t.Fatal(err)
		}
	}
	if d := time.Since(began); d < 400*time.Millisecond {
		t.Errorf("20 pauses of 20 ms took %v", d)
	}
	if asked.Load() != 21 || connections.Load() != 1 {
		t.Errorf("%d requests over %d connections", asked.Load(), connections.Load())
	}
	_ = st.Close()
}
