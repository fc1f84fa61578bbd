package web_test

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

func TestOverTLS(t *testing.T) {
	l := newLab(t)
	ts := httptest.NewUnstartedServer(l.srv)
	ts.StartTLS()
	defer ts.Close()
	client := ts.Client()
	resp, err := client.Post(ts.URL+"/api/v1/seats", "application/json", strings.NewReader(`{"nickname":"Ana"}`))
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if c := resp.Cookies()[0]; !c.Secure {
		t.Fatal("the cookie may go out in the clear")
	}
	d := websocket.Dialer{Subprotocols: []string{"lab.v1"}, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	ws, _, err := d.Dial(strings.Replace(ts.URL, "https", "wss", 1)+"/ws", http.Header{"Origin": {ts.URL}})
	if err != nil {
		t.Fatal(err)
	}
	defer ws.Close()
	p := &panel{t: t, ws: ws, begun: time.Now()}
	p.send(map[string]any{"op": "hello", "v": 1})
	p.ok(map[string]any{"op": "subscribe", "device": "pendulum"})
	for i := range 20 {
		l.owner.sample("pendulum", i*1000, 1000)
	}
	seqs, _, gaps := p.samples(20_000)
	wantRun(t, seqs, 0)
	if gaps != nil {
		t.Fatal(gaps)
	}
}
