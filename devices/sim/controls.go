package sim

import (
	"context"
	"fmt"
	"time"

	"labbox/edge"
)

// Controls are what a person may do to a simulated device, while it runs or
// between two lines. They return once it is done, or with ctx's error where the
// device is stuck on a line that takes nothing.
type Controls interface {
	// Reboot restarts the firmware: settings are gone, the banner is printed
	// again, what moves by physics goes on.
	Reboot(ctx context.Context) error
	// Set holds a channel at a shown value until Free.
	Set(ctx context.Context, channel string, x float64) error
	// Free lets a channel move by itself again.
	Free(ctx context.Context, channel string) error
	// Value is a channel's value, without noise and resolution.
	Value(ctx context.Context, channel string) (float64, error)
	// Param is what a command's parameter was set to, by command.param.
	Param(ctx context.Context, id string) (float64, error)
}

var _ Controls = (*board)(nil)

// modelled is a program that a model moves, as opposed to a plant.
type modelled interface{ model() *Model }

// do calls f when the program is between two calls.
func (b *board) do(ctx context.Context, f func()) error {
	done := make(chan struct{})
	ask := func() { defer close(done); f() }
	select {
	case b.asks <- ask:
		<-done
	case b.busy <- struct{}{}: // nobody runs it
		ask()
		<-b.busy
	case <-ctx.Done():
		return fmt.Errorf("sim: the device is stuck: %w", ctx.Err())
	}
	return nil
}

// Reboot implements Controls.
func (b *board) Reboot(ctx context.Context) error {
	return b.do(ctx, func() {
		now := time.Now()
		b.prog.reboot(now)
		if b.out != nil {
			b.prog.open(now, b.out)
		}
	})
}

// Set implements Controls.
func (b *board) Set(ctx context.Context, channel string, x float64) error {
	return b.channel(ctx, channel, func(m *Model, i int) { m.Pin(i, x) })
}

// Free implements Controls.
func (b *board) Free(ctx context.Context, channel string) error {
	return b.channel(ctx, channel, func(m *Model, i int) { m.Free(i) })
}

// Value implements Controls.
func (b *board) Value(ctx context.Context, channel string) (x float64, err error) {
	err = b.channel(ctx, channel, func(m *Model, i int) { x = m.Value(i) })
	return x, err
}

// Param implements Controls.
func (b *board) Param(ctx context.Context, id string) (x float64, err error) {
	m, err := b.model()
	if err != nil {
		return 0, err
	}
	var ok bool
	if err = b.do(ctx, func() { x, ok = m.Param(id) }); err == nil && !ok {
		err = edge.Errorf(edge.CodeBadRequest, "no parameter %q", id)
	}
	return x, err
}

func (b *board) model() (*Model, error) {
	p, ok := b.prog.(modelled)
	if !ok {
		return nil, edge.Errorf(edge.CodeBadRequest, "this device moves by its own physics: its values cannot be set")
	}
	return p.model(), nil
}

func (b *board) channel(ctx context.Context, id string, f func(*Model, int)) error {
	m, err := b.model()
	if err != nil {
		return err
	}
	for i := range m.s.Channels {
		if c := &m.s.Channels[i]; c.ID == id || c.ID == "" && c.Field == id {
			return b.do(ctx, func() {
				if b.out != nil {
					m.advance(time.Now())
				}
				f(m, i)
			})
		}
	}
	return edge.Errorf(edge.CodeBadRequest, "no channel %q", id)
}
