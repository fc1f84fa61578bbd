package web

import (
	"context"
	"errors"
	"strings"

	"labbox/edge"
	"labbox/edge/class"
	"labbox/edge/experiment"
)

// sharedKey marks a run that a teacher has started on all devices: the class may take
// it home.
func (s *Server) sharedKey(run string) string { return edge.Key(s.cfg.Box, "run-shared", run) }

func (s *Server) share(ctx context.Context, run string) {
	if err := s.cfg.KV.Set(ctx, s.sharedKey(run), []byte("1"), class.Keep); err != nil {
		s.log.Warn("run not shared with the class", "run", run, "err", err)
	}
}

// checkOwn refuses students what is somebody else's run; one that is shared they may
// take home, not delete.
func (s *Server) checkOwn(q *call, v edge.Verb, run edge.Run) error {
	list := []edge.Run{run}
	if v == edge.VerbDelete {
		if s.owns(q, run) {
			return nil
		}
		list = nil
	}
	list, err := s.seen(q, list)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return edge.Errorf(edge.CodeForbidden, "this run is somebody else's").With("verb", string(v)).With("role", string(q.actor.Role))
	}
	return nil
}

// owns says whether a run is a teacher's to use, or the student's own: started by her
// or by her experiment.
func (s *Server) owns(q *call, run edge.Run) bool {
	if q.actor.Role.AtLeast(edge.RoleTeacher) || run.By.ID == q.actor.Seat {
		return true
	}
	id, ok := strings.CutPrefix(run.By.ID, experiment.SeatPrefix)
	if !ok || s.cfg.Experiments == nil {
		return false
	}
	x, err := s.cfg.Experiments.Get(q.r.Context(), id)
	return err == nil && x.By.ID == q.actor.Seat
}

// endPictures stops runs that keep pictures and belong to seats that were given up or
// taken away: nobody of an open class is left who wants them.
func (s *Server) endPictures(by edge.Actor, seats map[string]bool) {
	if s.cfg.Runs == nil || s.cfg.Cameras == nil || len(seats) == 0 || !s.begin() {
		return
	}
	go func() {
		defer s.wg.Done()
		ctx, cancel := context.WithTimeout(s.ctx, endWithin)
		defer cancel()
		list, err := s.cfg.Cameras.List(ctx)
		ended := map[string]bool{}
		for i := range list {
			for _, id := range list[i].Runs {
				if ended[id] {
					continue
				}
				ended[id] = true
				run, e := s.cfg.Runs.Get(ctx, id)
				if e == nil && seats[run.By.ID] {
					_, e = s.ask(ctx, edge.Ask{Verb: edge.VerbRunStop, Device: run.Device, Actor: by, Run: &edge.RunAsk{ID: id}})
				}
				err = errors.Join(err, e)
			}
		}
		if err != nil && s.ctx.Err() == nil {
			s.log.Warn("runs with pictures not stopped", "err", err)
		}
	}()
}

// seen are the runs that somebody may look at, in their order.
func (s *Server) seen(q *call, list []edge.Run) ([]edge.Run, error) {
	out, others := []edge.Run{}, []string{}
	mine := make([]bool, len(list))
	for i, r := range list {
		if mine[i] = s.owns(q, r); !mine[i] {
			others = append(others, s.sharedKey(r.ID))
		}
	}
	var shared [][]byte
	if len(others) > 0 {
		var err error
		if shared, err = s.cfg.KV.GetMany(q.r.Context(), others...); err != nil {
			return nil, err
		}
	}
	for i, r := range list {
		if !mine[i] {
			mine[i], shared = shared[0] != nil, shared[1:]
		}
		if mine[i] {
			out = append(out, r)
		}
	}
	return out, nil
}
