package record

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"labbox/edge/durable"
)

// syncPictures is the goroutine that hands pictures to the disk, apart from that of
// the samples, which do not wait for them.
func (s *Store) syncPictures() {
	defer close(s.picturesDone)
	tick := time.NewTicker(syncEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			for _, r := range s.allRuns() {
				if err := r.pics.sync(); err != nil {
					s.cfg.Logger.Warn("pictures not synced", "run", r.ID, "err", err)
				}
			}
		case <-s.stop:
			s.mu.Lock()
			s.picturesEnded = true
			s.mu.Unlock()
			for _, r := range s.allRuns() {
				if err := r.pics.end(); err != nil {
					s.cfg.Logger.Warn("pictures not synced", "run", r.ID, "err", err)
				}
			}
			return
		}
	}
}

func (s *Store) allRuns() []*run {
	s.mu.Lock()
	defer s.mu.Unlock()
	rs := make([]*run, 0, len(s.runs))
	for _, r := range s.runs {
		if r.pictureBytes > 0 {
			rs = append(rs, r)
		}
	}
	return rs
}

// sync hands what was written to the disk.
func (p *pictures) sync() error {
	p.use.RLock() // nobody closes the file meanwhile
	defer p.use.RUnlock()
	p.mu.Lock()
	f, dirty := p.file, p.dirty
	p.dirty = false
	p.mu.Unlock()
	if f == nil || !dirty {
		return nil
	}
	return f.Datasync()
}

// end syncs and closes the file. Nobody adds to it any more.
func (p *pictures) end() error {
	p.use.Lock()
	defer p.use.Unlock()
	p.mu.Lock()
	f, dirty := p.file, p.dirty
	p.file, p.dirty, p.scratch = nil, false, nil
	p.mu.Unlock()
	if f == nil {
		return nil
	}
	var err error
	if dirty {
		err = f.Datasync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("record: sync pictures: %w", err)
	}
	return nil
}

// removePictures deletes the pictures of a run that is gone already.
func (s *Store) removePictures(r *run) error {
	err := r.pics.end() // Windows deletes nothing that is open
	s.mu.Lock()
	had, none := r.pictureBytes, len(r.Cameras) == 0
	s.inMind = slices.DeleteFunc(s.inMind, func(o *run) bool { return o == r })
	s.mu.Unlock()
	if none {
		return err
	}
	r.pics.use.Lock()
	defer r.pics.use.Unlock()
	err = os.Remove(s.picturePath(r.ID))
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		s.count(r, -had)
		err = durable.Names(s.picturesDir())
	}
	if err != nil {
		return fmt.Errorf("record: pictures of run %s: %w", r.ID, err)
	}
	return nil
}

// findPictures counts what lies there for the runs that are loaded, and removes what
// belongs to none: their run was deleted. What nobody can tell is left alone.
func (s *Store) findPictures() error {
	files, err := os.ReadDir(s.picturesDir())
	if err != nil {
		return fmt.Errorf("record: %w", err)
	}
	for _, f := range files {
		id, isPic := strings.CutSuffix(f.Name(), ".pic")
		info, err := f.Info()
		if !isPic || !isID(id) || err != nil || !info.Mode().IsRegular() {
			continue
		}
		if r := s.runs[id]; r != nil {
			r.pictureBytes = info.Size()
			s.pictureBytes += info.Size()
			continue
		}
		if _, err := os.Lstat(s.runPath(id)); !errors.Is(err, fs.ErrNotExist) {
			continue // a run that cannot be read
		}
		if err := os.Remove(filepath.Join(s.picturesDir(), f.Name())); err != nil {
			s.cfg.Logger.Warn("pictures of no run not removed", "run", id, "err", err)
			continue
		}
		s.repair.OrphanPictures++
	}
	return nil
}

func isID(id string) bool {
	return len(id) == 26 && strings.Trim(id, crockford) == ""
}

// mendPictures cuts the torn tail of a run that was open when the process ended.
func (s *Store) mendPictures(ctx context.Context, r *run) error {
	if r.pictureBytes == 0 {
		return nil
	}
	r.pics.mu.Lock()
	defer r.pics.mu.Unlock()
	if err := s.loadPictures(ctx, r); err != nil {
		if ctx.Err() != nil {
			return err
		}
		s.cfg.Logger.Warn("pictures unreadable, left alone", "run", r.ID, "err", err)
		return nil
	}
	torn := r.pictureBytes - r.pics.size
	if torn > 0 {
		if err := os.Truncate(s.picturePath(r.ID), r.pics.size); err != nil {
			s.cfg.Logger.Warn("pictures not mended", "run", r.ID, "err", err) // they can be read all the same
		} else {
			s.repair.TornBytes += torn
			r.pictureBytes -= torn
			s.pictureBytes -= torn
		}
	}
	if !s.cfg.Continue {
		r.pics.cams, r.pics.loaded = nil, false // until somebody asks
	}
	return nil
}
