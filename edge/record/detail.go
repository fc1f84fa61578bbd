package record

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"

	"labbox/edge"
)

// Bounds of the events in a Detail.
const (
	maxEvents      = 2000
	maxEventsBytes = 4 << 20
)

// Detail is a run with everything besides its samples. It reads the window once, up to
// the last event that it takes.
func (s *Store) Detail(ctx context.Context, id string) (edge.RunDetail, error) {
	r, err := s.find(id)
	if err != nil {
		return edge.RunDetail{}, err
	}
	if err := s.drain(ctx); err != nil {
		return edge.RunDetail{}, err
	}
	run, err := s.snapshot(ctx, r)
	if err != nil {
		return edge.RunDetail{}, err
	}
	d := edge.RunDetail{Run: run.Run, Annotations: make([]edge.RunNote, 0, len(run.Annotations)), Events: []edge.RunEvent{}}
	if d.Pictures, err = s.Pictures(ctx, id); err != nil {
		return edge.RunDetail{}, err
	}
	s.mu.Lock()
	win := r.window
	s.mu.Unlock()
	d.PreTriggerMS = (win.Zero.At - win.Start.At).Milliseconds()
	for _, a := range run.Annotations {
		d.Annotations = append(d.Annotations, edge.RunNote{TimeMS: a.TimeMS, Text: a.Text, By: a.By})
	}
	segs := s.touched(run.Device, win, 0)
	first, _, err := s.firstFrame(ctx, win, segs)
	if err == nil {
		d.FirstMS = floorMS(first)
		err = s.events(ctx, segs, win, &d)
	}
	if err != nil {
		return edge.RunDetail{}, storeError(err)
	}
	d.Contract = s.contractOf(run.Device, run.Contract, segs)
	return d, nil
}

// events collects what happened in the window.
func (s *Store) events(ctx context.Context, segs []segment, win window, d *edge.RunDetail) error {
	var cur cursor
	size := 0
	err := s.walkSegments(ctx, segs, win, &cur, func(it *item) error {
		if it.event == nil {
			return nil
		}
		if size += len(it.event); len(d.Events) == maxEvents || size > maxEventsBytes {
			d.EventsCut = true
			return errEnough
		}
		d.Events = append(d.Events, edge.RunEvent{TimeMS: floorMS(win.offset(it.head.Boot, it.head.WallOffset, it.at)), Event: bytes.Clone(it.event)})
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return err
}

// contractOf is the newest contract in the segments; of a run that has none yet the
// device's present one, where it is the run's.
func (s *Store) contractOf(device, hash string, segs []segment) json.RawMessage {
	for i := len(segs) - 1; i >= 0; i-- {
		if c := contractIn(&segs[i]); len(c) > 0 {
			return c
		}
	}
	t, err := s.track(device)
	if err != nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.info.Hash == hash {
		return t.info.JSON
	}
	return nil
}

func contractIn(seg *segment) json.RawMessage {
	f, err := os.Open(seg.path)
	if err != nil {
		return nil
	}
	defer f.Close()
	r, ok, err := newScanner(f, 0, seg.bytes).next()
	if err != nil || !ok || r.kind != kindHeader {
		return nil
	}
	h, err := parseHeader(r.payload)
	if err != nil || !json.Valid(h.Contract.JSON) {
		return nil
	}
	return h.Contract.JSON
}
