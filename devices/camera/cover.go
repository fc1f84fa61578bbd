package camera

import (
	"context"
	"encoding/json"
	"time"

	"labbox/edge"
)

// storeWithin bounds a question to the store.
const storeWithin = 3 * time.Second

// coverKey is where an edge.Stop lies while the camera is covered.
func (s *Set) coverKey(id string) string { return edge.Key(s.cfg.Box.Box, "camera", id) }

// keptCover is who has covered a camera, nil where nobody has. Where that cannot be
// known, the box itself has.
func (s *Set) keptCover(id string) *edge.Stop {
	ctx, cancel := context.WithTimeout(context.Background(), storeWithin)
	defer cancel()
	b, ok, err := s.cfg.KV.Get(ctx, s.coverKey(id))
	if err == nil && !ok {
		return nil
	}
	stop := &edge.Stop{}
	if err == nil {
		err = json.Unmarshal(b, stop)
	}
	if err != nil {
		s.cfg.Logger.Error("camera stays covered: the store does not say whether it is", "camera", id, "error", err)
		return &edge.Stop{By: edge.Actor{Seat: "box", Name: s.cfg.Box.Box, Role: edge.RoleOperator, Via: "console"},
			WallMS: s.cfg.Clock.Wall().UnixMilli()}
	}
	return stop
}

// Cover closes the camera's source and shows it to nobody until it is uncovered. An
// error of the store leaves it covered, in both directions.
func (s *Set) Cover(ctx context.Context, id string, by edge.Actor, covered bool) (edge.Camera, error) {
	h, err := s.hub(id)
	if err != nil {
		return edge.Camera{}, err
	}
	if err := edge.Authorize(by, edge.VerbCover, id); err != nil {
		return edge.Camera{}, err
	}
	h.covering.Lock()
	defer h.covering.Unlock()
	h.mu.Lock()
	was := h.covered != nil
	h.mu.Unlock()
	if was != covered {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeWithin)
		defer cancel()
		if covered {
			err = h.close(ctx, by)
		} else {
			err = h.reveal(ctx)
		}
		s.note(h, by, covered, err)
	} else if covered { // the store may have failed before
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeWithin)
		defer cancel()
		err = h.keepCover(ctx)
	}
	return h.word(), err
}

// close covers the camera at once, and then makes that last.
func (h *hub) close(ctx context.Context, by edge.Actor) error {
	h.mu.Lock()
	h.covered = &edge.Stop{By: by, WallMS: h.set.cfg.Clock.Wall().UnixMilli()}
	h.put(edge.CameraCovered, nil)
	h.blind(errCovered(h.cfg.ID))
	h.uncover = make(chan struct{})
	if h.quit != nil {
		h.quit()
	}
	h.mu.Unlock()
	return h.keepCover(ctx)
}

func (h *hub) keepCover(ctx context.Context) error {
	h.mu.Lock()
	b, err := json.Marshal(h.covered)
	h.mu.Unlock()
	if err != nil {
		return err
	}
	return h.set.cfg.KV.Set(ctx, h.set.coverKey(h.cfg.ID), b, 0)
}

// reveal uncovers the camera, once that lasts.
func (h *hub) reveal(ctx context.Context) error {
	if _, err := h.set.cfg.KV.Delete(ctx, h.set.coverKey(h.cfg.ID)); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.covered = nil
	h.bare, h.blind = context.WithCancelCause(h.set.over)
	close(h.uncover)
	h.put(edge.CameraIdle, nil)
	return nil
}

// note tells log and audit.
func (s *Set) note(h *hub, by edge.Actor, covered bool, err error) {
	what := "uncover"
	if covered {
		what = "cover"
	}
	h.log.Info("camera is "+what+"ed", "by", by.Name, "seat", by.Seat, "error", err)
	if s.cfg.Audit == nil {
		return
	}
	args := map[string]any{"camera": h.cfg.ID, "what": what}
	if err != nil {
		args["verdict"] = string(edge.CodeOf(err))
	}
	s.cfg.Audit(edge.Event{Box: s.cfg.Box.Box, MonoUS: s.cfg.Clock.Mono().Microseconds(), WallMS: s.cfg.Clock.Wall().UnixMilli(),
		Code: "camera", Actor: &by, Args: args})
}
