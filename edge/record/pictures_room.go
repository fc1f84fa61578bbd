package record

import (
	"slices"
	"strconv"

	"labbox/edge"
)

func errPicturesFull(camera string, max int64) error {
	return edge.Errorf(edge.CodeTooLarge, "the pictures of %s fill what this run may keep of them", camera).With("max", max)
}

// full notes once that a camera's room is used up; Store.mu is held.
func (r *run) full(camera string, max int64) bool {
	if slices.Contains(r.PicturesFull, camera) {
		return false
	}
	r.PicturesFull = append(slices.Clone(r.PicturesFull), camera)
	r.Notices = append(slices.Clone(r.Notices), "pictures of "+camera+": no more were kept, "+strconv.FormatFloat(float64(max)/1e6, 'f', -1, 64)+" MB are full")
	return true
}

// takes says why a run takes no pictures; Store.mu is held.
func (s *Store) takes(r *run) error {
	switch {
	case s.runs[r.ID] != r:
		return unknownRun(r.ID)
	case s.picturesEnded:
		return edge.Errorf(edge.CodeStoreDown, "the recorder is closed")
	case !r.window.Open:
		return edge.Errorf(edge.CodeUnknownRun, "run %q has ended", r.ID)
	}
	return nil
}

// pictureShare is what pictures take at most of n bytes for all: those who fill it leave
// room for samples.
func pictureShare(n int64) int64 { return n / 4 * 3 }

// roomFor says why there is no room for n bytes of a camera.
func (s *Store) roomFor(r *run, camera string, n int64) error {
	s.mu.Lock()
	err := s.takes(r)
	gone := slices.Contains(r.PicturesFull, camera)
	kept, pics := s.pinnedBytes+s.pictureBytes, s.pictureBytes
	low := s.low || s.free < 2*s.cfg.MinFree+uint64(n) // samples go on to the end of the first
	s.mu.Unlock()
	switch {
	case err != nil:
		return err
	case gone:
		return edge.Errorf(edge.CodeTooLarge, "the pictures of %s fill what this run may keep of them", camera)
	case low:
		err = storeError(errLowSpace)
	case kept+n > s.cfg.MaxBytes || pics+n > pictureShare(s.cfg.MaxBytes):
		err = errKeptFull()
	default:
		return nil
	}
	s.miss(r, camera)
	return err
}

func errKeptFull() error {
	return edge.Errorf(edge.CodeStoreFull, "the runs that are kept fill the space for recordings").
		WithHint("download and delete runs that are not needed")
}

// miss notes once on the run that a picture was not kept for want of space. Where that
// cannot be saved now, StopRun does.
func (s *Store) miss(r *run, camera string) {
	p := &r.pics
	p.mu.Lock()
	_, known := p.missed[camera]
	if p.missed == nil {
		p.missed = make(map[string]bool)
	}
	if !known {
		p.missed[camera] = false
	}
	p.mu.Unlock()
	if known {
		return
	}
	err := s.change(r, func() bool {
		r.Notices = append(slices.Clone(r.Notices), missedNotice(camera))
		return true
	})
	if err == nil {
		p.mu.Lock()
		p.missed[camera] = true
		p.mu.Unlock()
	}
}

func missedNotice(camera string) string {
	return "pictures of " + camera + ": some were not kept, there was no space"
}

// unsaid are the notices that could not be saved so far.
func (p *pictures) unsaid() (notices []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for camera, said := range p.missed {
		if !said {
			notices = append(notices, missedNotice(camera))
		}
	}
	slices.Sort(notices)
	return notices
}

// count adds n bytes to the books.
func (s *Store) count(r *run, n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r.pictureBytes += n
	s.pictureBytes += n
	s.total += n
	if n > 0 {
		s.free -= min(s.free, uint64(n))
	}
}
