package wslisten_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"

	"labbox/devices/transport"
	"labbox/devices/transport/transporttest"
	"labbox/devices/transport/wslisten"
	"labbox/edge"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bench is a listener behind a server.
type bench struct {
	*wslisten.Listener
	url     string
	refused chan *edge.Error
}

func serve(t *testing.T, o wslisten.Options) *bench {
	t.Helper()
	b := &bench{refused: make(chan *edge.Error, 10)}
	o.Refused = func(_ string, why *edge.Error) { b.refused <- why }
	l, err := wslisten.New(o)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(l)
	t.Cleanup(func() { l.Close(); srv.Close() })
	b.Listener, b.url = l, "ws"+strings.TrimPrefix(srv.URL, "http")
	return b
}

func (b *bench) wantTold(t *testing.T, code edge.Code) {
	t.Helper()
	select {
	case told := <-b.refused:
		if told.Code != code {
			t.Errorf("told %v, want %s", told, code)
		}
	case <-time.After(10 * time.Second):
		t.Errorf("nobody was told of %s", code)
	}
}

// board is the device: a websocket client that looks like a transport.Port to
// the suite.
type board struct {
	transport.Port
	ws *websocket.Conn
}

func (b *board) Receive(p []byte) (int, transport.Kind, error) {
	_, msg, err := b.ws.ReadMessage()
	return copy(p, msg), transport.Text, err
}

func (b *board) Send(p []byte, k transport.Kind) error {
	if k == transport.Binary {
		return b.ws.WriteMessage(websocket.BinaryMessage, p)
	}
	return b.ws.WriteMessage(websocket.TextMessage, p)
}

func (b *board) Close() error { return b.ws.Close() }

func dial(t *testing.T, url string, h http.Header) (*board, int, *edge.Error) {
	t.Helper()
	ws, resp, err := websocket.DefaultDialer.Dial(url, h)
	if err != nil {
		if resp == nil {
			t.Fatal(err)
		}
		var body struct{ Error *edge.Error }
		if err := json.NewDecoder(resp.Body).Decode(&body); err != nil {
			t.Errorf("the refusal is no JSON: %v", err)
		}
		return nil, resp.StatusCode, body.Error
	}
	t.Cleanup(func() { ws.Close() })
	return &board{ws: ws}, resp.StatusCode, nil
}

func mustDial(t *testing.T, url string) *board {
	t.Helper()
	b, status, why := dial(t, url, nil)
	if b == nil {
		t.Fatalf("refused with %d: %v", status, why)
	}
	return b
}

func mustOpen(t *testing.T, b *bench) transport.Port {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	p, err := b.Open(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

func TestSuite(t *testing.T) {
	transporttest.Run(t, func(t *testing.T) transporttest.Line {
		b := serve(t, wslisten.Options{WriteTimeout: time.Hour})
		device := mustDial(t, b.url)
		return transporttest.Line{Box: mustOpen(t, b), Device: device, Messages: true, Unplug: func() { device.Close() }}
	})
}

func TestOpenWaitsForTheDevice(t *testing.T) {
	b := serve(t, wslisten.Options{Name: "aeropendulum"})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	_, err := b.Open(ctx)
	if edge.CodeOf(err) != edge.CodePortMissing || !errors.Is(err, context.DeadlineExceeded) || edge.AsError(err).Hint == "" {
		t.Errorf("nobody dials: %v", err)
	}
	got := make(chan transport.Port, 1)
	go func() {
		p, err := b.Open(t.Context())
		if err != nil {
			t.Errorf("open: %v", err)
		}
		got <- p
	}()
	device := mustDial(t, b.url)
	if err := device.Send([]byte("Hola desde el ESP32"), transport.Text); err != nil {
		t.Fatal(err)
	}
	p := <-got
	defer p.Close()
	buf := make([]byte, 64)
	if n, k, err := p.Receive(buf); string(buf[:n]) != "Hola desde el ESP32" || k != transport.Text || err != nil {
		t.Errorf("%q, %v, %v", buf[:n], k, err)
	}
	if _, err := b.Open(t.Context()); edge.CodeOf(err) != edge.CodePortBusy {
		t.Errorf("opened twice: %v", err)
	}
}

func TestWhoMayDialIn(t *testing.T) {
	everywhere := []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}
	elsewhere := []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	bearer := http.Header{"Authorization": {"Bearer secret"}}
	for name, tt := range map[string]struct {
		o      wslisten.Options
		query  string
		h      http.Header
		status int
		code   edge.Code
	}{
		"loopback by default":         {status: 101},
		"loopback but forwarded":      {h: http.Header{"X-Forwarded-For": {"203.0.113.9"}}, status: 401, code: edge.CodeForbidden},
		"forwarded with the token":    {o: wslisten.Options{Token: "secret"}, h: http.Header{"Forwarded": {"for=203.0.113.9"}, "Authorization": {"bearer secret"}}, status: 101},
		"token missing":               {o: wslisten.Options{Token: "secret"}, status: 401, code: edge.CodeForbidden},
		"token wrong":                 {o: wslisten.Options{Token: "secret"}, query: "?token=secrets", status: 401, code: edge.CodeForbidden},
		"token empty":                 {o: wslisten.Options{Token: "secret"}, query: "?token=", status: 401, code: edge.CodeForbidden},
		"no token set, empty given":   {o: wslisten.Options{AllowedAddrs: elsewhere}, query: "?token=", status: 401, code: edge.CodeForbidden},
		"token in the query":          {o: wslisten.Options{Token: "secret"}, query: "?token=secret", status: 101},
		"token in the header":         {o: wslisten.Options{Token: "secret"}, h: bearer, status: 101},
		"basic is no bearer":          {o: wslisten.Options{Token: "secret"}, h: http.Header{"Authorization": {"Basic secret"}}, status: 401, code: edge.CodeForbidden},
		"address of another network":  {o: wslisten.Options{AllowedAddrs: elsewhere}, status: 401, code: edge.CodeForbidden},
		"address or token: the token": {o: wslisten.Options{AllowedAddrs: elsewhere, Token: "secret"}, h: bearer, status: 101},
		"address or token: address":   {o: wslisten.Options{AllowedAddrs: everywhere, Token: "secret"}, status: 101},
		"a browser":                   {h: http.Header{"Origin": {"http://localhost"}}, status: 403, code: edge.CodeBadOrigin},
		"a browser with the token":    {o: wslisten.Options{Token: "secret"}, query: "?token=secret", h: http.Header{"Origin": {"null"}}, status: 403, code: edge.CodeBadOrigin},
		"a browser, origin empty":     {h: http.Header{"Origin": {""}}, status: 403, code: edge.CodeBadOrigin},
	} {
		t.Run(name, func(t *testing.T) {
			b := serve(t, tt.o)
			_, status, why := dial(t, b.url+tt.query, tt.h)
			if status != tt.status || edge.CodeOf(errOrNil(why)) != tt.code {
				t.Errorf("%d, %v; want %d, %s", status, why, tt.status, tt.code)
			}
			if tt.code == "" {
				return
			}
			b.wantTold(t, tt.code)
		})
	}
}

func errOrNil(e *edge.Error) error {
	if e == nil {
		return nil
	}
	return e
}

func TestPlainHTTPIsTold(t *testing.T) {
	b := serve(t, wslisten.Options{})
	resp, err := http.Get("http" + strings.TrimPrefix(b.url, "ws"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusUpgradeRequired || resp.Header.Get("Upgrade") != "websocket" {
		t.Errorf("%s, Upgrade %q", resp.Status, resp.Header.Get("Upgrade"))
	}
	http.DefaultClient.CloseIdleConnections()
}

func TestSecondDeviceIsRefusedWhileOneIsInUse(t *testing.T) {
	b := serve(t, wslisten.Options{})
	first := mustDial(t, b.url)
	p := mustOpen(t, b)
	for range 2 {
		second, status, why := dial(t, b.url, nil)
		if second != nil || status != http.StatusConflict || why.Code != edge.CodePortBusy {
			t.Errorf("second device: %d, %v", status, why)
		}
		b.wantTold(t, edge.CodePortBusy)
	}
	if err := first.Send([]byte("still here"), transport.Text); err != nil {
		t.Fatal(err)
	}
	if got := transporttest.ReadN(t, p, 10); string(got) != "still here" {
		t.Errorf("the first device's message became %q", got)
	}
	p.Close()
	mustDial(t, b.url)
	mustOpen(t, b)
}

func TestRestartedBoardReplacesTheOneThatWaits(t *testing.T) {
	b := serve(t, wslisten.Options{})
	// Which of the two arrives first is not ours to say; one must have gone.
	boards := []*board{mustDial(t, b.url), mustDial(t, b.url)}
	gone := make(chan int, 2)
	for i, d := range boards {
		go func() { _, _, _ = d.Receive(make([]byte, 8)); gone <- i }()
	}
	start := time.Now()
	device := boards[1-<-gone]
	if d := time.Since(start); d > 5*time.Second {
		t.Errorf("the link that was replaced was open for %v more", d)
	}
	p := mustOpen(t, b)
	if err := device.Send([]byte("new"), transport.Text); err != nil {
		t.Fatal(err)
	}
	if got := transporttest.ReadN(t, p, 3); string(got) != "new" {
		t.Errorf("got %q", got)
	}
}

func TestUnwantedDeviceIsLetGo(t *testing.T) {
	b := serve(t, wslisten.Options{HoldFor: 20 * time.Millisecond})
	device := mustDial(t, b.url)
	transporttest.Within(t, "the device's Receive", func() {
		if _, _, err := device.Receive(make([]byte, 8)); err == nil {
			t.Error("a message came")
		}
	})
}

func TestDeadLinkIsLost(t *testing.T) {
	b := serve(t, wslisten.Options{PingEvery: 20 * time.Millisecond})
	mustDial(t, b.url) // reads nothing, so answers no ping
	p := mustOpen(t, b)
	transporttest.Within(t, "Receive", func() {
		if _, _, err := p.Receive(make([]byte, 8)); !errors.Is(err, transport.ErrLost) {
			t.Errorf("ended with %v", err)
		}
	})
}

func TestQuietDeviceThatAnswersPingsStays(t *testing.T) {
	b := serve(t, wslisten.Options{PingEvery: 500 * time.Millisecond})
	device := mustDial(t, b.url)
	pings := 0
	device.ws.SetPingHandler(func(data string) error {
		if pings++; pings == 3 { // a deadline has passed by now
			_ = device.ws.WriteMessage(websocket.TextMessage, []byte("awake"))
		}
		return device.ws.WriteControl(websocket.PongMessage, []byte(data), time.Now().Add(time.Second))
	})
	go func() { _, _, _ = device.ws.ReadMessage() }()
	p := mustOpen(t, b)
	if got := transporttest.ReadN(t, p, 5); string(got) != "awake" {
		t.Errorf("got %q", got)
	}
}

func TestMessageOverTheLimitCostsTheLine(t *testing.T) {
	b := serve(t, wslisten.Options{MaxMessage: 1000})
	device := mustDial(t, b.url)
	p := mustOpen(t, b)
	if err := device.Send(make([]byte, 1000), transport.Binary); err != nil {
		t.Fatal(err)
	}
	transporttest.ReadN(t, p, 1000)
	if err := device.Send(nil, transport.Text); err != nil { // says nothing, costs nothing
		t.Fatal(err)
	}
	_ = device.Send(make([]byte, 1001), transport.Binary)
	_, _, err := p.Receive(make([]byte, 4096))
	if !errors.Is(err, transport.ErrLost) || !strings.Contains(err.Error(), "1000 bytes") {
		t.Errorf("%v", err)
	}
}

func TestWhatWasSentBeforeCloseArrives(t *testing.T) {
	b := serve(t, wslisten.Options{})
	for range 20 {
		device := mustDial(t, b.url)
		p := mustOpen(t, b)
		// the device talks on and nobody reads it: closing resets the connection
		for range 50 {
			if err := device.Send(make([]byte, 64), transport.Binary); err != nil {
				t.Fatal(err)
			}
		}
		if err := p.Send([]byte("stop"), transport.Text); err != nil {
			t.Fatal(err)
		}
		p.Close()
		buf := make([]byte, 16)
		if n, _, err := device.Receive(buf); string(buf[:n]) != "stop" {
			t.Fatalf("the device got %q, %v", buf[:n], err)
		}
		device.Close()
	}
}

func TestJunkOnTheWireIsALostLine(t *testing.T) {
	b := serve(t, wslisten.Options{})
	device := mustDial(t, b.url)
	p := mustOpen(t, b)
	if _, err := io.WriteString(device.ws.NetConn(), strings.Repeat("\xff\x00junk", 100)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := p.Receive(make([]byte, 64)); !errors.Is(err, transport.ErrLost) {
		t.Errorf("%v", err)
	}
	if err := p.Send([]byte("x"), transport.Text); !errors.Is(err, transport.ErrLost) {
		t.Errorf("send: %v", err)
	}
}

func TestHalfAMessageIsNoMessage(t *testing.T) {
	b := serve(t, wslisten.Options{})
	device := mustDial(t, b.url)
	p := mustOpen(t, b)
	w, err := device.ws.NextWriter(websocket.BinaryMessage)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(make([]byte, 5000)); err != nil { // more than a frame: the first goes out
		t.Fatal(err)
	}
	device.ws.NetConn().(*net.TCPConn).CloseWrite()
	if n, _, err := p.Receive(make([]byte, 8192)); n != 0 || !errors.Is(err, transport.ErrLost) {
		t.Errorf("%d bytes, %v", n, err)
	}
}

func TestListenerClose(t *testing.T) {
	b := serve(t, wslisten.Options{})
	device := mustDial(t, b.url)
	p := mustOpen(t, b)
	b.Close()
	if _, _, err := p.Receive(make([]byte, 8)); !errors.Is(err, transport.ErrClosed) {
		t.Errorf("receive: %v", err)
	}
	if _, _, err := device.Receive(make([]byte, 8)); !websocket.IsCloseError(err, websocket.CloseGoingAway) {
		t.Errorf("the device was told %v", err)
	}
	if _, err := b.Open(t.Context()); !errors.Is(err, transport.ErrClosed) {
		t.Errorf("open: %v", err)
	}
	if _, status, _ := dial(t, b.url, nil); status != http.StatusServiceUnavailable {
		t.Errorf("dial: %d", status)
	}
}

func TestBadOptions(t *testing.T) {
	if _, err := wslisten.New(wslisten.Options{MaxMessage: -1}); edge.CodeOf(err) != edge.CodeBadConfig {
		t.Errorf("%v", err)
	}
}
