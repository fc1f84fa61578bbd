package record

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
	"unicode/utf8"

	"labbox/edge"
)

// States of a run, as in edge.Run.State.
const (
	StateRecording   = "recording"
	StateDone        = "done"
	StateInterrupted = "interrupted"
)

// Bounds of what people type, and of how much may be open at once.
const (
	maxName        = 200
	maxNotes       = 10000
	maxAnnotations = 10000
	maxOpenRuns    = 256 // per device
)

// RunMeta starts a run.
type RunMeta struct {
	Device     string
	Name       string
	Notes      string
	By         edge.SeatRef
	PreTrigger time.Duration // how far the run reaches back; at most Config.KeepFor
	Args       edge.Args     // settings worth keeping beside the data
}

// Run is a run with everything that is known of it. StartMS is when it was
// started and LengthMS is counted from there; the samples of the time before
// the trigger come on top and are counted in Samples.
type Run struct {
	edge.Run
	PreTriggerMS int64        `json:"pre_trigger_ms,omitempty"`
	StoppedBy    edge.SeatRef `json:"stopped_by,omitzero"`
	Args         edge.Args    `json:"args,omitempty"`
	Annotations  []Annotation `json:"annotations,omitempty"`
	PicturesFull []string     `json:"pictures_full,omitempty"` // cameras of which no more are kept
}

// Annotation is a note at a moment of a run.
type Annotation struct {
	TimeMS int64        `json:"time_ms"` // since the run was started
	Text   string       `json:"text"`
	By     edge.SeatRef `json:"by"`
}

// run is a Run, its window and how far it has been counted. Run and window are
// under Store.mu; the rest under count.
type run struct {
	Run
	window  window
	sealed  bool          // its numbers are final
	settled time.Duration // when they become final, whatever comes

	pictureBytes int64 // of the file of its pictures; under Store.mu
	pics         pictures

	edit  sync.Mutex // held while the run is changed and saved
	count sync.Mutex
	cur   cursor
	sum   sums
}

// sums are what a walk over the window counts.
type sums struct {
	samples, lost uint64
	gaps          int
	bytes         int64
	last          key
}

func (c *sums) add(it *item) {
	if it.gap != nil {
		c.gap(*it.gap)
	}
	if n := it.hi - it.lo; n > 0 {
		c.samples += uint64(n)
		c.bytes += int64(len(it.view.Bytes())) * int64(n) / int64(it.view.Header().Samples)
		c.last = key{it.head.Boot, it.view.BoxTime(it.hi - 1)}
	}
}

func (c *sums) gap(g Gap) {
	c.gaps++
	if g.Lost != frameLostUnknown {
		c.lost += uint64(g.Lost)
	}
}

// settleFor is how long after its end late samples still join a run.
const settleFor = 3 * time.Second

func unknownRun(id string) error {
	return edge.Errorf(edge.CodeUnknownRun, "no run %q", id).WithHint("it may have been deleted; look at the list of runs")
}

func checkText(what, s string, max int) error {
	if !utf8.ValidString(s) || len(s) > max {
		return edge.Errorf(edge.CodeTooLarge, "a %s is text of at most %d bytes", what, max).With("max", max)
	}
	return nil
}

// StartRun begins a run now, or PreTrigger earlier. It returns once the run and
// everything recorded so far is on the disk.
func (s *Store) StartRun(ctx context.Context, m RunMeta) (Run, error) {
	if err := checkText("name", m.Name, maxName); err != nil {
		return Run{}, err
	}
	if err := checkText("note", m.Notes, maxNotes); err != nil {
		return Run{}, err
	}
	if m.PreTrigger < 0 || m.PreTrigger > s.cfg.KeepFor {
		return Run{}, edge.Errorf(edge.CodeOutOfRange, "a run may reach back %v at most", s.cfg.KeepFor)
	}
	t, err := s.track(m.Device)
	if err != nil {
		return Run{}, err
	}
	now, wall := s.now()
	t.mu.Lock()
	info := t.info
	t.mu.Unlock()
	r := &run{window: window{Start: key{s.boot, max(0, now-m.PreTrigger)}, Zero: key{s.boot, now}, Open: true, ZeroWall: wall.UnixNano()}}
	r.Run = Run{Run: edge.Run{Device: m.Device, Name: m.Name, Notes: m.Notes, By: m.By, State: StateRecording,
		Contract: info.Hash, Type: info.Type, StartMS: wall.UnixMilli()}, PreTriggerMS: m.PreTrigger.Milliseconds(), Args: m.Args}
	r.edit.Lock()
	defer r.edit.Unlock()
	if err := s.admit(r, wall); err != nil {
		return Run{}, err
	}
	err = s.Sync(ctx)
	if err == nil {
		err = s.saveRun(r)
	}
	if err != nil {
		s.mu.Lock()
		delete(s.runs, r.ID)
		s.mu.Unlock()
		return Run{}, storeError(err)
	}
	return s.snapshot(ctx, r)
}

// admit gives r its id and enters it, which pins its segments.
func (s *Store) admit(r *run, wall time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	open, pinned := 0, s.pictureBytes
	for _, o := range s.runs {
		if o.Device == r.Device && o.window.Open {
			open++
		}
	}
	for _, t := range s.tracks {
		for _, seg := range t.segments {
			if s.pinned(seg) {
				pinned += seg.bytes
			}
		}
	}
	if open >= maxOpenRuns {
		return edge.Errorf(edge.CodeTooMany, "%d runs of this device are recording already", open).WithHint("stop one first")
	}
	if pinned >= s.cfg.MaxBytes {
		return errKeptFull()
	}
	r.ID = s.newID(wall)
	s.runs[r.ID] = r
	return nil
}

// Sync returns once everything recorded so far is on the disk.
func (s *Store) Sync(ctx context.Context) error {
	answer := make(chan error, 1)
	select {
	case s.flush <- answer:
	case <-s.done:
		return edge.Errorf(edge.CodeStoreDown, "the recorder is closed")
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-answer:
		return storeError(err)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// StopRun ends a run now. One that has ended already stays as it is.
func (s *Store) StopRun(ctx context.Context, id string, by edge.SeatRef) (Run, error) {
	now := s.cfg.Clock.Mono()
	r, err := s.find(id)
	if err != nil {
		return Run{}, err
	}
	unsaid := r.pics.unsaid()
	err = s.change(r, func() bool {
		if !r.window.Open {
			return false
		}
		r.Notices = append(slices.Clone(r.Notices), unsaid...)
		r.window.Open, r.window.End = false, key{s.boot, now}
		r.State, r.StoppedBy = StateDone, by
		r.LengthMS = r.window.offset(s.boot, s.wallOffset(), now).Milliseconds()
		r.settled = now + settleFor
		return true
	})
	if err != nil {
		return Run{}, err
	}
	if err := errors.Join(s.Sync(ctx), storeError(r.pics.end())); err != nil {
		return Run{}, err
	}
	s.indexed(r)
	return s.snapshot(ctx, r)
}

// Annotate notes text at the moment at of the monotonic clock.
func (s *Store) Annotate(ctx context.Context, id string, at time.Duration, text string, by edge.SeatRef) error {
	if err := checkText("note", text, maxNotes); err != nil {
		return err
	}
	r, err := s.find(id)
	if err != nil {
		return err
	}
	full := false
	err = s.change(r, func() bool {
		if full = len(r.Annotations) >= maxAnnotations; full {
			return false
		}
		off := r.window.offset(s.boot, s.wallOffset(), at)
		r.Annotations = append(r.Annotations[:len(r.Annotations):len(r.Annotations)], Annotation{off.Milliseconds(), text, by})
		return true
	})
	if full {
		return edge.Errorf(edge.CodeTooMany, "a run takes %d notes at most", maxAnnotations)
	}
	return err
}

// DeleteRun forgets a run, deletes its pictures and unpins its segments, which then go
// with age.
func (s *Store) DeleteRun(ctx context.Context, id string) error {
	r, err := s.find(id)
	if err != nil {
		return err
	}
	r.edit.Lock()
	defer r.edit.Unlock()
	if err := s.removeRun(id); err != nil {
		return storeError(err)
	}
	s.mu.Lock()
	delete(s.runs, id)
	s.mu.Unlock()
	return storeError(s.removePictures(r))
}
