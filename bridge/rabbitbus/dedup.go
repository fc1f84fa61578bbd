package rabbitbus

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"labbox/edge"
)

// backlog is for how long beyond Queue.Dedup a copy of a job may wait in the queue
// and still be known for a copy.
const backlog = 24 * time.Hour

// owner names one copy of a job, and when it was enqueued: a job that is published
// again has another. It travels as the message's AppId, and Config.Memory holds
// for a job id the one that counts.
type owner struct {
	copy string
	at   int64 // Unix ms, the publisher's clock
}

func (o owner) encode() string { return o.copy + " " + strconv.FormatInt(o.at, 10) }

func readOwner(s string) owner {
	copy, at, _ := strings.Cut(s, " ")
	n, _ := strconv.ParseInt(at, 10, 64)
	return owner{copy, n}
}

// takes reports whether a delivery of o is to be done where had is remembered:
// the same copy again (a redelivery), or a new job under an id whose time is over.
func (o owner) takes(had owner, dedup time.Duration) bool {
	return o.copy == had.copy || time.Duration(o.at-had.at)*time.Millisecond >= dedup
}

// memoryKey is where the owner of a job id is kept. Ids may hold what keys may not.
func memoryKey(queue, id string) string {
	sum := sha256.Sum256([]byte(id))
	return edge.Key(queue, "job", hex.EncodeToString(sum[:16]))
}

// mine reports whether a delivery is to be done here and not a copy of a job that
// is, or was. It waits while the memory cannot be reached: a job must rather be
// late than be done twice. The error is that the consumer closes.
func (c *consumer) mine(d amqp.Delivery) (bool, error) {
	o := readOwner(d.AppId)
	if o.copy == "" || c.q.Dedup <= 0 {
		return true, nil // not from an Enqueue of ours
	}
	kv := c.bus.cfg.Memory
	if kv == nil {
		return c.bus.work.seen(c.q, d.MessageId, o), nil
	}
	for said := false; ; said = true {
		ok, err := claim(c.Context(), kv, memoryKey(c.q.Name, d.MessageId), o, c.q.Dedup)
		if err == nil {
			return ok, nil
		}
		if c.Context().Err() != nil {
			return false, c.Context().Err()
		}
		if !said {
			c.bus.log.Warn("job waits for the store that remembers ids", "queue", c.q.Name, "id", d.MessageId, "err", err)
		}
		c.Pause(retryBroker)
	}
}

// claim makes o the owner of key where it may be.
func claim(ctx context.Context, kv edge.KV, key string, o owner, dedup time.Duration) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, callMost)
	defer cancel()
	for {
		if ok, err := kv.Create(ctx, key, []byte(o.encode()), dedup+backlog); ok || err != nil {
			return ok, err
		}
		had, ok, err := kv.Get(ctx, key)
		if err != nil {
			return false, err
		}
		if !ok {
			continue // it ended a moment ago
		}
		was := readOwner(string(had))
		if o.copy == was.copy || !o.takes(was, dedup) {
			return o.copy == was.copy, nil
		}
		if ok, err := kv.Swap(ctx, key, had, []byte(o.encode()), dedup+backlog); ok || err != nil {
			return ok, err
		}
	}
}

// seen is the memory of a process without a store.
func (qs *queues) seen(q *queue, id string, o owner) bool {
	qs.mu.Lock()
	defer qs.mu.Unlock()
	if had, ok := q.took.get(id); ok && !o.takes(readOwner(had), q.Dedup) {
		return false
	}
	q.took.put(id, o.encode())
	return true
}
