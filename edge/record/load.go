package record

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"labbox/edge"
	"labbox/edge/durable"
)

// replaceFile writes path so that after a crash it holds the old or the new
// content, and returns once the new one is on the disk.
func replaceFile(path string, b []byte) error {
	tmp := path + ".tmp"
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o640)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(tmp, path)
	}
	if err != nil {
		os.Remove(tmp)
		return err
	}
	return durable.Names(filepath.Dir(path))
}

type bootFile struct {
	Format int    `json:"format"`
	Boot   uint64 `json:"boot"`
}

// nextBoot takes the number of this start. A start never uses a number again,
// even where the file is lost: loadSegments and loadRuns raise it.
func (s *Store) nextBoot() error {
	var f bootFile
	path := filepath.Join(s.cfg.Dir, "boot.json")
	b, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("record: %w", err)
	}
	if err == nil {
		if jerr := json.Unmarshal(b, &f); jerr != nil {
			s.cfg.Logger.Warn("boot number unreadable", "err", jerr)
		} else if f.Format != format {
			return fmt.Errorf("record: %s has format %d, this program reads %d", path, f.Format, format)
		}
	}
	s.boot = f.Boot + 1
	return nil
}

func (s *Store) saveBoot() error {
	b, err := json.Marshal(bootFile{Format: format, Boot: s.boot})
	if err == nil {
		err = replaceFile(filepath.Join(s.cfg.Dir, "boot.json"), b)
	}
	if err != nil {
		return fmt.Errorf("record: boot number: %w", err)
	}
	return nil
}

// loadSegments finds the segments of earlier starts.
func (s *Store) loadSegments(ctx context.Context) error {
	dirs, err := os.ReadDir(s.segmentsDir())
	if err != nil {
		return fmt.Errorf("record: %w", err)
	}
	for _, d := range dirs {
		if !d.IsDir() || edge.CheckName(d.Name()) != nil {
			continue
		}
		t, err := s.track(d.Name())
		if err != nil {
			return err
		}
		files, err := os.ReadDir(filepath.Join(s.segmentsDir(), d.Name()))
		if err != nil {
			return fmt.Errorf("record: %w", err)
		}
		for _, f := range files {
			if err := ctx.Err(); err != nil {
				return err
			}
			name, isSeg := strings.CutSuffix(f.Name(), ".seg")
			number, err := strconv.ParseUint(name, 10, 63)
			if !isSeg || err != nil {
				continue
			}
			t.next = max(t.next, number+1)
			seg, err := s.loadSegment(filepath.Join(s.segmentsDir(), d.Name(), f.Name()), d.Name(), number)
			if err != nil {
				s.repair.LostSegments++
				s.cfg.Logger.Warn("segment unreadable, left alone", "device", d.Name(), "segment", number, "err", err)
				continue
			}
			s.boot = max(s.boot, seg.boot+1)
			t.segments = append(t.segments, seg)
		}
		slices.SortFunc(t.segments, func(a, b *segment) int { return cmp.Compare(a.number, b.number) })
	}
	return nil
}

// loadSegment reads the first and the last record of a segment; one without an
// end is read through, cut after its last valid record and given an end.
func (s *Store) loadSegment(path, device string, number uint64) (*segment, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	seg := &segment{device: device, number: number, path: path, bytes: st.Size()}
	sc := newScanner(f, 0, st.Size())
	r, ok, err := sc.next()
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, errors.New("record: no valid record")
	}
	if r.kind != kindHeader {
		return nil, errors.New("record: both headers are damaged")
	}
	h, err := parseHeader(r.payload)
	if err != nil {
		return nil, err
	}
	seg.boot, seg.wall = h.Boot, h.WallOffset
	if tail := st.Size() - endSize; tail >= sc.off {
		end := newScanner(f, tail, st.Size())
		end.salt, end.salted = sc.salt, true
		if e, ok, err := end.next(); err == nil && ok && e.off == tail && e.kind == kindEnd {
			if seg.span, ok = parseEnd(e.payload); ok {
				return seg, nil
			}
		}
	}
	return seg, s.mend(f, sc, seg, r)
}

// mend reads seg through, cuts its torn tail and appends its end.
func (s *Store) mend(f *os.File, sc *scanner, seg *segment, r rec) error {
	index := r.index
	for ok := true; ok; {
		var err error
		if r, ok, err = sc.next(); err != nil {
			return err
		}
		if ok {
			index = r.index
			if r.kind != kindEnd && r.kind != kindHeader {
				seg.span.record(&r)
			}
		}
	}
	s.repair.TornSegments++
	s.repair.TornBytes += seg.bytes - sc.good
	s.repair.DamagedBytes += sc.damaged
	seg.bytes = sc.good
	b := appendEnd(nil, seg.span)
	stamp(b, sc.salt, index+1)
	err := f.Truncate(seg.bytes)
	if err == nil {
		_, err = f.WriteAt(b, seg.bytes)
	}
	if err = errors.Join(err, f.Sync()); err != nil {
		// What is in it can be read all the same: a full or read-only disk must
		// not hide recordings.
		s.cfg.Logger.Warn("segment not mended", "device", seg.device, "segment", seg.number, "err", err)
		return nil
	}
	seg.bytes += int64(len(b))
	return nil
}
