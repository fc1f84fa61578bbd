package main

import (
	"context"
	"errors"
	"io"
	"time"

	"labbox/edge"
	"labbox/edge/record"
)

// recorder gives the owner of the devices what it needs of the record store.
type recorder struct {
	*record.Store
	pics *pictures
}

// StartRun implements devices.Recorder.
func (r recorder) StartRun(ctx context.Context, device string, by edge.Actor, ask edge.RunAsk, _ *edge.Contract) (*edge.Run, error) {
	if ask.Pictures != nil { // it is refused before it starts
		if _, err := r.pics.set.Asked(device, *ask.Pictures); err != nil {
			return nil, err
		}
	}
	run, err := r.Store.StartRun(ctx, record.RunMeta{Device: device, Name: ask.Name, Notes: ask.Notes, By: by.Ref(),
		PreTrigger: time.Duration(ask.PreTriggerMS) * time.Millisecond})
	if err != nil {
		return nil, err
	}
	if ask.Pictures != nil {
		if err := r.pics.begin(&run.Run, by, *ask.Pictures); err != nil {
			return nil, errors.Join(err, r.DeleteRun(ctx, run.ID)) // too many, or the box stops
		}
		if now, err := r.Run(ctx, run.ID); err != nil || now.State != record.StateRecording {
			r.pics.end(run.ID) // it was stopped meanwhile
		}
	}
	return &run.Run, nil
}

// StopRun implements devices.Recorder.
func (r recorder) StopRun(ctx context.Context, device string, by edge.Actor, id string) (*edge.Run, error) {
	if err := r.owns(ctx, device, id, by, edge.VerbRunStop); err != nil {
		return nil, err
	}
	run, err := r.Store.StopRun(ctx, id, by.Ref())
	if err != nil {
		return nil, err
	}
	r.pics.end(id)
	return &run.Run, nil
}

// Annotate implements devices.Recorder.
func (r recorder) Annotate(ctx context.Context, device string, by edge.Actor, id, text string, at time.Duration) error {
	if err := r.owns(ctx, device, id, by, edge.VerbAnnotate); err != nil {
		return err
	}
	return r.Store.Annotate(ctx, id, at, text, by.Ref())
}

// owns refuses what is not of this device, or not the actor's own.
func (r recorder) owns(ctx context.Context, device, id string, by edge.Actor, v edge.Verb) error {
	run, err := r.Run(ctx, id)
	if err != nil {
		return err
	}
	if run.Device != device {
		return edge.Errorf(edge.CodeUnknownRun, "run %q is not of %s", id, device)
	}
	if run.By.ID != by.Seat && !by.Role.AtLeast(edge.RoleTeacher) {
		return edge.Errorf(edge.CodeForbidden, "this run is somebody else's").With("verb", string(v)).With("role", string(by.Role)).
			WithHint("who drives may stop it, or the teacher")
	}
	return nil
}

// runs gives the panel what it needs of the record store.
type runs struct {
	s    *record.Store
	pics *pictures
}

// List implements web.Runs.
func (r runs) List(ctx context.Context, device string) ([]edge.Run, error) {
	all, err := r.s.Runs(ctx, device)
	if err != nil {
		return nil, err
	}
	out := make([]edge.Run, len(all))
	for i := range all {
		out[i] = all[i].Run
	}
	return out, nil
}

// Get implements web.Runs.
func (r runs) Get(ctx context.Context, id string) (edge.Run, error) {
	run, err := r.s.Run(ctx, id)
	return run.Run, err
}

// CSV implements web.Runs.
func (r runs) CSV(ctx context.Context, id, lang string, w io.Writer) error {
	return r.s.ExportCSV(ctx, id, w, record.CSVOptions{Lang: lang})
}

// Frames implements web.Runs.
func (r runs) Frames(ctx context.Context, id string, ask edge.FramesAsk, fn func([]byte) error) error {
	return r.s.FramesOf(ctx, id, ask, fn)
}

// Detail implements web.Runs.
func (r runs) Detail(ctx context.Context, id string) (edge.RunDetail, error) {
	return r.s.Detail(ctx, id)
}

// Picture implements web.Runs.
func (r runs) Picture(ctx context.Context, id, camera string, t time.Duration) (edge.RunPicture, error) {
	return r.s.PictureAt(ctx, id, camera, t)
}

// Delete implements web.Runs.
func (r runs) Delete(ctx context.Context, id string) error {
	if err := r.s.DeleteRun(ctx, id); err != nil {
		return err
	}
	r.pics.end(id)
	return nil
}
