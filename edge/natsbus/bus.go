package natsbus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"labbox/edge"
	"labbox/edge/fanout"
)

// Options bound what a slow handler may hold.
type Options struct {
	// QueueLen is how many live messages wait for one subscriber before they are
	// dropped; 0 is 1024.
	QueueLen int
	// QueueBytes bounds the same in bytes; 0 is 32 MiB.
	QueueBytes int64
	// MaxServing bounds the requests one Serve works on at a time; more are
	// answered with CodeTooMany. 0 is 1024.
	MaxServing int
	// Logger takes what no caller hears of; nil discards it.
	Logger *slog.Logger
}

func (o Options) withDefaults() Options {
	if o.QueueLen <= 0 {
		o.QueueLen = 1024
	}
	if o.QueueBytes <= 0 {
		o.QueueBytes = 32 << 20
	}
	if o.MaxServing <= 0 {
		o.MaxServing = 1024
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// Words that stand before every subject on the wire, so that live news, requests
// and jobs never meet, nor anybody the server's own traffic.
const (
	livePrefix = "live."
	askPrefix  = "ask."
	jobPrefix  = "job."
	deadPrefix = "dead."
	donePrefix = "done."
)

// Bus is edge.Bus on a Server.
type Bus struct {
	srv *Server
	opt Options

	live *nats.Conn // does not hear itself: local subscribers are served directly
	ask  *nats.Conn // requests and durable work
	js   jetstream.JetStream

	table *fanout.Table // who listens to what in this process
	subs  *fanout.Group

	mu     sync.Mutex
	wires  map[string]*nats.Subscription // by pattern, on live
	queues map[string]*queue
}

var _ edge.Bus = (*Bus)(nil)

// New returns a Bus on srv. Close it before srv.
func New(srv *Server, opt Options) (*Bus, error) {
	opt = opt.withDefaults()
	b := &Bus{
		srv: srv, opt: opt,
		table: fanout.New(opt.QueueLen, opt.QueueBytes), subs: fanout.NewGroup(),
		wires: map[string]*nats.Subscription{}, queues: map[string]*queue{},
	}
	var err error
	if b.live, err = srv.Connect(nats.NoEcho()); err != nil {
		return nil, err
	}
	if b.ask, err = srv.Connect(nats.ReconnectHandler(func(*nats.Conn) { b.forgetDone() })); err != nil {
		b.live.Close()
		return nil, err
	}
	if b.js, err = jetstream.New(b.ask); err != nil {
		b.live.Close()
		b.ask.Close()
		return nil, fmt.Errorf("natsbus: %w", err)
	}
	return b, nil
}

// Health implements edge.Bus. It is the server's Health too: a disk that takes
// no jobs is not well.
func (b *Bus) Health() error {
	if b.subs.Closed() {
		return errClosed()
	}
	if err := b.srv.Health(); err != nil {
		return err
	}
	if !b.live.IsConnected() || !b.ask.IsConnected() {
		return edge.Errorf(edge.CodeBusDown, "natsbus: reconnecting")
	}
	return nil
}

// Close implements edge.Bus. Called from inside a handler it waits for all
// others, and the connections end when that handler has returned, so that its
// answer or acknowledgement still goes out.
func (b *Bus) Close() error {
	return b.subs.Close(func() {
		b.live.Close()
		b.ask.Close()
	})
}

func errClosed() error { return edge.Errorf(edge.CodeBusDown, "natsbus: bus is closed") }

// down turns the client's errors into the seam's.
func down(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return edge.Errorf(edge.CodeNoAnswer, "natsbus: %w", err)
	case errors.Is(err, nats.ErrMaxPayload):
		return edge.Errorf(edge.CodeTooLarge, "natsbus: %w", err)
	}
	return edge.Errorf(edge.CodeBusDown, "natsbus: %w", err)
}
