package record

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"labbox/edge"
	"labbox/edge/durable"
)

// DefaultPictureBytes is what one run keeps of one camera where nobody says.
const DefaultPictureBytes = 200_000_000

// Bounds of what is kept of one run.
const (
	maxRunCameras = 64
	maxPictures   = 1 << 20 // per camera: the index of more would not be small
)

// EndedFull is edge.RunPictures.Ended of a camera whose room is used up.
const EndedFull = "full"

// PictureOf says whose picture it is, in the words of this moment.
type PictureOf struct {
	ID          string    `json:"id"`
	Name        string    `json:"name"`
	Description edge.Text `json:"description,omitempty"`
}

// pictures are those of one run: a file, and where each picture stands in it.
type pictures struct {
	use sync.RWMutex // held for reading while the file is read or synced, for writing to end that

	mu      sync.Mutex
	file    segmentFile // open for more
	salt    uint32
	size    int64 // where the next record goes
	dirty   bool
	scratch []byte
	missed  map[string]bool // cameras, for want of space; true: the run says so

	loaded  bool // what follows is known
	cams    []camPictures
	damaged int // records that cannot be read
}

// camPictures are those of one camera.
type camPictures struct {
	of    PictureOf
	said  bool // its record is in the file
	bytes int64
	list  []pictureAt
}

// pictureAt is one picture: when, since the run's start, and where.
type pictureAt struct {
	ms, off int64
	size    int32
}

// cam makes room for the camera with number n.
func (p *pictures) cam(n int) *camPictures {
	for len(p.cams) <= n {
		p.cams = append(p.cams, camPictures{})
	}
	return &p.cams[n]
}

// floorMS counts whole ms down, so that what is at 0.7 ms is found at 0.
func floorMS(d time.Duration) int64 {
	ms := int64(d / time.Millisecond)
	if d < 0 && d%time.Millisecond != 0 {
		ms--
	}
	return ms
}

// add enters a picture. Times never go back: a search needs that.
func (c *camPictures) add(ms, off int64, size int) {
	if n := len(c.list); n > 0 {
		ms = max(ms, c.list[n-1].ms)
	}
	c.list = append(c.list, pictureAt{ms, off, int32(size)})
	c.bytes += picHeadSize + int64(pad8(size))
}

// AddPicture keeps a JPEG that camera of took at the moment at of the monotonic clock.
// It is handed to the kernel when AddPicture returns, and on the disk a second later.
// The run and the camera together take max bytes, 0 is DefaultPictureBytes.
//
// Errors: CodeUnknownRun where none of this id records; CodeTooLarge where the picture
// does not fit max, then and from then on, and Ended says so; CodeStoreFull while the
// disk or Config.MaxBytes leaves no room, which the run's notices tell.
func (s *Store) AddPicture(ctx context.Context, id string, of PictureOf, at time.Duration, jpeg []byte, max int64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := errors.Join(edge.CheckName(of.ID), checkText("camera's name", of.Name, maxName)); err != nil {
		return err
	}
	if len(jpeg) < 4 || jpeg[0] != 0xFF || jpeg[1] != 0xD8 {
		return edge.Errorf(edge.CodeBadValue, "this is no JPEG")
	}
	if len(jpeg) > maxPicture {
		return edge.Errorf(edge.CodeTooLarge, "a picture has %d bytes at most", maxPicture).With("max", maxPicture)
	}
	if max <= 0 {
		max = DefaultPictureBytes
	}
	r, err := s.find(id)
	if err != nil {
		return err
	}
	h := picHead{kind: picPicture, size: len(jpeg), boot: s.boot, at: at, wall: s.wallOffset()}
	if err := s.roomFor(r, of.ID, h.space()); err != nil {
		return err
	}
	if h.camera, err = s.camera(r, of.ID); err != nil {
		return err
	}
	full, err := s.addPicture(ctx, r, of, h, jpeg, max)
	if !full {
		if err = storeError(err); edge.CodeOf(err) == edge.CodeStoreFull {
			s.miss(r, of.ID)
		}
		return err
	}
	if err := s.change(r, func() bool { return r.full(of.ID, max) }); err != nil {
		return err
	}
	return errPicturesFull(of.ID, max)
}

// camera returns a camera's number in the run, and enters it with its first picture.
func (s *Store) camera(r *run, id string) (n int, err error) {
	s.mu.Lock()
	n = slices.Index(r.Cameras, id)
	s.mu.Unlock()
	if n >= 0 {
		return n, nil
	}
	err = s.change(r, func() bool {
		if n = slices.Index(r.Cameras, id); n < 0 && len(r.Cameras) < maxRunCameras {
			n, r.Cameras = len(r.Cameras), append(slices.Clone(r.Cameras), id)
			return true
		}
		return false
	})
	if err == nil && n < 0 {
		err = edge.Errorf(edge.CodeTooMany, "a run keeps pictures of %d cameras at most", maxRunCameras)
	}
	return n, err
}

// addPicture writes one picture, behind what the file must say before it.
func (s *Store) addPicture(ctx context.Context, r *run, of PictureOf, h picHead, jpeg []byte, max int64) (full bool, err error) {
	p := &r.pics
	p.mu.Lock()
	defer p.mu.Unlock()
	s.mu.Lock()
	err = s.takes(r)
	w := r.window
	s.mu.Unlock()
	if err == nil {
		err = s.openPictures(ctx, r)
	}
	if err != nil {
		return false, err
	}
	c := p.cam(h.camera)
	if c.bytes+h.space() > max || len(c.list) >= maxPictures {
		return true, nil
	}
	h.salt = p.salt
	b := p.scratch[:0]
	if p.size == 0 {
		if b, err = appendPicJSON(b, h, picHeader, picFileHeader{format, s.cfg.Box, r.Device, r.ID}); err != nil {
			return false, err
		}
	}
	if !c.said {
		if b, err = appendPicJSON(b, h, picCamera, of); err != nil {
			return false, err
		}
	}
	off := p.size + int64(len(b))
	b = appendPic(b, h, jpeg)
	p.scratch = b
	if _, err := p.file.WriteAt(b, p.size); err != nil {
		return false, fmt.Errorf("record: write pictures: %w", err)
	}
	p.size += int64(len(b))
	p.dirty = true
	c.of, c.said = of, true
	c.add(floorMS(w.offset(h.boot, h.wall, h.at)), off, len(jpeg))
	s.count(r, int64(len(b)))
	return false, nil
}

func appendPicJSON(b []byte, h picHead, kind byte, v any) ([]byte, error) {
	text, err := json.Marshal(v)
	if err == nil && len(text) > maxPicJSON {
		err = edge.Errorf(edge.CodeTooLarge, "a camera's description has %d bytes at most", maxPicJSON)
	}
	h.kind, h.size = kind, len(text)
	return appendPic(b, h, text), err
}

func (s *Store) picturesDir() string          { return filepath.Join(s.cfg.Dir, "pictures") }
func (s *Store) picturePath(id string) string { return filepath.Join(s.picturesDir(), id+".pic") }

// openPictures opens the file for more; p.mu is held. One of an earlier start is cut
// behind its last record.
func (s *Store) openPictures(ctx context.Context, r *run) error {
	p := &r.pics
	if p.file != nil {
		return nil
	}
	path := s.picturePath(r.ID)
	if _, err := os.Stat(path); err != nil {
		f, err := s.cfg.create(path)
		if err == nil {
			err = durable.Names(s.picturesDir())
		}
		if err != nil {
			return fmt.Errorf("record: new pictures: %w", err)
		}
		p.file, p.salt, p.size, p.loaded = f, newSalt(), 0, true
		return nil
	}
	if err := s.loadPictures(ctx, r); err != nil {
		return err
	}
	if p.size == 0 {
		p.salt = newSalt()
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("record: pictures: %w", err)
	}
	if err := f.Truncate(p.size); err != nil {
		f.Close()
		return fmt.Errorf("record: pictures: %w", err)
	}
	p.file = diskFile{f}
	return nil
}
