package web

import (
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/gorilla/websocket"

	"labbox/edge"
)

// Limits of one connection (docs/ref/websocket.md).
const (
	subprotocol   = "lab.v1"
	maxMessage    = 64 << 10
	maxPerSecond  = 200
	helloWithin   = 5 * time.Second
	deadAfter     = 4 * time.Second // no pong and no message
	writeWithin   = 10 * time.Second
	holderAlive   = 1500 * time.Millisecond // a pong or message of a driver must be younger
	beatEvery     = 500 * time.Millisecond
	closeWithin   = time.Second
	maxLiveBytes  = 256 << 10 // of one binary message, about
	maxOutPending = 512       // control messages that wait for a slow client
	kernelBuffer  = 128 << 10
	maxDrain      = 16 << 20 // bytes thrown away at the end, at most
)

// wire is one websocket connection as the hub uses it: it reads messages and
// writes bytes that are framed already. One goroutine reads, one writes.
type wire interface {
	// Read returns the next text message, valid until the next Read.
	Read() ([]byte, error)
	// Write sends whole websocket frames.
	Write(frames net.Buffers) error
	// Deadline ends a Read that lasts longer.
	Deadline(t time.Time)
	// Drain sends no more and throws away what still comes, so that the other
	// side gets to read our good-bye.
	Drain(within time.Duration)
	// Close cuts the connection.
	Close() error
}

// Errors of Read that end a connection with 4400.
var (
	errBinary   = errors.New("web: binary message from a client")
	errTooLarge = errors.New("web: message over 64 KiB")
	errFlood    = errors.New("web: more than 200 messages a second")
	errNoHello  = errors.New("web: another message before hello")
)

// gorilla is a wire over gorilla/websocket: it does the handshake and parses what
// comes in. All that goes out is framed by us: the same bytes for every client.
type gorilla struct {
	ws     *websocket.Conn
	buf    []byte // of the reader
	joined []byte // of the writer
}

// upgrade answers the handshake. heard is called for every pong and ping; ping
// additionally with the payload that wants a pong.
func upgrade(w http.ResponseWriter, r *http.Request, heard func() error, ping func(data string)) (wire, error) {
	up := websocket.Upgrader{
		HandshakeTimeout: closeWithin,
		ReadBufferSize:   1 << 10,
		WriteBufferSize:  1, // never used
		Subprotocols:     []string{subprotocol},
		CheckOrigin:      func(*http.Request) bool { return true }, // checked before
		Error:            func(http.ResponseWriter, *http.Request, int, error) {},
	}
	ws, err := up.Upgrade(w, r, http.Header{requestIDHeader: {idOf(w)}})
	if err != nil {
		return nil, edge.Errorf(edge.CodeBadRequest, "websocket handshake: %v", err)
	}
	nc := ws.NetConn()
	if t, ok := nc.(*tls.Conn); ok {
		nc = t.NetConn()
	}
	if tcp, ok := nc.(interface{ SetWriteBuffer(int) error }); ok {
		// What waits in the kernel cannot be overtaken by a pong or a gap.
		_ = tcp.SetWriteBuffer(kernelBuffer)
	}
	ws.SetPongHandler(func(string) error { return heard() })
	ws.SetPingHandler(func(data string) error {
		ping(data)
		return heard()
	})
	ws.SetCloseHandler(func(int, string) error { return nil }) // the writer answers
	return &gorilla{ws: ws}, nil
}

func (g *gorilla) Read() ([]byte, error) {
	kind, r, err := g.ws.NextReader()
	if err != nil {
		return nil, err
	}
	if kind != websocket.TextMessage {
		return nil, errBinary
	}
	g.buf = g.buf[:0]
	for {
		if len(g.buf) == cap(g.buf) {
			g.buf = slices.Grow(g.buf, 512)
		}
		n, err := r.Read(g.buf[len(g.buf):cap(g.buf)])
		g.buf = g.buf[:len(g.buf)+n]
		switch {
		case len(g.buf) > maxMessage:
			return nil, errTooLarge
		case errors.Is(err, io.EOF):
			return g.buf, nil
		case err != nil:
			return nil, err
		}
	}
}

func (g *gorilla) Write(frames net.Buffers) error {
	nc := g.ws.NetConn()
	if err := nc.SetWriteDeadline(time.Now().Add(writeWithin)); err != nil {
		return err
	}
	if _, ok := nc.(*net.TCPConn); ok {
		_, err := frames.WriteTo(nc) // one system call
		return err
	}
	g.joined = g.joined[:0] // TLS: one record, not one per piece
	for _, b := range frames {
		g.joined = append(g.joined, b...)
	}
	_, err := nc.Write(g.joined)
	return err
}

func (g *gorilla) Deadline(t time.Time) { _ = g.ws.SetReadDeadline(t) }

func (g *gorilla) Drain(within time.Duration) {
	nc := g.ws.NetConn()
	if half, ok := nc.(interface{ CloseWrite() error }); ok {
		if half.CloseWrite() != nil {
			return // gone already
		}
	}
	if nc.SetReadDeadline(time.Now().Add(within)) == nil {
		_, _ = io.CopyN(io.Discard, nc, maxDrain)
	}
}

func (g *gorilla) Close() error { return g.ws.Close() }

// Opcodes of RFC 6455, section 5.2, with the final bit.
const (
	opText   = 0x81
	opBinary = 0x82
	opClose  = 0x88
	opPing   = 0x89
	opPong   = 0x8a
)

// appendHeader appends the header of one unmasked, final frame of n bytes.
func appendHeader(dst []byte, op byte, n int) []byte {
	switch {
	case n < 126:
		return append(dst, op, byte(n))
	case n < 1<<16:
		return binary.BigEndian.AppendUint16(append(dst, op, 126), uint16(n))
	default:
		return binary.BigEndian.AppendUint64(append(dst, op, 127), uint64(n))
	}
}

// framed returns one whole frame.
func framed(op byte, payload []byte) []byte {
	return append(appendHeader(make([]byte, 0, 10+len(payload)), op, len(payload)), payload...)
}

// closeFrame says good-bye with a code.
func closeFrame(code int, reason string) []byte {
	b := binary.BigEndian.AppendUint16(nil, uint16(code))
	b = append(b, reason...)
	return framed(opClose, b[:min(len(b), 125)])
}
