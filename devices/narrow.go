package devices

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"

	"labbox/edge"
	"labbox/edge/config"
)

// narrowing is what a teacher has narrowed live. It is guarded by its supervisor's
// lock.
type narrowing struct {
	base    *Type // within the bench's limits; nil: as it is
	limits  map[string]edge.Limit
	broken  error // those that were saved cannot be had: nothing is obeyed until there are new ones
	unsaved bool
	saving  bool
}

// mostLimits bounds what one request may name.
const mostLimits = 256

// errNarrowed is what a command gets that was judged by limits that have changed
// since: it is judged anew.
var errNarrowed = edge.Errorf(edge.CodeNotReady, "the limits were changed meanwhile").WithHint("try again")

// limited is t within further limits, by "command.param" or channel.
func (t *Type) limited(limits map[string]edge.Limit) (*Type, error) {
	if len(limits) == 0 {
		return t, nil
	}
	n := t.copied()
	for key, l := range limits {
		if l.Min == nil && l.Max == nil {
			return nil, edge.Errorf(edge.CodeBadValue, "%q: neither min nor max", key).With("key", key)
		}
		err := n.limit(key, config.Limit{Min: l.Min, Max: l.Max})
		switch code := edge.CodeOf(err); {
		case err == nil || code == edge.CodeBadConfig && t.untold():
		case code == edge.CodeBadConfig:
			return nil, edge.Errorf(edge.CodeBadValue, "%w", err).With("key", key).WithHint("%s", edge.AsError(err).Hint)
		default:
			return nil, edge.Errorf(code, "%w", err).With("key", key).WithHint("limits can be narrowed, within those of type and bench")
		}
	}
	if err := n.fixSteps(t); err != nil {
		return nil, edge.Errorf(edge.CodeOutOfRange, "%w", err).WithHint("leave room for it")
	}
	return n, nil
}

// Narrow makes limits the only ones within those of type and bench; none: the
// bench's own. They hold from the moment it returns, for what is waiting to be
// written, too, and are saved afterwards. A device that already stands outside is
// made safe.
func (s *Supervisor) Narrow(ctx context.Context, a edge.Actor, limits map[string]edge.Limit) error {
	if err := edge.Authorize(a, edge.VerbNarrow, s.cfg.ID); err != nil {
		return err
	}
	if len(limits) > mostLimits {
		return edge.Errorf(edge.CodeTooLarge, "%d limits, at most %d", len(limits), mostLimits)
	}
	limits = maps.Clone(limits)
	s.stream.naming.Lock()
	s.mu.Lock()
	before := s.typ()
	base := s.narrow.base
	if base == nil {
		base = before
	}
	n, err := base.limited(limits)
	if err != nil {
		s.mu.Unlock()
		s.stream.naming.Unlock()
		return err
	}
	s.narrow.base, s.narrow.limits, s.narrow.broken, s.narrow.unsaved = base, limits, nil, true
	s.t.Store(n)
	s.contract = n.contract(s.auto)
	c := s.contract
	s.eventLocked("limits", &a, map[string]any{"limits": limits})
	if what := s.outsideLocked(n); what != "" {
		s.eventLocked("interlock", nil, map[string]any{"text": what})
		s.demandSafeLocked("limits narrowed")
	}
	s.straysLocked(n)
	s.mu.Unlock()
	s.stream.relabel(c)
	s.stream.naming.Unlock()
	s.mu.Lock()
	s.tellLocked()
	s.mu.Unlock()
	s.saveLimits(ctx)
	return nil
}

// outsideLocked says in words which parameter stands outside its range, "" for
// none: by what was written since the last safe sequence, and by what its channel
// shows.
func (s *Supervisor) outsideLocked(t *Type) string {
	for i := range t.Commands {
		c := &t.Commands[i]
		for k := range c.Params {
			p := &c.Params[k]
			if p.Range == nil {
				continue
			}
			slack := 1e-9 * math.Max(math.Abs(p.Range[0]), math.Abs(p.Range[1]))
			out := func(x float64) bool { return x < p.Range[0]-slack || x > p.Range[1]+slack }
			lo, hi, known := s.env.stands(c.ID, p.ID)
			if !known || !out(lo) && !out(hi) {
				lo, hi = math.NaN(), math.NaN()
			}
			if ch := t.channel(p.Channel); ch != nil && s.env.ran.by[c.ID] > 0 {
				slack += ch.Resolution
				if x := s.readBack(p.Channel); out(x) {
					lo, hi = x, x
				}
			}
			if !math.IsNaN(lo) {
				return fmt.Sprintf("%s.%s stands at %g, the limits are now %s", c.ID, p.ID, math.Max(lo, hi), p.limits())
			}
		}
	}
	return ""
}

// bench is the device's type within the bench's limits, and what a teacher has
// narrowed beyond them.
func (s *Supervisor) bench() (*Type, map[string]edge.Limit) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.narrow.base == nil {
		return s.typ(), nil
	}
	return s.narrow.base, s.narrow.limits
}

// withinLocked is a type of the bench's within what a teacher has narrowed.
func (s *Supervisor) withinLocked(base *Type) (*Type, error) {
	n, err := base.limited(s.narrow.limits)
	if err != nil {
		return nil, err
	}
	s.narrow.base = base
	return n, nil
}

// resumeLimits brings back what was narrowed before the box was restarted, before
// anything is obeyed.
func (s *Supervisor) resumeLimits() {
	limits, err := s.cfg.Ledger.limits(s.cfg.ID)
	var n *Type
	if err == nil {
		n, err = s.typ().limited(limits)
	}
	if err != nil {
		s.log.Error("limits that a teacher narrowed cannot be had, commands are refused", "error", err)
		s.narrow.broken = edge.Errorf(edge.CodeNotReady, "the limits that a teacher narrowed cannot be had: %s", edge.AsError(err).Message).
			WithHint("a teacher sets them anew")
		return
	}
	s.narrow.base, s.narrow.limits = s.typ(), limits
	s.t.Store(n)
	s.contract = n.contract(s.auto)
}

// saveLimits makes the newest limits durable. Where that fails, Beat has it tried
// again, and the end of the box once more.
func (s *Supervisor) saveLimits(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.narrow.unsaved && !s.narrow.saving { // newer ones may come meanwhile
		s.narrow.saving, s.narrow.unsaved = true, false
		limits := s.narrow.limits
		s.mu.Unlock()
		err := s.cfg.Ledger.saveLimits(ctx, s.cfg.ID, limits)
		s.mu.Lock()
		s.narrow.saving = false
		if err != nil {
			s.narrow.unsaved = true
			if s.quiet.allow("limits", s.clock.Mono()) {
				s.log.Warn("limits are narrowed, and not saved yet", "error", err)
			}
			return
		}
	}
}

// keepLimitsLocked is called by Beat.
func (s *Supervisor) keepLimitsLocked() {
	if s.narrow.unsaved && !s.narrow.saving {
		go s.saveLimits(context.Background())
	}
}

func limitsKey(box, device string) string { return edge.Key(box, "limits", device) }

// limits are those that were saved.
func (l *Ledger) limits(device string) (map[string]edge.Limit, error) {
	if l == nil || l.Local == nil { // nothing was ever saved
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
	defer cancel()
	body, ok, err := l.Local.Get(ctx, limitsKey(l.Box, device))
	if err != nil || !ok {
		return nil, err
	}
	var limits map[string]edge.Limit
	if err := json.Unmarshal(body, &limits); err != nil {
		return nil, edge.Errorf(edge.CodeInternal, "saved limits not readable: %w", err)
	}
	return limits, nil
}

func (l *Ledger) saveLimits(ctx context.Context, device string, limits map[string]edge.Limit) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	if len(limits) == 0 {
		_, err := l.Local.Delete(ctx, limitsKey(l.Box, device))
		return err
	}
	body, err := json.Marshal(limits)
	if err != nil {
		return err
	}
	return l.Local.Set(ctx, limitsKey(l.Box, device), body, 0)
}
