package experimenttest

import (
	"context"
	"sync/atomic"
	"time"

	"labbox/edge"
)

// gate stands between a process and what it uses. Cut, it lets nothing through: a
// process behind nothing but cut gates has been killed, as far as others can see.
type gate struct{ cut atomic.Bool }

func (g *gate) pass(code edge.Code) error {
	if g.cut.Load() {
		return edge.Errorf(code, "cut off")
	}
	return nil
}

// kv is an edge.KV behind gates.
type kv struct {
	edge.KV
	gates []*gate
}

func (k *kv) ok() error {
	for _, g := range k.gates {
		if err := g.pass(edge.CodeStoreDown); err != nil {
			return err
		}
	}
	return nil
}

func (k *kv) Get(ctx context.Context, key string) ([]byte, bool, error) {
	if err := k.ok(); err != nil {
		return nil, false, err
	}
	return k.KV.Get(ctx, key)
}

func (k *kv) GetMany(ctx context.Context, keys ...string) ([][]byte, error) {
	if err := k.ok(); err != nil {
		return nil, err
	}
	return k.KV.GetMany(ctx, keys...)
}

func (k *kv) Set(ctx context.Context, key string, v []byte, ttl time.Duration) error {
	if err := k.ok(); err != nil {
		return err
	}
	return k.KV.Set(ctx, key, v, ttl)
}

func (k *kv) Create(ctx context.Context, key string, v []byte, ttl time.Duration) (bool, error) {
	if err := k.ok(); err != nil {
		return false, err
	}
	return k.KV.Create(ctx, key, v, ttl)
}

func (k *kv) Swap(ctx context.Context, key string, old, v []byte, ttl time.Duration) (bool, error) {
	if err := k.ok(); err != nil {
		return false, err
	}
	return k.KV.Swap(ctx, key, old, v, ttl)
}

func (k *kv) Delete(ctx context.Context, keys ...string) (int, error) {
	if err := k.ok(); err != nil {
		return 0, err
	}
	return k.KV.Delete(ctx, keys...)
}

func (k *kv) Keys(ctx context.Context, prefix string) ([]string, error) {
	if err := k.ok(); err != nil {
		return nil, err
	}
	return k.KV.Keys(ctx, prefix)
}

// bus is an edge.Bus behind gates. A consumer's job is neither acknowledged nor
// handed back while it is cut: its context ends first, as for a killed process.
type bus struct {
	edge.Bus
	gates []*gate
	twice *atomic.Bool // every job is delivered again after its first success
}

func (b *bus) ok() error {
	for _, g := range b.gates {
		if err := g.pass(edge.CodeBusDown); err != nil {
			return err
		}
	}
	return nil
}

func (b *bus) Publish(ctx context.Context, subject string, data []byte) error {
	if err := b.ok(); err != nil {
		return err
	}
	return b.Bus.Publish(ctx, subject, data)
}

func (b *bus) Declare(ctx context.Context, q edge.Queue) error {
	if err := b.ok(); err != nil {
		return err
	}
	return b.Bus.Declare(ctx, q)
}

func (b *bus) Enqueue(ctx context.Context, queue, id string, data []byte) error {
	if err := b.ok(); err != nil {
		return err
	}
	return b.Bus.Enqueue(ctx, queue, id, data)
}

func (b *bus) Consume(queue string, fn func(context.Context, edge.Job) error) (edge.Subscription, error) {
	if err := b.ok(); err != nil {
		return nil, err
	}
	return b.Bus.Consume(queue, func(ctx context.Context, j edge.Job) error {
		if err := b.ok(); err != nil {
			return err
		}
		err := fn(ctx, j)
		if err == nil && b.twice != nil && b.twice.Load() && j.Try == 1 {
			return edge.Errorf(edge.CodeInternal, "acknowledgement lost")
		}
		if gone := b.ok(); gone != nil {
			return gone
		}
		return err
	})
}

// driver is the owner behind a gate.
type driver struct {
	*Owner
	gate *gate
}

func (d driver) Do(ctx context.Context, ask *edge.Ask) (*edge.Answer, error) {
	if err := d.gate.pass(edge.CodeNotReady); err != nil {
		return nil, err
	}
	return d.Owner.Do(ctx, ask)
}

// Status implements experiment.Driver; a killed process sees nothing any more.
func (d driver) Status(device string) (edge.Status, bool) {
	if d.gate.cut.Load() {
		return edge.Status{}, false
	}
	return d.Owner.Status(device)
}
