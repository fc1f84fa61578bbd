package record

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"labbox/edge"
	"labbox/edge/durable"
	"labbox/edge/frame"
)

const frameLostUnknown = frame.LostUnknown

// Run returns one run; its numbers are those of now.
func (s *Store) Run(ctx context.Context, id string) (Run, error) {
	r, err := s.find(id)
	if err != nil {
		return Run{}, err
	}
	return s.snapshot(ctx, r)
}

// Runs returns the runs of a device, all of them for "", newest first.
func (s *Store) Runs(ctx context.Context, device string) ([]Run, error) {
	s.mu.Lock()
	var found []*run
	for _, r := range s.runs {
		if device == "" || r.Device == device {
			found = append(found, r)
		}
	}
	s.mu.Unlock()
	slices.SortFunc(found, func(a, b *run) int { return cmp.Compare(b.ID, a.ID) })
	out := make([]Run, 0, len(found))
	for _, r := range found {
		x, err := s.snapshot(ctx, r)
		if err != nil {
			return nil, err
		}
		out = append(out, x)
	}
	return out, nil
}

func (s *Store) find(id string) (*run, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.runs[id]; r != nil {
		return r, nil
	}
	return nil, unknownRun(id)
}

// change edits r with f and saves it; f says whether it changed anything. When
// the disk refuses, r is as it was.
func (s *Store) change(r *run, f func() bool) error {
	r.edit.Lock()
	defer r.edit.Unlock()
	s.mu.Lock()
	gone := s.runs[r.ID] != r
	run, window, sealed, settled := r.Run, r.window, r.sealed, r.settled
	changed := !gone && f()
	s.mu.Unlock()
	if gone {
		return unknownRun(r.ID)
	}
	if !changed {
		return nil
	}
	if err := s.saveRun(r); err != nil {
		s.mu.Lock()
		r.Run, r.window, r.sealed, r.settled = run, window, sealed, settled
		s.mu.Unlock()
		return storeError(err)
	}
	return nil
}

// snapshot counts what has come since the last look and returns a copy.
func (s *Store) snapshot(ctx context.Context, r *run) (Run, error) {
	if err := s.recount(ctx, r); err != nil {
		return Run{}, storeError(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	out := r.Run
	if r.window.Open {
		out.LengthMS = r.window.offset(s.boot, s.wallOffset(), s.cfg.Clock.Mono()).Milliseconds()
	}
	return out, nil
}

func (s *Store) recount(ctx context.Context, r *run) error {
	r.count.Lock()
	defer r.count.Unlock()
	s.mu.Lock()
	w, sealed := r.window, r.sealed
	s.mu.Unlock()
	if sealed {
		return nil
	}
	err := s.walk(ctx, r.Device, w, &r.cur, func(it *item) error {
		r.sum.add(it)
		return nil
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	sum := r.sum
	if !w.Open && !r.cur.past {
		if g, ok := r.cur.gaps.end(); ok {
			sum.gap(g)
		}
	}
	r.Samples, r.Lost, r.Gaps, r.Bytes = sum.samples, sum.lost, sum.gaps, sum.bytes+r.pictureBytes
	return nil
}

// settleRuns makes the numbers of runs final that have ended a while ago. It
// runs in the writer goroutine.
func (s *Store) settleRuns() {
	now := s.cfg.Clock.Mono()
	s.mu.Lock()
	var due []*run
	for _, r := range s.runs {
		if !r.window.Open && !r.sealed && now >= r.settled {
			due = append(due, r)
		}
	}
	s.mu.Unlock()
	for _, r := range due {
		err := s.recount(context.Background(), r)
		if err == nil {
			err = s.change(r, func() bool { r.sealed = true; return true })
		}
		if err != nil && edge.CodeOf(err) != edge.CodeUnknownRun {
			s.cfg.Logger.Warn("run not settled", "run", r.ID, "err", err)
			s.mu.Lock()
			r.settled = now + time.Minute
			s.mu.Unlock()
		}
	}
}

// runFile is what lies on the disk for each run.
type runFile struct {
	Format int    `json:"format"`
	Run    Run    `json:"run"`
	Window window `json:"window"`
	Sealed bool   `json:"sealed"`
}

func (s *Store) runPath(id string) string { return filepath.Join(s.runsDir(), id+".json") }

func (s *Store) saveRun(r *run) error {
	s.mu.Lock()
	b, err := json.MarshalIndent(runFile{format, r.Run, r.window, r.sealed}, "", " ")
	s.mu.Unlock()
	if err == nil {
		err = replaceFile(s.runPath(r.ID), append(b, '\n'))
	}
	if err != nil {
		return fmt.Errorf("record: run %s: %w", r.ID, err)
	}
	return nil
}

func (s *Store) removeRun(id string) error {
	err := os.Remove(s.runPath(id))
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		err = durable.Names(s.runsDir())
	}
	if err != nil {
		return fmt.Errorf("record: run %s: %w", id, err)
	}
	return nil
}

// loadRuns reads the runs and ends those that were open, at their last sample.
func (s *Store) loadRuns(ctx context.Context) error {
	files, err := os.ReadDir(s.runsDir())
	if err != nil {
		return fmt.Errorf("record: %w", err)
	}
	for _, f := range files {
		id, isRun := strings.CutSuffix(f.Name(), ".json")
		if !isRun {
			continue
		}
		var rf runFile
		b, err := os.ReadFile(filepath.Join(s.runsDir(), f.Name()))
		if err == nil {
			err = json.Unmarshal(b, &rf)
		}
		if err == nil && (rf.Format != format || rf.Run.ID != id) {
			err = fmt.Errorf("record: run format %d", rf.Format)
		}
		if err != nil {
			// Its segments are not pinned any more, but nobody knows which they
			// were: this must be seen.
			s.cfg.Logger.Error("run unreadable, left alone", "run", id, "err", err)
			continue
		}
		r := &run{Run: rf.Run, window: rf.Window, sealed: rf.Sealed}
		s.boot = max(s.boot, r.window.Zero.Boot+1, r.window.End.Boot+1)
		s.lastID = max(s.lastID, idTime(id))
		s.runs[id] = r
	}
	if err := s.findPictures(); err != nil {
		return err
	}
	for _, r := range s.runs {
		if r.window.Open {
			if err := s.reopen(ctx, r); err != nil {
				return err
			}
		}
	}
	return nil
}

// reopen decides on a run that was open when the process ended.
func (s *Store) reopen(ctx context.Context, r *run) error {
	s.repair.Interrupted++
	if err := s.mendPictures(ctx, r); err != nil {
		return err
	}
	if s.cfg.Continue {
		r.Notices = append(r.Notices, "continued: the box was restarted")
		return s.saveRun(r)
	}
	if err := s.recount(ctx, r); err != nil {
		return err
	}
	last := r.sum.last
	if last == (key{}) {
		last = r.window.Zero
	}
	var wall int64
	for _, seg := range s.tracks[r.Device].segmentsOrNone() {
		if seg.boot == last.Boot {
			wall = seg.wall
		}
	}
	r.window.Open, r.window.End = false, last
	r.LengthMS = max(0, r.window.offset(last.Boot, wall, last.At).Milliseconds())
	r.State, r.sealed = StateInterrupted, true
	r.Notices = append(r.Notices, "interrupted: the box stopped")
	return s.saveRun(r)
}

func (t *track) segmentsOrNone() []*segment {
	if t == nil {
		return nil
	}
	return t.segments
}

const crockford = "0123456789abcdefghjkmnpqrstvwxyz"

// newID makes a run id; s.mu is held. Ids sort by start even where the wall
// clock goes back.
func (s *Store) newID(wall time.Time) string {
	s.lastID = max(wall.UnixMilli(), s.lastID+1) & (1<<48 - 1)
	var id [26]byte
	ms := uint64(s.lastID)
	for i := 9; i >= 0; i-- {
		id[i] = crockford[ms&31]
		ms >>= 5
	}
	for i := 10; i < len(id); i++ {
		id[i] = crockford[rand.IntN(32)]
	}
	return string(id[:])
}

func idTime(id string) int64 {
	var ms int64
	for i := 0; i < len(id) && i < 10; i++ {
		ms = ms<<5 | int64(max(0, strings.IndexByte(crockford, id[i])))
	}
	return ms & (1<<48 - 1)
}
