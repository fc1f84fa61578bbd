package web_test

import (
	"testing"
)

// A connection that waits with its hello does not outlive its seat.
func TestRemovedBeforeHello(t *testing.T) {
	l := newLab(t)
	ms, code := l.teach(`{}`)
	ana := l.student(code, "Ana")
	p, _, err := l.dial("Cookie", ana.cookie)
	if err != nil {
		t.Fatal(err)
	}
	defer p.ws.Close()
	if a := ms.send("DELETE", "/api/v1/class/seats/"+ana.ID, ""); a.status != 204 {
		t.Fatal(a)
	}
	_ = p.ws.WriteJSON(map[string]any{"op": "hello", "v": 1}) // it may be cut already
	if code := p.closed(); code != 4401 {
		t.Fatalf("close code %d", code)
	}
}
