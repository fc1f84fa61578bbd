package web

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"labbox/edge"
)

// row is what came of asking one device.
type row struct {
	Device string `json:"device"`
	OK     bool   `json:"ok"`
	// Confirmed says, where the device was to be safe, that it is. False must be shown
	// as NOT CONFIRMED.
	Confirmed *bool       `json:"confirmed,omitempty"`
	Error     *edge.Error `json:"error,omitempty"`
	Run       *edge.Run   `json:"run,omitempty"`
}

// everywhere asks all devices at once, one row each in the order of their ids. A
// rehearsal is no device of the room. safe: they are to become safe.
func (s *Server) everywhere(ctx context.Context, by edge.Actor, safe bool, a edge.Ask) []row {
	devices := slices.DeleteFunc(s.hub.all(), func(d *device) bool { return d.state().Rehearsal != nil })
	rows := make([]row, len(devices))
	var wg sync.WaitGroup
	for i, d := range devices {
		wg.Go(func() {
			ask := a
			ask.Device, ask.Actor = d.id, by
			if ask.Verb == edge.VerbRunStop {
				ask.Run = &edge.RunAsk{ID: d.state().Run}
			}
			rows[i] = s.oneOf(ctx, safe, ask)
		})
	}
	wg.Wait()
	return rows
}

func (s *Server) oneOf(ctx context.Context, safe bool, a edge.Ask) row {
	r := row{Device: a.Device}
	if a.Verb == edge.VerbRunStop && a.Run.ID == "" {
		r.OK = true // nothing is recorded there
		return r
	}
	answer, err := s.ask(ctx, a)
	r.OK, r.Error = err == nil, edge.AsError(err)
	if safe {
		yes := err == nil && answer.Stop != nil && answer.Stop.Confirmed
		r.Confirmed = &yes
		if err == nil && answer.Stop != nil && answer.Stop.Reason != nil {
			r.Error = answer.Stop.Reason
		}
	}
	if err == nil {
		r.Run = answer.Run
	}
	return r
}

func (s *Server) answerAll(q *call, what string, rows []row) error {
	bad := []string{}
	for _, r := range rows {
		if !r.OK || r.Confirmed != nil && !*r.Confirmed {
			bad = append(bad, r.Device)
		}
	}
	s.audit("all", &q.actor, map[string]any{"what": what, "devices": len(rows), "not_confirmed": bad})
	return q.json(http.StatusOK, map[string]any{"devices": rows})
}

// freeze is POST class/freeze: all devices go safe and obey nobody, or obey again.
func (s *Server) freeze(q *call) error {
	on, _, err := onOff(q)
	if err != nil {
		return err
	}
	if !on {
		return s.answerAll(q, "unfreeze", s.everywhere(q.r.Context(), q.actor, false, edge.Ask{Verb: edge.VerbUnhold}))
	}
	return s.answerAll(q, "freeze", s.everywhere(q.r.Context(), q.actor, true, edge.Ask{Verb: edge.VerbHold}))
}

// stopAll is POST class/stop: the emergency stop of every device.
func (s *Server) stopAll(q *call) error {
	// A browser that hangs up does not take a stop back.
	return s.answerAll(q, "stop", s.everywhere(s.ctx, q.actor, true, edge.Ask{Verb: edge.VerbStop}))
}

// runAll is POST class/runs: start or stop recording on every device. The class may
// take these runs home. Without a name they have the class's.
func (s *Server) runAll(q *call) error {
	on, name, err := onOff(q)
	if err != nil {
		return err
	}
	if !on {
		return s.answerAll(q, "runs stop", s.everywhere(q.r.Context(), q.actor, false, edge.Ask{Verb: edge.VerbRunStop}))
	}
	if c, _ := s.room.now(); c != nil && name == "" {
		name = c.Title
	}
	rows := s.everywhere(q.r.Context(), q.actor, false, edge.Ask{Verb: edge.VerbRunStart, Run: &edge.RunAsk{Name: name}})
	for _, r := range rows {
		if r.Run != nil {
			s.share(q.r.Context(), r.Run.ID)
		}
	}
	return s.answerAll(q, "runs start", rows)
}

func onOff(q *call) (on bool, name string, err error) {
	var body struct {
		On   *bool  `json:"on"`
		Name string `json:"name"`
	}
	if err := q.body(&body); err != nil {
		return false, "", err
	}
	if body.On == nil {
		return false, "", edge.Errorf(edge.CodeMissingValue, "on is missing").With("field", "on")
	}
	return *body.On, body.Name, nil
}

// applyRules gives all devices the turn rules that a teacher has chosen for the class.
func (s *Server) applyRules(by edge.Actor, rules *edge.TurnRules) {
	if rules == nil || !s.begin() {
		return
	}
	go func() {
		defer s.wg.Done()
		for _, r := range s.everywhere(s.ctx, by, false, edge.Ask{Verb: edge.VerbRules, Rules: rules}) {
			if r.Error != nil {
				s.log.Warn("turn rules not taken", "device", r.Device, "err", r.Error)
			}
		}
	}()
}

// endWithin bounds how long the turns of who is gone are given back.
const endWithin = 10 * time.Second

// endTurns gives back turns and places in queues: of these seats, or of all students
// with nil. The owner would end them by itself, later.
func (s *Server) endTurns(seats map[string]bool) {
	if !s.begin() {
		return
	}
	go func() {
		defer s.wg.Done()
		ctx, cancel := context.WithTimeout(s.ctx, endWithin)
		defer cancel()
		var wg sync.WaitGroup
		end := func(verb edge.Verb, device string, who edge.SeatRef, fence uint64) {
			if seats != nil && !seats[who.ID] || seats == nil && !s.isStudent(ctx, who.ID) {
				return
			}
			wg.Go(func() {
				_, err := s.ask(ctx, edge.Ask{Verb: verb, Device: device, Fence: fence,
					Actor: edge.Actor{Seat: who.ID, Name: who.Name, Role: edge.RoleStudent, Via: viaPanel}})
				if err != nil && s.ctx.Err() == nil {
					s.log.Info("turn not given back", "device", device, "seat", who.ID, "err", err)
				}
			})
		}
		for _, d := range s.hub.all() {
			st := d.state()
			for _, w := range st.Queue {
				end(edge.VerbLeave, d.id, w.Seat, 0)
			}
			if l := st.Lease; l != nil {
				end(edge.VerbRelease, d.id, l.Holder, l.Fence)
				if l.Partner != nil {
					end(edge.VerbRelease, d.id, *l.Partner, l.Fence)
				}
			}
		}
		wg.Wait()
	}()
}

// isStudent says whether a seat is no teacher's, nor an experiment.
func (s *Server) isStudent(ctx context.Context, seat string) bool {
	a, err := s.seatActor(ctx, seat)
	return err == nil && !a.Role.AtLeast(edge.RoleTeacher)
}

// expel ends what is left of a seat that was given up or taken away: its connections
// in all processes, its turns and its places.
func (s *Server) expel(ctx context.Context, seat string) {
	s.endTurns(map[string]bool{seat: true})
	s.seatGone(seat)
	s.say(ctx, edge.KindSeat, seat)
}

// audit tells of something that people have done, for the record.
func (s *Server) audit(code string, by *edge.Actor, args map[string]any) {
	if s.cfg.Audit == nil {
		return
	}
	s.cfg.Audit(edge.Event{Box: s.cfg.Box, MonoUS: s.mono().Microseconds(), WallMS: s.wallMS(), Code: code, Actor: by, Args: args})
}

func (s *Server) wallMS() int64 { return s.cfg.Clock.Wall().UnixMilli() }

// address is where a request came from, without its port.
func address(remote string) string {
	if p, ok := hop(remote); ok {
		return p.Addr().String()
	}
	return strings.TrimSpace(remote)
}
