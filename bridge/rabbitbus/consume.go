package rabbitbus

import (
	"context"
	"errors"

	"labbox/edge"
)

func (b *Bus) Consume(name string, fn func(ctx context.Context, j edge.Job) error) (edge.Subscription, error) {
	return nil, errors.New("not yet")
}

func (b *Bus) Dead(ctx context.Context, name string, limit int) ([]edge.Job, error) {
	return nil, errors.New("not yet")
}
