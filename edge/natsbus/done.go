package natsbus

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"labbox/edge"
)

// wasDone reports whether id was acknowledged within the dedup window before
// this server started. What happened since, the server knows itself.
func (b *Bus) wasDone(ctx context.Context, q *queue, id string) (bool, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.loaded {
		done, err := b.readDone(ctx, q)
		if err != nil {
			return false, edge.Errorf(edge.CodeStoreDown, "natsbus: ids of %s: %w", q.Name, err)
		}
		q.loaded, q.done = true, done
	}
	at, ok := q.done[id]
	return ok && time.Since(at) < q.Dedup, nil
}

// forgetDone makes every queue read its ids again: the server has restarted.
func (b *Bus) forgetDone() {
	b.mu.Lock()
	queues := slices.Collect(maps.Values(b.queues))
	b.mu.Unlock()
	for _, q := range queues {
		q.mu.Lock()
		q.loaded = false
		q.mu.Unlock()
	}
}

// readDone reads the done stream.
func (b *Bus) readDone(ctx context.Context, q *queue) (map[string]time.Time, error) {
	done := map[string]time.Time{}
	err := b.walk(ctx, doneStream+q.Name, 0, func(m jetstream.Msg, at time.Time) {
		done[m.Headers().Get(jetstream.MsgIDHeader)] = at
	})
	return done, err
}

// walk calls fn for the stream's messages, oldest first, up to limit (0: all).
func (b *Bus) walk(ctx context.Context, stream string, limit int, fn func(m jetstream.Msg, at time.Time)) error {
	st, err := b.js.Stream(ctx, stream)
	if err != nil {
		return err
	}
	left := int(st.CachedInfo().State.Msgs)
	if limit > 0 {
		left = min(left, limit)
	}
	if left == 0 {
		return nil
	}
	c, err := b.js.CreateConsumer(ctx, stream, jetstream.ConsumerConfig{
		AckPolicy: jetstream.AckNonePolicy, MemoryStorage: true, InactiveThreshold: time.Minute,
	})
	if err != nil {
		return err
	}
	defer func() {
		_ = b.js.DeleteConsumer(context.WithoutCancel(ctx), stream, c.CachedInfo().Name)
	}()
	const batch = 256
	for left > 0 {
		got, err := c.FetchNoWait(min(left, batch))
		if err != nil {
			return err
		}
		n := 0
		for m := range got.Messages() {
			meta, err := m.Metadata()
			if err != nil {
				return err
			}
			fn(m, meta.Timestamp)
			n++
		}
		if err := got.Error(); err != nil {
			return fmt.Errorf("read %s: %w", stream, err)
		}
		if n == 0 {
			return nil // expired or removed meanwhile
		}
		left -= n
	}
	return nil
}
