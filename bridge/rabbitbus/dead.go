package rabbitbus

import (
	"context"
	"errors"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"labbox/edge"
)

// Dead implements edge.Bus. It takes the jobs from their queue and hands them
// back: for that moment another process that asks finds fewer.
func (b *Bus) Dead(ctx context.Context, name string, limit int) ([]edge.Job, error) {
	var jobs []edge.Job
	err := b.walkDead(ctx, name, func(q *queue, d amqp.Delivery) (bool, error) {
		if len(jobs) >= limit {
			return false, nil
		}
		jobs = append(jobs, edge.Job{ID: d.MessageId, Data: d.Body, Try: q.MaxTries})
		return len(jobs) < limit, nil
	})
	if err != nil {
		return nil, err
	}
	return jobs, nil
}

// Requeue puts a job that was set aside back in its queue, with all its tries
// before it. CodeNotFound: there is no such job. A job is never lost on the way;
// if this process is killed in the middle the job is in both queues.
func (b *Bus) Requeue(ctx context.Context, name, id string) error {
	found := false
	err := b.walkDead(ctx, name, func(_ *queue, d amqp.Delivery) (bool, error) {
		if d.MessageId != id {
			return true, nil
		}
		found = true
		s, err := b.pub.session()
		if err == nil {
			err = s.refusal()
		}
		if err != nil {
			return false, err
		}
		// The same copy: the memory of ids lets it pass.
		err = s.publishConfirmed(ctx, time.Now().Add(b.cfg.ConfirmWithin), jobQueue(name), amqp.Publishing{
			MessageId: id, AppId: d.AppId, DeliveryMode: amqp.Persistent, Body: d.Body,
		})
		if errors.Is(err, errLost) || errors.Is(err, errReturned) {
			return false, unconfirmed(err)
		}
		if err != nil {
			return false, err
		}
		return false, d.Ack(false)
	})
	if err == nil && !found {
		return edge.Errorf(edge.CodeNotFound, "rabbitbus: no job %q was set aside in queue %s", id, name).With("queue", name).With("id", id)
	}
	return err
}

// walkDead shows fn the jobs set aside, oldest first, until it returns false.
// What fn does not acknowledge stays.
func (b *Bus) walkDead(ctx context.Context, name string, fn func(*queue, amqp.Delivery) (bool, error)) error {
	q, err := b.queue(ctx, name)
	if err != nil {
		return err
	}
	s, err := b.con.session()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, b.cfg.ConfirmWithin)
	defer cancel()
	err = s.call(ctx, func(ch *amqp.Channel) error {
		q.dead.Lock() // the next reader finds what this one hands back
		defer q.dead.Unlock()
		defer func() { _ = ch.Close() }()
		for ctx.Err() == nil {
			d, ok, err := ch.Get(deadQueue(name), false)
			if err != nil || !ok {
				return err
			}
			if more, err := fn(q, d); !more || err != nil {
				return err
			}
		}
		return ctx.Err()
	})
	if err != nil {
		return callError("jobs set aside in "+name, err)
	}
	return nil
}
