package metrics_test

import (
	"context"
	"time"

	"labbox/edge"
)

// fakeBus answers everything with err; live, job and serve are what was handed in.
type fakeBus struct {
	err     error
	dropped uint64
	live    func(edge.Msg)
	job     func(context.Context, edge.Job) error
	serve   func(context.Context, edge.Msg) ([]byte, error)
}

func (b *fakeBus) Close() error    { return nil }
func (b *fakeBus) Dropped() uint64 { return b.dropped }
func (b *fakeBus) Health() error   { return b.err }

func (b *fakeBus) Publish(context.Context, string, []byte) error           { return b.err }
func (b *fakeBus) Request(context.Context, string, []byte) ([]byte, error) { return nil, b.err }
func (b *fakeBus) Declare(context.Context, edge.Queue) error               { return b.err }
func (b *fakeBus) Enqueue(context.Context, string, string, []byte) error   { return b.err }
func (b *fakeBus) Dead(context.Context, string, int) ([]edge.Job, error)   { return nil, b.err }

func (b *fakeBus) Subscribe(_ string, fn func(edge.Msg)) (edge.Subscription, error) {
	b.live = fn
	return b, b.err
}

func (b *fakeBus) Serve(_ string, fn func(context.Context, edge.Msg) ([]byte, error)) (edge.Subscription, error) {
	b.serve = fn
	return b, b.err
}

func (b *fakeBus) Consume(_ string, fn func(context.Context, edge.Job) error) (edge.Subscription, error) {
	b.job = fn
	return b, b.err
}

// fakeKV holds nothing and answers everything with err.
type fakeKV struct {
	edge.KV
	err error
}

func (k *fakeKV) Get(context.Context, string) ([]byte, bool, error)        { return nil, false, k.err }
func (k *fakeKV) Set(context.Context, string, []byte, time.Duration) error { return k.err }
func (k *fakeKV) Health(context.Context) error                             { return k.err }

func serveWith(reply *[]byte, err *error) func(context.Context, edge.Msg) ([]byte, error) {
	return func(context.Context, edge.Msg) ([]byte, error) { return *reply, *err }
}
