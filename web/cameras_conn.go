package web

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"time"
)

type connKey struct{}

// ConnContext is for http.Server: it lets a stream of pictures reach its connection. A
// server without it sends pictures all the same, older ones where the line is slow.
func ConnContext(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

// pictureBuffer bounds, per connection, the pictures in the kernel, which no newer one
// can overtake: a quarter of a second of a line of 1 Mbit/s, twice that on Linux, which
// doubles it. It still lets 3 MB/s through to a browser 20 ms away.
const pictureBuffer = 32 << 10

// narrow gives a connection that will carry pictures a short queue, and has the kernel
// notice within half a minute that the other end is gone without a word: while a camera
// is lost nothing is sent that would show it.
func narrow(r *http.Request) {
	c, _ := r.Context().Value(connKey{}).(net.Conn)
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	if t, ok := c.(interface{ SetWriteBuffer(n int) error }); ok {
		_ = t.SetWriteBuffer(pictureBuffer)
	}
	if t, ok := c.(interface {
		SetKeepAliveConfig(cfg net.KeepAliveConfig) error
	}); ok {
		_ = t.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true, Idle: 10 * time.Second, Interval: 5 * time.Second, Count: 4})
	}
}
