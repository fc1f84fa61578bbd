package rabbitbus

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

const (
	backoffFirst   = 100 * time.Millisecond
	backoffMost    = time.Second     // publishing resumes within 2 s of the broker's return
	backoffRefused = 5 * time.Second // the broker answered and said no
	handshakeMost  = 5 * time.Second
	goodbyeMost    = time.Second
)

// link keeps one connection to the broker, for ever: it connects, sets it up,
// waits for its end and begins again.
type link struct {
	bus  *Bus
	name string
	// setup declares and opens everything a new connection needs.
	setup func(*session) error

	mu      sync.Mutex
	now     *session      // nil while there is none
	changed chan struct{} // closed and replaced when now changes
	ill     *illness
	said    string // reason last logged
	noes    int    // how often it came in a row
	times   uint64 // connections that stood
}

func newLink(b *Bus, name string, setup func(*session) error) *link {
	l := &link{bus: b, name: name, setup: setup, changed: make(chan struct{})}
	l.ill = &illness{since: time.Now(), err: downBecause("connecting").WithHint("this takes a moment after the start")}
	return l
}

// session is one connection that was set up.
type session struct {
	link *link
	conn *amqp.Connection
	dead chan struct{} // closed when the connection is no good any more

	once  sync.Once
	cause error
	wg    sync.WaitGroup // goroutines of this session

	mu      sync.Mutex
	blocked *illness // set while the broker takes no messages

	pub // of the publishing link
	con // of the consuming link
}

// run keeps the link until ctx ends.
func (l *link) run(ctx context.Context) {
	wait := backoffFirst
	for ctx.Err() == nil {
		s, err := l.connect(ctx)
		if err == nil {
			wait = backoffFirst
			l.set(s)
			select {
			case <-s.dead:
			case <-ctx.Done():
			}
			l.set(nil)
			s.fail(ctx.Err())
			s.wg.Wait()
			err = s.cause
		}
		if ctx.Err() != nil {
			return
		}
		refused := l.note(err)
		pause := wait/2 + rand.N(wait/2)
		wait = min(2*wait, backoffMost)
		if refused {
			wait = min(4*wait, backoffRefused)
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// connect opens one connection and sets it up.
func (l *link) connect(ctx context.Context) (*session, error) {
	t := l.bus.target
	auth, err := t.auth()
	if err != nil {
		return nil, err
	}
	var raw net.Conn
	stop := func() bool { return true }
	props := amqp.NewConnectionProperties()
	props.SetClientConnectionName(l.bus.cfg.Name + " " + l.name + " " + l.bus.id)
	conn, err := amqp.DialConfig(t.url, amqp.Config{
		SASL: []amqp.Authentication{auth}, Vhost: t.vhost, Heartbeat: t.heartbeat, Properties: props, TLSClientConfig: t.tls.Clone(),
		Dial: func(network, addr string) (net.Conn, error) {
			d := net.Dialer{Timeout: handshakeMost}
			c, err := d.DialContext(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			_ = c.SetDeadline(time.Now().Add(handshakeMost)) // until the handshake is over
			stop = context.AfterFunc(ctx, func() { _ = c.Close() })
			raw = newSocket(c, t.heartbeat)
			return raw, nil
		},
	})
	stop()
	if err != nil {
		if raw != nil {
			_ = raw.Close()
		}
		if errors.Is(err, amqp.ErrCredentials) && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, err
	}
	s := &session{link: l, conn: conn, dead: make(chan struct{})}
	closed := conn.NotifyClose(make(chan *amqp.Error, 1))
	blocks := conn.NotifyBlocked(make(chan amqp.Blocking, 8))
	s.wg.Go(func() {
		if e := <-closed; e != nil {
			s.fail(e)
		} else {
			s.fail(amqp.ErrClosed)
		}
	})
	s.wg.Go(func() { s.watchBlocks(blocks) })
	defer context.AfterFunc(ctx, func() { s.fail(ctx.Err()) })()
	if err := l.setup(s); err != nil {
		s.fail(err)
		s.wg.Wait()
		return nil, s.cause
	}
	return s, nil
}

// fail ends the session; the first cause counts.
func (s *session) fail(cause error) {
	s.once.Do(func() {
		if cause == nil {
			cause = amqp.ErrClosed
		}
		s.cause = cause
		close(s.dead)
		s.wg.Go(func() { _ = s.conn.CloseDeadline(time.Now().Add(goodbyeMost)) })
	})
}

// guard ends the session when a channel of it that must live is closed.
func (s *session) guard(ch *amqp.Channel) {
	closed := ch.NotifyClose(make(chan *amqp.Error, 1))
	s.wg.Go(func() {
		select {
		case e := <-closed:
			if e != nil {
				s.fail(e)
			} else {
				s.fail(amqp.ErrClosed)
			}
		case <-s.dead:
		}
	})
}

func (s *session) watchBlocks(blocks <-chan amqp.Blocking) {
	for b := range blocks {
		s.mu.Lock()
		if b.Active && s.blocked == nil {
			s.blocked = &illness{since: time.Now(), err: blockedBecause(b.Reason)}
			s.link.bus.log.Warn("broker takes no messages", "reason", b.Reason)
		} else if !b.Active && s.blocked != nil {
			s.link.bus.log.Info("broker takes messages again", "after", time.Since(s.blocked.since))
			s.blocked = nil
		}
		s.mu.Unlock()
	}
}

// set makes s the session of the link.
func (l *link) set(s *session) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.now = s
	if s != nil {
		l.bus.log.Info("broker connected", "link", l.name, "addr", l.bus.target.addr, "after", time.Since(l.since()).Round(time.Millisecond))
		l.ill, l.said, l.noes = nil, "", 0
		l.times++
	} else {
		l.ill = &illness{since: time.Now(), err: downBecause("connection lost")}
	}
	close(l.changed)
	l.changed = make(chan struct{})
}

func (l *link) since() time.Time {
	if l.ill != nil {
		return l.ill.since
	}
	return time.Now()
}

// note keeps why there is no connection. The same reason is logged once.
func (l *link) note(err error) (refused bool) {
	e, refused := diagnose(l.bus.target, err)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ill = &illness{since: l.since(), err: e}
	if l.said != e.Message {
		l.said, l.noes = e.Message, 0
		l.bus.log.Warn("broker not reachable", "link", l.name, "addr", l.bus.target.addr, "reason", e.Args["reason"], "hint", e.Hint)
	}
	// A broker that starts or stops refuses too: only a lasting refusal counts.
	l.noes++
	return refused && l.noes > 5
}

// session returns the connection of now, or why there is none.
func (l *link) session() (*session, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.now != nil {
		return l.now, nil
	}
	return nil, l.ill.report()
}

// await waits for a session other than old, which may be nil.
func (l *link) await(ctx context.Context, old *session) (*session, error) {
	for {
		l.mu.Lock()
		now, changed := l.now, l.changed
		l.mu.Unlock()
		if now != nil && now != old {
			return now, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (l *link) health() error {
	s, err := l.session()
	if err != nil {
		return err
	}
	return s.refusal()
}

// refusal is not nil while the broker takes no messages.
func (s *session) refusal() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.blocked != nil {
		return s.blocked.report()
	}
	return nil
}
