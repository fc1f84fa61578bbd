package devices

import (
	"context"
	"encoding/json"
	"time"

	"labbox/edge"
)

// presenceEvery is how often the presence is renewed; PresenceTTL is five times
// as long.
const presenceEvery = 2 * time.Second

// Claim takes the box's name in the shared store. CodeNameTaken: another owner
// has it. A store that does not answer is no error: the devices come first, and
// Run goes on trying.
func (o *Owner) Claim(ctx context.Context) error {
	if o.cfg.Presence.Instance == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	err := o.claim(ctx)
	if err == nil || edge.CodeOf(err) == edge.CodeNameTaken {
		return err
	}
	o.cfg.Logger.Warn("presence not told yet", "error", err)
	return nil
}

// claim renews the presence, or takes the name where nobody has it or an earlier
// life of this very box had it.
func (o *Owner) claim(ctx context.Context) error {
	mine := o.cfg.Presence
	mine.Box, mine.Owner = o.cfg.Box, o.owner
	body, err := json.Marshal(mine)
	if err != nil {
		return err
	}
	key := edge.PresenceKey(o.cfg.Box)
	for range 3 {
		now, ok, err := o.cfg.Shared.Get(ctx, key)
		if err != nil {
			return err
		}
		if !ok {
			if ok, err = o.cfg.Shared.Create(ctx, key, body, edge.PresenceTTL); err != nil {
				return err
			}
			if ok { // a store without it may lack everything else too
				o.copyAll()
				return nil
			}
			continue
		}
		var other edge.Presence
		if json.Unmarshal(now, &other) == nil && other.Instance != mine.Instance {
			return edge.Errorf(edge.CodeNameTaken, "another box named %s runs on %s", o.cfg.Box, other.Host).With("host", other.Host).
				WithHint("give one of the two another `box:` name; where that machine is gone for good, wait %v", edge.PresenceTTL)
		}
		if ok, err = o.cfg.Shared.Swap(ctx, key, now, body, edge.PresenceTTL); ok || err != nil {
			return err
		}
	}
	return edge.Errorf(edge.CodeStoreDown, "the presence changes all the time")
}

// present renews the presence until ctx ends, and then takes it away. It returns
// early with CodeNameTaken where the name turns out to be another's.
func (o *Owner) present(ctx context.Context) error {
	if o.cfg.Presence.Instance == "" {
		return nil
	}
	t := time.NewTicker(presenceEvery)
	defer t.Stop()
	silent := false
	for {
		tctx, cancel := context.WithTimeout(ctx, storeTimeout)
		err := o.claim(tctx)
		cancel()
		switch {
		case ctx.Err() != nil:
			o.leave()
			return nil
		case edge.CodeOf(err) == edge.CodeNameTaken:
			return err
		case err != nil && !silent:
			o.cfg.Logger.Warn("presence not renewed", "error", err)
		}
		silent = err != nil
		select {
		case <-t.C:
		case <-ctx.Done():
		}
	}
}

// leave frees the name for whoever comes, if it is still this process's.
func (o *Owner) leave() {
	ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
	defer cancel()
	key := edge.PresenceKey(o.cfg.Box)
	now, ok, err := o.cfg.Shared.Get(ctx, key)
	var p edge.Presence
	if err != nil || !ok || json.Unmarshal(now, &p) != nil || p.Owner != o.owner {
		return
	}
	_, _ = o.cfg.Shared.Delete(ctx, key) // it ends by itself otherwise
}

// copyAll writes every copy anew: the store has lost them.
func (o *Owner) copyAll() {
	for _, s := range o.sups {
		o.mu.Lock()
		contracts := make([]*edge.Contract, 0, len(o.known))
		for _, c := range o.known {
			contracts = append(contracts, c)
		}
		o.mu.Unlock()
		for _, c := range contracts {
			if body, err := json.Marshal(c); err == nil {
				o.copyLater(edge.ContractKey(o.cfg.Box, c.Hash), body)
			}
		}
		if body, err := json.Marshal(s.Status()); err == nil {
			o.copyLater(edge.StatusKey(o.cfg.Box, s.ID()), body)
		}
	}
}

// Tick is the newest heartbeat.
func (o *Owner) Tick() edge.Tick {
	if t := o.tick.Load(); t != nil {
		return *t
	}
	return edge.Tick{}
}

// Contract returns the contract of a device, nil where there is none of that id.
func (o *Owner) Contract(device string) *edge.Contract {
	if s := o.sups[device]; s != nil {
		return s.Contract()
	}
	return nil
}

// Devices returns the ids of all devices.
func (o *Owner) Devices() []string {
	ids := make([]string, 0, len(o.sups))
	for id := range o.sups {
		ids = append(ids, id)
	}
	return ids
}

// Status returns the present status of a device.
func (o *Owner) Status(device string) (edge.Status, bool) {
	s := o.sups[device]
	if s == nil {
		return edge.Status{}, false
	}
	return s.Status(), true
}
