package offer

import (
	"context"
	"net/http"
	"time"

	"github.com/gorilla/websocket"

	"labbox/devices/sim/faults"
	"labbox/devices/transport"
)

// redial is how long a board waits before it tries again.
const redial = time.Second

// Dial lets the device dial a websocket, as a board does, again and again until
// ctx ends. An empty token is not sent. note is told of each connection (nil) and
// of each failure.
func Dial(ctx context.Context, o *faults.Opener, url, token string, note func(error)) error {
	d := websocket.Dialer{HandshakeTimeout: 5 * time.Second}
	h := http.Header{}
	if token != "" {
		h.Set("Authorization", "Bearer "+token)
	}
	for plugged(ctx, o) == nil {
		ws, res, err := d.DialContext(ctx, url, h)
		if res != nil && res.Body != nil {
			_ = res.Body.Close()
		}
		if err == nil {
			note(nil)
			err = bridge(ctx, o, &socket{ws})
		}
		if err != nil && ctx.Err() == nil {
			note(err)
		}
		t := time.NewTimer(redial)
		select {
		case <-t.C:
		case <-ctx.Done():
		}
		t.Stop()
	}
	return nil
}

// socket is a websocket as a line of messages.
type socket struct{ ws *websocket.Conn }

func (s *socket) Receive(p []byte) (int, transport.Kind, error) {
	for {
		mt, b, err := s.ws.ReadMessage()
		if err != nil {
			return 0, transport.Stream, err
		}
		kind := transport.Text
		if mt == websocket.BinaryMessage {
			kind = transport.Binary
		}
		if len(b) > len(p) {
			return 0, kind, transport.ErrTooLong
		}
		if len(b) > 0 {
			return copy(p, b), kind, nil
		}
	}
}

func (s *socket) Send(p []byte, kind transport.Kind) error {
	mt := websocket.TextMessage
	if kind == transport.Binary {
		mt = websocket.BinaryMessage
	}
	return s.ws.WriteMessage(mt, p)
}

func (s *socket) Close() error { return s.ws.Close() }
