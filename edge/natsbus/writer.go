package natsbus

import (
	"bytes"
	"context"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"labbox/edge"
)

// maxBatch and maxBatchBytes stay well below what the server buffers for a stream.
const (
	maxBatch      = 4096
	maxBatchBytes = 16 << 20
	healthEvery   = 50 * time.Millisecond // while an answer is awaited
	// maxFlying batches are on their way at a time: while one is synced the server
	// takes in the next.
	maxFlying = 2
)

// writer is the group commit of one queue: what callers bring while batches are on
// their way makes the next one, and a batch costs one sync at most.
type writer struct {
	bus    *Bus
	stream string
	inbox  string // the server's answers come to inbox.<batch>.<place>

	mu      sync.Mutex
	waiting []*batch
	running bool
	sub     *nats.Subscription

	serial uint64 // of the newest batch
	flying map[uint64]*batch
	slots  chan struct{} // one for each batch on its way
}

// batch is written together and durable together.
type batch struct {
	msgs  []*nats.Msg
	bytes int
	done  chan struct{} // closed when errs holds

	mu    sync.Mutex
	errs  []error
	heard []bool
	left  int
	acked chan struct{}
}

func newWriter(b *Bus, stream string) *writer {
	return &writer{bus: b, stream: stream, inbox: b.ask.NewInbox(), flying: map[uint64]*batch{}, slots: make(chan struct{}, maxFlying)}
}

// write stores one message and returns once it is durable.
func (w *writer) write(ctx context.Context, subject, id string, data []byte) error {
	b, place := w.join(&nats.Msg{
		Subject: subject,
		Header:  nats.Header{jetstream.MsgIDHeader: {id}},
		Data:    bytes.Clone(data), // the caller may be gone before it is sent
	})
	select {
	case <-b.done:
		return b.errs[place]
	case <-ctx.Done():
		return unconfirmed(ctx.Err())
	}
}

func unconfirmed(err error) error {
	return edge.Errorf(edge.CodeStoreDown, "natsbus: not confirmed: %w", err).
		WithHint("it may or may not be stored; sending it again under the same id is safe")
}

func (w *writer) join(m *nats.Msg) (*batch, int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var b *batch
	if n := len(w.waiting); n > 0 {
		b = w.waiting[n-1]
	}
	if b == nil || len(b.msgs) >= maxBatch || b.bytes+len(m.Data) > maxBatchBytes {
		b = &batch{done: make(chan struct{}), acked: make(chan struct{})}
		w.waiting = append(w.waiting, b)
	}
	b.msgs = append(b.msgs, m)
	b.bytes += len(m.Data)
	if !w.running {
		w.running = true
		go w.run()
	}
	return b, len(b.msgs) - 1
}

func (w *writer) run() {
	for {
		w.slots <- struct{}{}
		w.mu.Lock()
		if len(w.waiting) == 0 {
			w.running = false
			w.mu.Unlock()
			<-w.slots
			return
		}
		b := w.waiting[0]
		w.waiting = w.waiting[1:]
		n := len(b.msgs)
		b.errs, b.heard, b.left = make([]error, n), make([]bool, n), n
		w.serial++
		serial := w.serial
		w.flying[serial] = b
		err := w.listen()
		w.mu.Unlock()
		w.send(b, serial, err)
		go func() {
			w.finish(b, serial)
			close(b.done)
			<-w.slots
		}()
	}
}

// listen subscribes to the answers, once.
func (w *writer) listen() (err error) {
	if w.sub != nil {
		return nil
	}
	w.sub, err = w.bus.ask.Subscribe(w.inbox+".*.*", w.answer)
	if err != nil {
		w.sub = nil
		return down(err)
	}
	return w.sub.SetPendingLimits(-1, -1)
}

// send hands b to the server, in order.
func (w *writer) send(b *batch, serial uint64, err error) {
	prefix := w.inbox + "." + strconv.FormatUint(serial, 10) + "."
	for i, m := range b.msgs {
		m.Reply = prefix + strconv.Itoa(i)
		if err == nil {
			err = down(w.bus.ask.PublishMsg(m))
		}
		if err != nil {
			b.settle(i, err)
		}
	}
}

// finish waits for the server to have b and syncs.
func (w *writer) finish(b *batch, serial uint64) {
	w.await(b)
	w.mu.Lock()
	delete(w.flying, serial)
	w.mu.Unlock()

	ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
	defer cancel()
	if err := w.bus.srv.Commit(ctx, w.stream); err != nil {
		for i := range b.errs {
			if b.errs[i] == nil {
				b.errs[i] = err
			}
		}
	}
}

// await returns when every message of b is answered. A failed write has no
// answer, so the server's health is watched meanwhile.
func (w *writer) await(b *batch) {
	tick := time.NewTicker(healthEvery)
	defer tick.Stop()
	over := time.NewTimer(storeTimeout)
	defer over.Stop()
	for {
		select {
		case <-b.acked:
			return
		case <-over.C:
			b.giveUp(unconfirmed(context.DeadlineExceeded))
			return
		case <-tick.C:
			if w.bus.ask.IsClosed() {
				b.giveUp(errClosed())
				return
			}
			if err := w.bus.srv.Health(); edge.CodeOf(err) == edge.CodeStoreDown || edge.CodeOf(err) == edge.CodeBusDown {
				b.giveUp(err)
				return
			}
		}
	}
}

// answer notes what the server says of one message.
func (w *writer) answer(m *nats.Msg) {
	serial, place, _ := strings.Cut(m.Subject[len(w.inbox)+1:], ".")
	i, err := strconv.Atoi(place)
	n, serr := strconv.ParseUint(serial, 10, 64)
	if err != nil || serr != nil {
		return
	}
	w.mu.Lock()
	b := w.flying[n]
	w.mu.Unlock()
	if b == nil {
		return // of a batch that was given up
	}
	if m.Header.Get("Status") == "503" {
		err = edge.Errorf(edge.CodeContract, "natsbus: queue is gone")
	} else {
		err = storeError(m.Data)
	}
	b.settle(i, err)
}

func (b *batch) settle(i int, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if i >= len(b.heard) || b.heard[i] {
		return
	}
	b.heard[i], b.errs[i] = true, err
	if b.left--; b.left == 0 {
		close(b.acked)
	}
}

// giveUp settles what was not answered.
func (b *batch) giveUp(err error) {
	for i := range b.heard {
		b.settle(i, err)
	}
}
