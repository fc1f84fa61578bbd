package record

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sort"
	"time"

	"labbox/edge"
)

// maxIndexed is how many runs' pictures are kept in mind, besides those that record.
const maxIndexed = 32

// loadPictures finds the pictures in the file, by their heads; p.mu is held.
func (s *Store) loadPictures(ctx context.Context, r *run) error {
	p := &r.pics
	if p.loaded {
		return nil
	}
	s.mu.Lock()
	w, bytes := r.window, r.pictureBytes
	s.mu.Unlock()
	if bytes == 0 {
		p.loaded = true
		return nil
	}
	f, err := os.Open(s.picturePath(r.ID))
	if err != nil {
		return fmt.Errorf("record: pictures: %w", err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return fmt.Errorf("record: pictures: %w", err)
	}
	x, err := indexPictures(ctx, f, st.Size(), w)
	if err != nil {
		return err
	}
	p.cams, p.size, p.salt, p.loaded = x.cams, x.size, x.salt, true
	p.damaged += x.damaged
	if x.damaged > 0 {
		s.cfg.Logger.Warn("pictures damaged", "run", r.ID, "places", x.damaged)
	}
	return nil
}

// indexPictures reads the heads of all records. The last picture is read whole: what
// the power has taken is there.
func indexPictures(ctx context.Context, f io.ReaderAt, size int64, w window) (x *pictures, err error) {
	x = &pictures{}
	sc := &picScanner{r: f, end: size}
	for n := 0; ; n++ {
		if n%1024 == 0 {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
		}
		before := sc.damaged
		h, at, ok, err := sc.next()
		if err != nil {
			return nil, err
		}
		if !ok {
			break
		}
		if sc.damaged > before {
			x.damaged++
		}
		if err := x.enter(f, &h, at, w); err != nil {
			return nil, err
		}
	}
	x.size, x.salt = sc.good, sc.salt
	return x, x.dropTail(f)
}

// enter takes what one record says.
func (p *pictures) enter(f io.ReaderAt, h *picHead, at int64, w window) error {
	switch {
	case h.kind == picHeader:
		var fh picFileHeader
		ok, err := readPicJSON(f, at, h, &fh)
		if err == nil && ok && fh.Format != format {
			err = fmt.Errorf("record: pictures of format %d, this program reads %d", fh.Format, format)
		}
		return err
	case h.camera >= maxRunCameras:
		p.damaged++ // not of our making
	case h.kind == picCamera:
		var of PictureOf
		ok, err := readPicJSON(f, at, h, &of)
		if ok {
			c := p.cam(h.camera)
			c.of, c.said = of, true
		} else if err == nil {
			p.damaged++
		}
		return err
	case h.kind == picPicture:
		p.cam(h.camera).add(floorMS(w.offset(h.boot, h.wall, h.at)), at, h.size)
	}
	return nil
}

// dropTail takes back pictures at the end whose bytes are not all there.
func (p *pictures) dropTail(f io.ReaderAt) error {
	for {
		var last *camPictures
		for i := range p.cams {
			if c := &p.cams[i]; len(c.list) > 0 && (last == nil || c.list[len(c.list)-1].off > last.list[len(last.list)-1].off) {
				last = c
			}
		}
		if last == nil {
			return nil
		}
		e := last.list[len(last.list)-1]
		_, _, err := readPic(f, e.off, int(e.size))
		if !errors.Is(err, errPicture) {
			return err
		}
		last.drop(len(last.list) - 1)
		p.damaged++
		p.size = min(p.size, e.off)
	}
}

func (c *camPictures) drop(i int) {
	c.bytes -= picHeadSize + int64(pad8(int(c.list[i].size)))
	c.list = slices.Delete(c.list, i, i+1)
}

// Pictures tells of the pictures that a run keeps, by camera, in the order of their
// first ones. One that is damaged is found out when it is read, and is missing from
// then on.
func (s *Store) Pictures(ctx context.Context, id string) ([]edge.RunPictures, error) {
	r, err := s.find(id)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	cameras, full := r.Cameras, r.PicturesFull
	s.mu.Unlock()
	out := make([]edge.RunPictures, 0, len(cameras))
	if len(cameras) == 0 {
		return out, nil
	}
	defer s.indexed(r)
	p := &r.pics
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := s.loadPictures(ctx, r); err != nil {
		return nil, storeError(err)
	}
	for i, camera := range cameras {
		c := p.cam(i)
		of := edge.RunPictures{Camera: camera, Name: c.of.Name, Description: c.of.Description, Bytes: c.bytes, TimesMS: make([]int64, len(c.list))}
		if of.Name == "" {
			of.Name = camera
		}
		for j, e := range c.list {
			of.TimesMS[j] = e.ms
		}
		if slices.Contains(full, camera) {
			of.Ended = EndedFull
		}
		out = append(out, of)
	}
	return out, nil
}

// PictureAt returns the newest picture of a camera, "" is the run's first, that was
// taken at t since the run's start or before, else the first of all.
func (s *Store) PictureAt(ctx context.Context, id, camera string, t time.Duration) (edge.RunPicture, error) {
	r, err := s.find(id)
	if err != nil {
		return edge.RunPicture{}, err
	}
	s.mu.Lock()
	cameras := r.Cameras
	s.mu.Unlock()
	if camera == "" && len(cameras) > 0 {
		camera = cameras[0]
	}
	n := slices.Index(cameras, camera)
	switch {
	case len(cameras) == 0:
		return edge.RunPicture{}, errNoPicture(camera)
	case n < 0:
		return edge.RunPicture{}, edge.Errorf(edge.CodeUnknownCamera, "run %q keeps no pictures of a camera %q", id, camera).With("camera", camera)
	}
	defer s.indexed(r)
	r.pics.use.RLock()
	defer r.pics.use.RUnlock()
	for {
		e, i, err := s.lookUp(ctx, r, n, floorMS(t))
		if err != nil {
			return edge.RunPicture{}, err
		}
		p, err := s.readPicture(r, e)
		if errors.Is(err, errPicture) { // the one before, then
			s.forgetPicture(r, n, e)
			continue
		}
		if err != nil {
			return edge.RunPicture{}, storeError(err)
		}
		p.Seq = uint64(i + 1)
		return edge.RunPicture{Camera: camera, TimeMS: e.ms, Picture: p}, nil
	}
}

func errNoPicture(camera string) error {
	return edge.Errorf(edge.CodeNoPicture, "this run keeps no pictures").With("camera", camera).With("why", "none_kept")
}

// lookUp finds the picture that belongs to a moment, and its place in the list.
func (s *Store) lookUp(ctx context.Context, r *run, n int, ms int64) (pictureAt, int, error) {
	p := &r.pics
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := s.loadPictures(ctx, r); err != nil {
		return pictureAt{}, 0, storeError(err)
	}
	c := p.cam(n)
	if len(c.list) == 0 {
		return pictureAt{}, 0, errNoPicture(c.of.ID)
	}
	i := max(0, sort.Search(len(c.list), func(i int) bool { return c.list[i].ms > ms })-1)
	return c.list[i], i, nil
}

func (s *Store) readPicture(r *run, e pictureAt) (edge.Picture, error) {
	f, err := os.Open(s.picturePath(r.ID))
	if errors.Is(err, os.ErrNotExist) { // deleted meanwhile
		return edge.Picture{}, unknownRun(r.ID)
	}
	if err != nil {
		return edge.Picture{}, err
	}
	defer f.Close()
	h, jpeg, err := readPic(f, e.off, int(e.size))
	return edge.Picture{JPEG: jpeg, At: h.at, WallMS: floorMS(time.Duration(h.wall) + h.at)}, err
}

// forgetPicture takes a damaged picture out of the index.
func (s *Store) forgetPicture(r *run, n int, e pictureAt) {
	p := &r.pics
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.cam(n)
	if i := slices.IndexFunc(c.list, func(x pictureAt) bool { return x.off == e.off }); i >= 0 {
		c.drop(i)
		p.damaged++
		s.cfg.Logger.Warn("picture damaged", "run", r.ID, "camera", c.of.ID, "at_ms", e.ms)
	}
}

// indexed notes that a run's pictures are in mind, and forgets those of another.
func (s *Store) indexed(r *run) {
	s.mu.Lock()
	var old *run
	if !r.window.Open && !slices.Contains(s.inMind, r) {
		if s.inMind = append(s.inMind, r); len(s.inMind) > maxIndexed {
			old = s.inMind[0]
			s.inMind = slices.Delete(s.inMind, 0, 1)
		}
	}
	s.mu.Unlock()
	if old == nil {
		return
	}
	old.pics.mu.Lock()
	defer old.pics.mu.Unlock()
	old.pics.cams, old.pics.loaded = nil, false
}
