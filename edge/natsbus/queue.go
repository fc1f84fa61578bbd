package natsbus

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"labbox/edge"
	"labbox/edge/fanout"
)

// A queue is three streams that share Queue.MaxBytes: the jobs, the jobs set
// aside, and the ids of jobs done (which the server forgets when it restarts,
// because it remembers ids by the messages that are still there).
const (
	jobStream  = "JOB_"
	deadStream = "DEAD_"
	doneStream = "DONE_"

	consumerName = "work"
	metaKey      = "labbox.queue" // the declared settings, as JSON

	headID    = "Lab-Id"    // of a job set aside
	headTry   = "Lab-Try"   // deliveries it had
	headCause = "Lab-Cause" // code of the last error

	minDedup     = 100 * time.Millisecond // what the server takes
	storeTimeout = 10 * time.Second       // a failed write gets no answer at all
	perJob       = 512                    // bytes of headers and framing, generously
)

// queue is what this Bus knows of a declared queue.
type queue struct {
	edge.Queue
	writer *writer

	mu     sync.Mutex
	loaded bool                 // done holds what the done stream holds
	done   map[string]time.Time // ids of jobs done before the server started
}

func (q *queue) jobs() string { return jobStream + q.Name }
func (q *queue) dead() string { return deadStream + q.Name }

// Shares of MaxBytes. The jobs' is what Enqueue fills.
func (q *queue) deadBytes() int64 { return q.MaxBytes / 4 }
func (q *queue) doneBytes() int64 { return q.MaxBytes / 16 }
func (q *queue) jobBytes() int64  { return q.MaxBytes - q.deadBytes() - q.doneBytes() }

func (b *Bus) newQueue(decl edge.Queue) *queue {
	q := &queue{Queue: decl}
	q.writer = newWriter(b, q.jobs())
	return q
}

// Declare implements edge.Bus.
func (b *Bus) Declare(ctx context.Context, decl edge.Queue) error {
	if err := fanout.CheckQueue(decl); err != nil {
		return err
	}
	if b.subs.Closed() {
		return errClosed()
	}
	had, err := b.settings(ctx, decl.Name)
	if err != nil {
		return err
	}
	if had != nil && *had != decl {
		return edge.Errorf(edge.CodeContract, "natsbus: queue %s exists with other settings", decl.Name).
			WithHint("a queue keeps the settings it was first declared with").With("queue", decl.Name)
	}
	q := b.newQueue(decl)
	meta, err := json.Marshal(decl)
	if err != nil {
		return err
	}
	window := max(decl.Dedup, minDedup)
	base := jetstream.StreamConfig{Storage: jetstream.FileStorage, Replicas: 1, Duplicates: window}
	jobs, dead, done := base, base, base
	jobs.Name, jobs.Subjects, jobs.MaxBytes = q.jobs(), []string{jobPrefix + q.Name}, q.jobBytes()
	jobs.Retention, jobs.Discard = jetstream.WorkQueuePolicy, jetstream.DiscardNew
	jobs.Metadata = map[string]string{metaKey: string(meta)}
	dead.Name, dead.Subjects, dead.MaxBytes = q.dead(), []string{deadPrefix + q.Name}, q.deadBytes()
	dead.Discard, dead.Duplicates = jetstream.DiscardNew, max(window, time.Hour)
	done.Name, done.Subjects, done.MaxBytes = doneStream+q.Name, []string{donePrefix + q.Name}, q.doneBytes()
	done.Discard, done.MaxAge = jetstream.DiscardOld, window
	for _, cfg := range []jetstream.StreamConfig{done, dead, jobs} { // jobs last: it says that all exist
		if _, err := b.srv.Ensure(ctx, cfg); err != nil {
			return declareError(q.Name, err)
		}
	}
	_, err = b.js.CreateOrUpdateConsumer(ctx, q.jobs(), jetstream.ConsumerConfig{
		Durable: consumerName, AckPolicy: jetstream.AckExplicitPolicy, AckWait: decl.AckWait,
		MaxDeliver: -1, MaxAckPending: 1024, FilterSubject: jobPrefix + q.Name,
	})
	if err != nil {
		return declareError(q.Name, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.queues[q.Name] == nil {
		b.queues[q.Name] = q
	}
	return nil
}

func declareError(name string, err error) error {
	var api *jetstream.APIError
	if errors.As(err, &api) && fullText(api.Description) {
		return edge.Errorf(edge.CodeStoreFull, "natsbus: declare %s: %w", name, err).
			WithHint("lower the queue's MaxBytes or give the broker more room")
	}
	return edge.Errorf(edge.CodeStoreDown, "natsbus: declare %s: %w", name, err)
}

// settings returns what the stored queue was declared with, nil if there is none.
func (b *Bus) settings(ctx context.Context, name string) (*edge.Queue, error) {
	st, err := b.js.Stream(ctx, jobStream+name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, down(err)
	}
	var q edge.Queue
	if err := json.Unmarshal([]byte(st.CachedInfo().Config.Metadata[metaKey]), &q); err != nil {
		return nil, edge.Errorf(edge.CodeContract, "natsbus: queue %s has unreadable settings: %w", name, err)
	}
	return &q, nil
}

// queue returns a queue that this process or another declared.
func (b *Bus) queue(ctx context.Context, name string) (*queue, error) {
	if err := fanout.CheckWord(name); err != nil {
		return nil, err
	}
	if b.subs.Closed() {
		return nil, errClosed()
	}
	b.mu.Lock()
	q := b.queues[name]
	b.mu.Unlock()
	if q != nil {
		return q, nil
	}
	had, err := b.settings(ctx, name)
	if err != nil {
		return nil, err
	}
	if had == nil {
		return nil, edge.Errorf(edge.CodeContract, "natsbus: queue %s is not declared", name)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.queues[name] == nil {
		b.queues[name] = b.newQueue(*had)
	}
	return b.queues[name], nil
}

// Enqueue implements edge.Bus.
func (b *Bus) Enqueue(ctx context.Context, name, id string, data []byte) error {
	q, err := b.queue(ctx, name)
	if err != nil {
		return err
	}
	if err := fanout.CheckID(id); err != nil {
		return err
	}
	if int64(len(data)+perJob) > min(q.deadBytes(), b.ask.MaxPayload()) {
		return edge.Errorf(edge.CodeTooLarge, "natsbus: job of %d bytes is too large for queue %s", len(data), name).
			WithHint("a job may take a quarter of the queue's MaxBytes")
	}
	if err := b.srv.Health(); err != nil {
		return err
	}
	if done, err := b.wasDone(ctx, q, id); done || err != nil {
		return err
	}
	return q.writer.write(ctx, jobPrefix+name, id, data)
}

// store writes one message and returns when the server has it in its file.
func (b *Bus) store(ctx context.Context, subject, id string, head nats.Header, data []byte) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	m := &nats.Msg{Subject: subject, Header: head, Data: data}
	if m.Header == nil {
		m.Header = nats.Header{}
	}
	m.Header[jetstream.MsgIDHeader] = []string{id}
	a, err := b.ask.RequestMsgWithContext(ctx, m)
	switch {
	case errors.Is(err, nats.ErrNoResponders):
		return edge.Errorf(edge.CodeContract, "natsbus: no queue behind %s", subject)
	case ctx.Err() != nil:
		return unconfirmed(ctx.Err())
	case err != nil:
		return down(err)
	}
	return storeError(a.Data)
}

// storeError reads the server's acknowledgement, {"stream":...,"seq":...} or
// {"error":{...}}: only the second costs a JSON parser.
func storeError(ack []byte) error {
	if strings.HasPrefix(string(ack), `{"stream":`) {
		return nil
	}
	var a struct {
		Error *jetstream.APIError `json:"error"`
	}
	if err := json.Unmarshal(ack, &a); err != nil {
		return edge.Errorf(edge.CodeStoreDown, "natsbus: unreadable acknowledgement: %w", err)
	}
	switch {
	case a.Error == nil:
		return nil
	case fullText(a.Error.Description):
		return edge.Errorf(edge.CodeStoreFull, "natsbus: queue is full: %w", a.Error).
			WithHint("work off or remove what waits in it")
	}
	return edge.Errorf(edge.CodeStoreDown, "natsbus: not stored: %w", a.Error)
}

// fullText recognises the server's refusals for want of room; most of them
// share one error code.
func fullText(s string) bool {
	return strings.Contains(s, "maximum bytes") || strings.Contains(s, "resources") ||
		strings.Contains(s, "no space left")
}
