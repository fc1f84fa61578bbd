package web

import (
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"labbox/edge"
)

// client is one websocket connection. Its reader handles requests, its writer
// sends what is queued and what the cursors of its subscriptions have before
// them; nobody else touches the wire.
type client struct {
	s       *Server
	w       wire
	session string
	request string // id of the handshake
	remote  string
	via     string
	wake    chan struct{}
	done    chan struct{} // closed when the connection is over
	waiting atomic.Bool   // out is not empty
	heard   atomic.Int64  // last message or pong, ns of this process's clock

	rate bucket // the reader's own

	mu    sync.Mutex
	actor edge.Actor // zero: no seat
	token string     // of the seat
	told  []byte     // of the class, last
	tab   string
	ready bool // hello was said
	out   [][]byte
	pong  []byte
	subs  []*sub
	lanes map[string][]func() // requests in order, by device
	asked int                 // requests on their way
	over  bool
	bye   []byte // close frame to send last
}

// bucket is the limit of messages per second.
type bucket struct {
	left float64
	at   time.Duration
}

// level is how many are left.
func (b *bucket) level(now time.Duration, burst, perSecond float64) float64 {
	b.left = min(burst, b.left+(now-b.at).Seconds()*perSecond)
	b.at = now
	return b.left
}

// take takes one of at most burst, of which perSecond come back each second.
func (b *bucket) take(now time.Duration, burst, perSecond float64) bool {
	if b.level(now, burst, perSecond) < 1 {
		return false
	}
	b.left--
	return true
}

// serveWS is GET /ws: it answers the handshake and serves the connection until it
// ends.
func (s *Server) serveWS(q *call) error {
	if !slices.Contains(subprotocols(q.r), subprotocol) {
		return edge.Errorf(edge.CodeBadRequest, "the websocket subprotocol is %s", subprotocol).
			With("field", "Sec-WebSocket-Protocol").WithHint("see docs/ref/websocket.md")
	}
	token := s.tokenOf(q.r)
	actor, err := s.actorOf(q.r, token)
	if err != nil && edge.CodeOf(err) != edge.CodeNoSeat {
		return err
	}
	if err := s.admit(actor); err != nil {
		return err
	}
	c := &client{s: s, session: newSession(), request: idOf(q.w), remote: q.r.RemoteAddr, actor: actor, token: token, via: viaPanel,
		wake: make(chan struct{}, 1), done: make(chan struct{}), rate: bucket{left: maxPerSecond, at: s.mono()}}
	if !s.begin() {
		return edge.Errorf(edge.CodeNotReady, "the box stops")
	}
	defer s.wg.Done()
	w, err := upgrade(q.w, q.r, c.control, c.pinged)
	if err != nil {
		return err
	}
	c.w = w
	c.serve()
	return nil
}

// admit bounds connections so that one laptop does not keep the others out: a tenth is
// for teachers alone, of the rest half for who has a seat, of those some for each.
func (s *Server) admit(a edge.Actor) error {
	most := s.cfg.MaxClients
	total, same := s.hub.countOf(a.Seat)
	own := most
	if !a.Role.AtLeast(edge.RoleTeacher) {
		most -= most / 10
		own = min(perSeat, most)
		if a.Seat == "" {
			own = (most + 1) / 2
		}
	}
	if total >= most || same >= own {
		return edge.Errorf(edge.CodeTooMany, "%d panels are connected already", same).With("max", own).WithHint("close some")
	}
	return nil
}

// perSeat is how many panels a student may have open.
const perSeat = 32

func subprotocols(r *http.Request) []string {
	var list []string
	for _, h := range r.Header.Values("Sec-WebSocket-Protocol") {
		for p := range splitList(h) {
			list = append(list, p)
		}
	}
	return list
}

func (c *client) serve() {
	c.alive()
	c.s.hub.add(c)
	written := make(chan struct{})
	go func() {
		defer close(written)
		c.write()
	}()
	hello := time.AfterFunc(helloWithin, func() {
		c.mu.Lock()
		ready := c.ready
		c.mu.Unlock()
		if !ready {
			c.bid(closeProtocol, "no hello within 5 s")
		}
	})
	c.read()
	hello.Stop()
	cut := time.AfterFunc(closeWithin, func() { _ = c.w.Close() }) // a write that hangs
	<-written
	if cut.Stop() {
		c.w.Drain(closeWithin)
	}
	_ = c.w.Close() // it is over already
	c.s.hub.remove(c)
	c.mu.Lock()
	subs := c.subs
	c.subs = nil
	c.mu.Unlock()
	for _, s := range subs {
		s.d.leave(s)
	}
}

// alive notes that the client was heard.
func (c *client) alive() {
	c.heard.Store(int64(c.s.mono()))
	select {
	case <-c.done: // the writer has set the last deadline
	default:
		c.w.Deadline(time.Now().Add(deadAfter))
	}
}

// control is called for every ping and pong.
func (c *client) control() error {
	c.alive()
	if !c.rate.take(c.s.mono(), maxPerSecond, maxPerSecond) {
		return errFlood
	}
	return nil
}

// pinged answers a ping; of several at once only the last, as RFC 6455 allows.
func (c *client) pinged(data string) {
	c.mu.Lock()
	c.pong = framed(opPong, []byte(data))
	c.mu.Unlock()
	c.wakeUp()
}

// read handles messages until the connection ends.
func (c *client) read() {
	for {
		b, err := c.w.Read()
		if err == nil && !c.rate.take(c.s.mono(), maxPerSecond, maxPerSecond) {
			err = errFlood
		}
		if err != nil {
			c.readFailed(err)
			return
		}
		select {
		case <-c.done:
			return
		default:
		}
		c.alive()
		if err := c.handle(b); err != nil {
			c.readFailed(err)
			return
		}
	}
}

func (c *client) readFailed(err error) {
	reasons := map[error]string{errBinary: "binary message", errTooLarge: "message over 64 KiB",
		errFlood: "more than 200 messages a second", errNotJSON: "not a JSON object", errNoHello: "hello comes first"}
	for known, reason := range reasons {
		if errors.Is(err, known) {
			c.s.hub.once.warn("websocket client refused", "ws "+reason, "remote", c.remote, "reason", reason)
			c.bid(closeProtocol, reason)
			return
		}
	}
	c.bid(1000, "")
}

// bid ends the connection: what is queued is dropped, the close frame goes out.
func (c *client) bid(code int, reason string) {
	c.mu.Lock()
	if !c.over {
		c.over = true
		c.bye = closeFrame(code, reason)
		close(c.done)
	}
	c.mu.Unlock()
	c.wakeUp()
}

// push queues a framed message. passing news is dropped for a client that is
// behind; one that is so far behind that its own replies pile up is cut.
func (c *client) push(msg []byte, passing bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.ready || c.over || passing && len(c.out) > maxOutPending/8 {
		return
	}
	c.queue(msg)
}

// ping asks for a sign of life.
func (c *client) ping(frame []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.over && len(c.out) < maxOutPending/8 {
		c.queue(frame)
		c.wakeUp()
	}
}

// queue appends to out; the caller holds the lock.
func (c *client) queue(msg []byte) {
	if len(c.out) >= maxOutPending {
		c.out = nil
		if !c.over {
			c.over, c.bye = true, closeFrame(closeLater, "too slow")
			close(c.done)
			c.wakeUp()
		}
		return
	}
	c.out = append(c.out, msg)
	c.waiting.Store(true)
}

// answer sends a reply at once.
func (c *client) answer(id json.RawMessage, args any, err error) {
	if len(id) == 0 && err == nil {
		return
	}
	r := okReply(id, args)
	if err != nil {
		if e := edge.AsError(err); e.Code == edge.CodeInternal {
			c.s.log.Error("request failed", "request", c.request, "remote", c.remote, "err", causeOf(err, e))
		}
		r = errorReply(id, err)
	}
	if len(r.Re) == 0 {
		r.Re = json.RawMessage("null")
	}
	c.mu.Lock()
	if !c.over {
		c.queue(text(r))
	}
	c.mu.Unlock()
	c.wakeUp()
}

func (c *client) wakeUp() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// write sends until the connection is over.
func (c *client) write() {
	var bufs [][]byte
	for range c.wake {
		for more := true; more; {
			var bye bool
			bufs, more, bye = c.collect(bufs[:0])
			if len(bufs) > 0 {
				frames := net.Buffers(bufs)
				if err := c.w.Write(frames); err != nil {
					c.bid(closeGoingAway, "")
					_ = c.w.Close() // wakes the reader
					return
				}
			}
			if bye {
				// The other side may answer within a second, then the reader ends.
				c.w.Deadline(time.Now().Add(closeWithin))
				return
			}
		}
	}
}

// collect gathers what is to go out in one write.
func (c *client) collect(bufs [][]byte) (_ [][]byte, more, bye bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		return append(bufs, c.bye), false, true
	}
	if c.pong != nil {
		bufs = append(bufs, c.pong)
		c.pong = nil
	}
	bufs = append(bufs, c.out...)
	clear(c.out)
	c.out = c.out[:0]
	c.waiting.Store(false)
	now := c.s.mono()
	for _, s := range c.subs {
		var again bool
		bufs, again = s.collect(bufs, now)
		more = more || again
	}
	return bufs, more, false
}
