package record

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"labbox/edge/durable"
)

// segmentFile is what the writer needs of a file.
type segmentFile interface {
	io.WriterAt
	io.Closer
	Datasync() error
}

type diskFile struct{ *os.File }

func (f diskFile) Datasync() error { return durable.Data(f.File) }

func createFile(path string) (segmentFile, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o640)
	if err != nil {
		return nil, err
	}
	return diskFile{f}, nil
}

// syncEvery is the longest time that samples lie unsynced.
const syncEvery = time.Second

// loop is the writer goroutine: it writes as soon as there is something, and
// syncs every second or when somebody waits for it.
func (s *Store) loop() {
	defer close(s.done)
	tick := time.NewTicker(syncEvery)
	defer tick.Stop()
	for {
		select {
		case <-s.wake:
			if !s.faulty() { // else by the tick alone
				_ = s.write(false) // it has said so itself: Health
			}
		case answer := <-s.flush:
			answers := []chan error{answer}
			for more := true; more; {
				select {
				case a := <-s.flush:
					answers = append(answers, a)
				default:
					more = false
				}
			}
			err := s.write(true)
			for _, a := range answers {
				a <- err
			}
		case <-tick.C:
			s.makeRoom()
			s.sayAllDropped()
			_ = s.write(true) // it has said so itself: Health
			s.settleRuns()
		case <-s.stop:
			_ = s.write(true) // it has said so itself: Health
			s.sealAll()
			return
		}
	}
}

// write empties all buffers, and syncs if asked.
func (s *Store) write(sync bool) error {
	var err error
	for _, t := range s.allTracks() {
		err = errors.Join(err, s.writeTrack(t))
		if sync {
			err = errors.Join(err, s.syncTrack(t))
		}
	}
	s.setFault(err)
	return err
}

func (s *Store) allTracks() []*track {
	s.mu.Lock()
	defer s.mu.Unlock()
	ts := make([]*track, 0, len(s.tracks))
	for _, t := range s.tracks {
		ts = append(ts, t)
	}
	return ts
}

// writeTrack writes what t has buffered. After an error the rest stays buffered
// and is tried again from the same place.
func (s *Store) writeTrack(t *track) error {
	for {
		if t.outAt == len(t.out) && len(t.outCuts) == 0 {
			t.mu.Lock()
			t.out, t.buf = t.buf, t.out[:0]
			t.outCuts, t.cuts = t.cuts, t.outCuts[:0]
			t.mu.Unlock()
			t.outAt = 0
			if len(t.out) == 0 && len(t.outCuts) == 0 {
				return nil
			}
		}
		if len(t.outCuts) > 0 && t.outCuts[0].at <= t.outAt {
			s.seal(t)
			t.outInfo = t.outCuts[0].info
			t.outCuts = t.outCuts[1:]
			continue
		}
		if s.lowSpace() {
			return errLowSpace
		}
		if err := s.roll(t); err != nil {
			return err
		}
		if err := s.writeSome(t); err != nil {
			return err
		}
	}
}

// writeSome writes whole records up to the next cut or the end of the segment.
func (s *Store) writeSome(t *track) error {
	seg := t.segments[len(t.segments)-1]
	end := len(t.out)
	if len(t.outCuts) > 0 {
		end = t.outCuts[0].at
	}
	at, index, covered := t.outAt, t.index, seg.span
	for at < end && (at == t.outAt || seg.bytes+int64(at-t.outAt) < s.cfg.SegmentBytes) {
		b := t.out[at:]
		stamp(b, t.salt, index)
		le := binary.LittleEndian
		n := int(le.Uint32(b[12:]))
		covered.record(&rec{kind: b[20], at: time.Duration(le.Uint64(b[32:])), payload: b[headSize : headSize+n]})
		index++
		at += recordSize(b)
	}
	if _, err := t.file.WriteAt(t.out[t.outAt:at], seg.bytes); err != nil {
		return fmt.Errorf("record: write segment: %w", err)
	}
	n := at - t.outAt
	t.dirty, t.index, t.outAt = true, index, at
	s.mu.Lock()
	seg.bytes += int64(n)
	seg.span = covered
	s.mu.Unlock()
	t.mu.Lock()
	t.held -= n
	t.mu.Unlock()
	return nil
}

// roll sees to it that there is an active segment with room.
func (s *Store) roll(t *track) error {
	now := s.cfg.Clock.Mono()
	if t.file != nil {
		seg := t.segments[len(t.segments)-1]
		if seg.bytes < s.cfg.SegmentBytes && now-t.opened < s.cfg.SegmentAge {
			return nil
		}
		s.seal(t)
	}
	dir := filepath.Join(s.segmentsDir(), t.device)
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return fmt.Errorf("record: %w", err)
	}
	h := header{Format: format, Box: s.cfg.Box, Device: t.device, Number: t.next, Boot: s.boot, Salt: newSalt(),
		WallOffset: s.wallOffset(), Contract: t.outInfo}
	payload, err := json.Marshal(h)
	if err != nil {
		return fmt.Errorf("record: segment header: %w", err)
	}
	path := filepath.Join(dir, fmt.Sprintf("%010d.seg", t.next))
	f, err := s.cfg.create(path)
	if err != nil {
		return fmt.Errorf("record: new segment: %w", err)
	}
	b := appendRecord(nil, kindHeader, now, payload) // twice: nothing else can replace it
	second := len(b)
	b = appendRecord(b, kindHeader, now, payload)
	stamp(b, h.Salt, 0)
	stamp(b[second:], h.Salt, 1)
	if _, err := f.WriteAt(b, 0); err != nil {
		f.Close()
		os.Remove(path)
		return fmt.Errorf("record: new segment: %w", err)
	}
	t.file, t.salt, t.index, t.opened, t.dirty, t.dirDirty = f, h.Salt, 2, now, true, true
	s.mu.Lock()
	t.next++
	t.segments = append(t.segments, &segment{device: t.device, number: h.Number, path: path, boot: s.boot,
		wall: h.WallOffset, bytes: int64(len(b)), active: true})
	s.mu.Unlock()
	return nil
}

// seal ends the active segment. Where its end cannot be written, the next Open
// reads it through instead.
func (s *Store) seal(t *track) {
	if t.file == nil {
		return
	}
	seg := t.segments[len(t.segments)-1]
	b := appendEnd(nil, seg.span)
	stamp(b, t.salt, t.index)
	_, werr := t.file.WriteAt(b, seg.bytes)
	err := errors.Join(werr, t.file.Datasync(), t.file.Close())
	if err != nil {
		s.cfg.Logger.Warn("segment closed without its end", "device", t.device, "segment", seg.number, "err", err)
	}
	t.file, t.dirty = nil, false
	s.mu.Lock()
	seg.active = false
	if werr == nil {
		seg.bytes += int64(len(b))
	}
	s.mu.Unlock()
}

func (s *Store) sealAll() {
	for _, t := range s.allTracks() {
		s.seal(t)
	}
}

// syncTrack makes what was written survive a power cut. After a failed sync the
// kernel may have forgotten the data, so the segment is not written any more.
func (s *Store) syncTrack(t *track) error {
	if t.dirDirty {
		if err := errors.Join(durable.Names(filepath.Join(s.segmentsDir(), t.device)), durable.Names(s.segmentsDir())); err != nil {
			return fmt.Errorf("record: sync directory: %w", err)
		}
		t.dirDirty = false
	}
	if !t.dirty || t.file == nil {
		return nil
	}
	if err := t.file.Datasync(); err != nil {
		s.seal(t)
		return fmt.Errorf("record: sync segment: %w", err)
	}
	t.dirty = false
	return nil
}

// sayAllDropped records drops that no frame has followed yet.
func (s *Store) sayAllDropped() {
	for _, t := range s.allTracks() {
		t.mu.Lock()
		if t.held+256 <= s.cfg.BufferBytes {
			t.sayDropped(s.cfg.Clock.Mono())
		}
		t.mu.Unlock()
	}
}
