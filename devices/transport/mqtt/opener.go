package mqtt

import (
	"context"
	"errors"
	"sync"
	"time"

	"labbox/devices/transport"
	"labbox/edge"
)

// Broker lets devices in.
type Broker interface {
	// Register is called once for each device.
	Register(Device) error
}

// Device is what a broker has to know of one.
type Device struct {
	ID, Password string // the MQTT user
	In, Out      string // topics: what it subscribes, what it publishes
	// Connected gets each session, one at a time. It does not block.
	Connected func(Session)
	// Refused is told who was turned away.
	Refused func(remote string, why *edge.Error)
}

// Session is a device's connection to the broker.
type Session interface {
	// Receive blocks for the next message. After the session's end it first
	// returns what had come, then an error. No message and no error: some had to
	// be dropped here.
	Receive() ([]byte, error)
	// Publish sends to those who are there now, at most once, keeps nothing, and
	// does not wait for the device.
	Publish(b []byte) error
	Subscribed() bool      // somebody takes what Publish sends
	Pending() int          // bytes that the device's machine has not acknowledged; -1: unknown
	Done() <-chan struct{} // closed when it is over
	Err() error            // why it is over
	End(why error)         // breaks off and drops what is pending
}

// Options of an Opener.
type Options struct {
	Name     string // the device's id, which is its MQTT user name
	Password string
	In, Out  string // topics, from the device's point of view
	Broker   Broker // nil: nothing is ever opened
	Lines    bool   // a message without a line's end gets one

	SettleFor time.Duration // how long a device may take to subscribe; 0: 1 s
	HoldFor   time.Duration // how long a device waits for an Open; 0: 10 s
	Refused   func(remote string, why *edge.Error)
}

// Opener waits for one device.
type Opener struct {
	o Options

	mu      sync.Mutex
	closed  bool
	waiting Session // connected, not opened yet
	using   *port
	hold    *time.Timer
	arrived chan struct{} // closed and replaced when waiting or using change
}

var _ transport.Opener = (*Opener)(nil)

// New registers the device with the broker.
func New(o Options) (*Opener, error) {
	if o.SettleFor == 0 {
		o.SettleFor = time.Second
	}
	if o.HoldFor == 0 {
		o.HoldFor = 10 * time.Second
	}
	if o.SettleFor < 0 || o.HoldFor < 0 {
		return nil, edge.Errorf(edge.CodeBadConfig, "mqtt of %s: negative time", o.Name)
	}
	if o.Password == "" {
		return nil, edge.Errorf(edge.CodeBadConfig, "mqtt of %s: no password", o.Name).
			WithHint("put a secret into a file and name it: `port: {mqtt: true, token_file: %s.token}`", o.Name)
	}
	op := &Opener{o: o, arrived: make(chan struct{})}
	if o.Broker == nil {
		return op, nil
	}
	return op, o.Broker.Register(Device{ID: o.Name, Password: o.Password, In: o.In, Out: o.Out, Connected: op.connected, Refused: o.Refused})
}

// String implements transport.Opener.
func (op *Opener) String() string { return "mqtt of " + op.o.Name }

var (
	errUnwanted = errors.New("nobody opens this device")
	errShutdown = errors.New("the box is shutting down")
	errReplaced = errors.New("the device connected again")
)

func (op *Opener) connected(s Session) {
	op.mu.Lock()
	defer op.mu.Unlock()
	if op.closed {
		go s.End(errShutdown)
		return
	}
	if op.waiting != nil {
		go op.waiting.End(errReplaced)
		op.hold.Stop()
	}
	op.waiting = s
	op.hold = time.AfterFunc(op.o.HoldFor, func() { op.expire(s) })
	op.wake()
}

// expire lets go of a device that nobody has opened.
func (op *Opener) expire(s Session) {
	op.mu.Lock()
	unwanted := op.waiting == s
	if unwanted {
		op.waiting = nil
	}
	op.mu.Unlock()
	if unwanted {
		s.End(errUnwanted)
	}
}

// wake lets every Open look again. The lock is held.
func (op *Opener) wake() {
	close(op.arrived)
	op.arrived = make(chan struct{})
}

// Open implements transport.Opener: it waits until the device has connected and
// subscribed. A port opened before must be closed first (port_busy).
func (op *Opener) Open(ctx context.Context) (transport.Port, error) {
	for {
		op.mu.Lock()
		if op.waiting != nil && over(op.waiting) {
			op.waiting = nil
			op.hold.Stop()
		}
		switch {
		case op.closed:
			op.mu.Unlock()
			return nil, edge.Errorf(edge.CodePortMissing, "%s: %w", op, transport.ErrClosed)
		case op.using != nil:
			op.mu.Unlock()
			return nil, edge.Errorf(edge.CodePortBusy, "%s is open already", op)
		case op.waiting != nil:
			s := op.waiting
			op.waiting = nil
			op.hold.Stop()
			op.using = newPort(op, s)
			p := op.using
			op.mu.Unlock()
			op.settle(ctx, s)
			return p, nil
		}
		arrived := op.arrived
		op.mu.Unlock()
		select {
		case <-arrived:
		case <-ctx.Done():
			return nil, edge.Errorf(edge.CodePortMissing, "no device has connected by MQTT as %s: %w", op.o.Name, ctx.Err()).
				WithHint("switch the device on; it must connect to this box with the user name %s and the password of its token_file", op.o.Name)
		}
	}
}

func over(s Session) bool {
	select {
	case <-s.Done():
		return true
	default:
		return false
	}
}

// settle gives the device time to subscribe, so that the first message, which
// makes it safe, is not lost.
func (op *Opener) settle(ctx context.Context, s Session) {
	end := time.NewTimer(op.o.SettleFor)
	defer end.Stop()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !s.Subscribed() {
		select {
		case <-tick.C:
		case <-end.C:
			return
		case <-s.Done():
			return
		case <-ctx.Done():
			return
		}
	}
}

// left makes room after p was closed.
func (op *Opener) left(p *port) {
	op.mu.Lock()
	defer op.mu.Unlock()
	if op.using == p {
		op.using = nil
	}
}

// Close turns the device away and ends the open line.
func (op *Opener) Close() error {
	op.mu.Lock()
	op.closed = true
	s, p := op.waiting, op.using
	op.waiting = nil
	if op.hold != nil {
		op.hold.Stop()
	}
	op.wake()
	op.mu.Unlock()
	if s != nil {
		s.End(errShutdown)
	}
	if p != nil {
		return p.Close()
	}
	return nil
}
