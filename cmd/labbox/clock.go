package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"labbox/edge"
)

// maxOffset is how far the box's calendar may be set from the machine's.
const maxOffset = 50 * 365 * 24 * time.Hour

// clockEvery is how often a process looks for an offset that another one has set.
const clockEvery = 10 * time.Second

func clockKey(box string) string { return edge.Key(box, "clock") }

// savedClock is what the store keeps of the calendar.
type savedClock struct {
	OffsetMS int64 `json:"offset_ms"` // the box's calendar minus the machine's
}

// loadClock takes over the offset that was set last. Without it the machine's
// calendar is the box's.
func (p *parts) loadClock(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, storeWithin)
	defer cancel()
	b, ok, err := p.kv.Get(ctx, clockKey(p.box))
	if err != nil || !ok {
		return err
	}
	var c savedClock
	if err := json.Unmarshal(b, &c); err != nil {
		return fmt.Errorf("offset of the clock: %w", err)
	}
	off := time.Duration(c.OffsetMS) * time.Millisecond
	if c.OffsetMS > maxOffset.Milliseconds() || c.OffsetMS < -maxOffset.Milliseconds() {
		return fmt.Errorf("offset of the clock: %d ms is too much", c.OffsetMS)
	}
	if off != p.system.Offset() {
		p.system.SetOffset(off)
		p.log.Info("the box's calendar differs from the machine's", "offset", off)
	}
	return nil
}

// setClock sets what the box's calendar says now. It moves what people are shown
// and nothing else: leases, deadlines and samples run on the monotonic clock.
func (p *parts) setClock(ctx context.Context, wall time.Time) error {
	off := wall.Round(0).Sub(time.Now().Round(0)).Round(time.Millisecond)
	if off.Abs() > maxOffset {
		return edge.Errorf(edge.CodeOutOfRange, "%s is more than 50 years from this machine's calendar", wall.UTC().Format(time.RFC3339)).
			WithHint("is the clock of your own device right?")
	}
	b, err := json.Marshal(savedClock{off.Milliseconds()})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, storeWithin)
	defer cancel()
	if err := p.kv.Set(ctx, clockKey(p.box), b, 0); err != nil {
		return err
	}
	p.system.SetOffset(off)
	return nil
}

// followClock looks for what another process of the lab has set.
func (p *parts) followClock(ctx context.Context) error {
	if p.redis == nil {
		return nil // there is none
	}
	t := time.NewTicker(clockEvery)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			_ = p.loadClock(ctx) // the store's health is told elsewhere
		case <-ctx.Done():
			return nil
		}
	}
}

// machineClock is the machine's own calendar, whatever a teacher has set: what a
// restart is bridged by.
type machineClock struct{ edge.Clock }

// Wall implements edge.Clock.
func (machineClock) Wall() time.Time { return time.Now().Round(0) }
