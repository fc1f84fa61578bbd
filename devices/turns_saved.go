package devices

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"labbox/edge"
	"labbox/edge/turn"
)

// savedTurns is what the ledger keeps of a device's turns.
type savedTurns struct {
	turn.Snapshot
	Hold *edge.Stop `json:"hold,omitempty"`
}

func turnsKey(box, device string) string { return edge.Key(box, "turns", device) }

// saveEvery bounds the writes of one device's turns: what changes meanwhile goes
// with the next.
const saveEvery = 250 * time.Millisecond

// readTurns reads all that is kept. What cannot be read may have been a hold.
func (l *Ledger) readTurns(ctx context.Context) error {
	err := l.each(ctx, turnsKey(l.Box, ""), func(device string, v []byte) {
		saved := savedTurns{}
		if err := json.Unmarshal(v, &saved); err != nil {
			l.Logger.Error("queue not readable, device stays frozen", "device", device, "error", err)
			saved = savedTurns{Hold: &edge.Stop{}}
		}
		l.saved[device] = saved
	})
	if err != nil {
		return fmt.Errorf("devices: read queues: %w", err)
	}
	return nil
}

// turns is what was kept when the ledger was opened; a checked device has none.
func (l *Ledger) turns(device string) savedTurns {
	if l == nil {
		return savedTurns{}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.saved[device]
}

// saveTurns makes the newest that newest returns durable.
func (l *Ledger) saveTurns(device string, newest func() *savedTurns) error {
	ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
	defer cancel()
	p := l.page(device)
	if err := lock(ctx, p.turning); err != nil {
		return err
	}
	defer unlock(p.turning)
	body, err := json.Marshal(newest())
	if err != nil {
		return err
	}
	if bytes.Equal(body, p.turned) {
		return nil
	}
	if err := l.Local.Set(ctx, turnsKey(l.Box, device), body, 0); err != nil {
		p.turned = nil // nobody knows what it holds
		return err
	}
	p.turned = body
	return nil
}

// saveTurnsLocked notes what is to be saved. What the end of the process takes
// away stays in the store: it is to be brought back.
func (s *Supervisor) saveTurnsLocked() {
	saved := *s.turns.wanted
	saved.Hold = s.turns.hold
	if !s.ending {
		saved.Snapshot = s.keeper.Snapshot()
	}
	s.turns.wanted = &saved
	select {
	case s.turns.dirty <- struct{}{}:
	default:
	}
}

func (s *Supervisor) saveTurnsNow() error {
	err := s.cfg.Ledger.saveTurns(s.cfg.ID, func() *savedTurns {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.turns.wanted
	})
	if err != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.quiet.allow("turns", s.clock.Mono()) {
			s.log.Warn("queue not saved yet", "error", err)
		}
	}
	return err
}

// keepTurns saves what changes, until ctx ends, and then what is left, of narrowed
// limits, too.
func (s *Supervisor) keepTurns(ctx context.Context) {
	defer func() {
		s.saveLimits(context.WithoutCancel(ctx))
		select {
		case <-s.turns.dirty:
			_ = s.saveTurnsNow()
		default:
		}
	}()
	for {
		select {
		case <-s.turns.dirty:
		case <-ctx.Done():
			return
		}
		wait := saveEvery
		if s.saveTurnsNow() != nil {
			wait = callAgain
			select {
			case s.turns.dirty <- struct{}{}:
			default:
			}
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return
		}
	}
}
