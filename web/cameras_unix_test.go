//go:build unix

package web_test

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"labbox/web"
)

// smallBuffer keeps a client's receive buffer small.
func smallBuffer(_, _ string, c syscall.RawConn) error {
	var err error
	if cerr := c.Control(func(fd uintptr) { err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 16<<10) }); cerr != nil {
		return cerr
	}
	return err
}

// openFiles counts the process's descriptors.
func openFiles(t testing.TB) int {
	t.Helper()
	for _, dir := range []string{"/proc/self/fd", "/dev/fd"} {
		if list, err := os.ReadDir(dir); err == nil {
			return len(list)
		}
	}
	t.Fatal("no list of open files")
	return 0
}

// accepted keeps the connections of a listener.
type accepted struct {
	net.Listener
	conns chan *net.TCPConn
}

func (a accepted) Accept() (net.Conn, error) {
	c, err := a.Listener.Accept()
	if err == nil {
		a.conns <- c.(*net.TCPConn)
	}
	return c, err
}

// The queue of a viewer's connection is short, and the kernel asks whether it is still
// there, also below TLS.
func TestStreamNarrowsItsConnection(t *testing.T) {
	l, f := withCameras(t, web.CameraTimes{}, "demo")
	cert := httptest.NewUnstartedServer(nil)
	cert.StartTLS()
	defer cert.Close()
	conf := &tls.Config{Certificates: cert.TLS.Certificates, NextProtos: []string{"http/1.1"}}
	for name, secure := range map[string]bool{"plain": false, "TLS": true} {
		t.Run(name, func(t *testing.T) {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			a := accepted{ln, make(chan *net.TCPConn, 10)}
			out, scheme := net.Listener(a), "http://"
			if secure {
				out, scheme = tls.NewListener(a, conf), "https://"
			}
			hs := l.srv.HTTP()
			go func() { _ = hs.Serve(out) }()
			defer hs.Close()
			client := cert.Client()
			defer client.CloseIdleConnections()
			res, err := client.Post(scheme+ln.Addr().String()+"/api/v1/seats", "application/json", strings.NewReader(`{"nickname":"Ms"}`))
			if err != nil || res.StatusCode != 201 {
				t.Fatal(err, res)
			}
			_, _ = io.Copy(io.Discard, res.Body)
			_ = res.Body.Close()
			c := <-a.conns
			before := option(t, c, syscall.SOL_SOCKET, syscall.SO_SNDBUF)
			req, _ := http.NewRequest("GET", scheme+ln.Addr().String()+demoStream, nil)
			req.AddCookie(res.Cookies()[0])
			f.put("demo", 1000)
			if res, err = client.Do(req); err != nil || res.StatusCode != 200 || len(a.conns) > 0 {
				t.Fatal(err, res)
			}
			defer res.Body.Close()
			if after := option(t, c, syscall.SOL_SOCKET, syscall.SO_SNDBUF); after > 128<<10 || after >= before {
				t.Errorf("the queue is %d bytes, was %d", after, before)
			}
			const tcpKeepIdle = 4 // of Linux
			if option(t, c, syscall.SOL_SOCKET, syscall.SO_KEEPALIVE) == 0 ||
				runtime.GOOS == "linux" && option(t, c, syscall.IPPROTO_TCP, tcpKeepIdle) != 10 {
				t.Error("the kernel does not ask whether the viewer is there")
			}
		})
	}
}

func option(t *testing.T, c *net.TCPConn, level, name int) (v int) {
	t.Helper()
	rc, err := c.SyscallConn()
	if err == nil {
		var serr error
		err = rc.Control(func(fd uintptr) { v, serr = syscall.GetsockoptInt(int(fd), level, name) })
		err = errors.Join(err, serr)
	}
	if err != nil {
		t.Fatal(err)
	}
	return v
}
