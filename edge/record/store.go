package record

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"labbox/edge"
)

// Config says where and how much to record. Zero values take the defaults.
type Config struct {
	Dir    string
	Box    string
	Clock  edge.Clock
	Logger *slog.Logger

	KeepFor  time.Duration // unpinned segments older than this go; default 1 h
	MaxBytes int64         // all segments together; unpinned ones go first; default 4 GiB
	MinFree  uint64        // space left to others on the disk; default 64 MiB

	SegmentBytes int64         // a segment is closed at this size; default 8 MiB
	SegmentAge   time.Duration // or at this age; default 2 min
	BufferBytes  int           // per device, while the disk is slow or full; default 4 MiB
	// Continue lets a run that was open when the process died go on, instead
	// of marking it interrupted at its last sample.
	Continue bool

	create func(path string) (segmentFile, error) // tests put failing files here
	free   func(dir string) (uint64, error)
}

func (c *Config) defaults() {
	set := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	set(&c.KeepFor, time.Hour)
	set(&c.SegmentAge, 2*time.Minute)
	if c.MaxBytes <= 0 {
		c.MaxBytes = 4 << 30
	}
	if c.MinFree == 0 {
		c.MinFree = 64 << 20
	}
	if c.SegmentBytes <= 0 {
		c.SegmentBytes = 8 << 20
	}
	if c.BufferBytes <= 0 {
		c.BufferBytes = 4 << 20
	}
	if c.Clock == nil {
		c.Clock = edge.NewSystemClock()
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.create == nil {
		c.create = createFile
	}
	if c.free == nil {
		c.free = freeBytes
	}
}

// key orders everything a device said: process first, then its monotonic time.
type key struct {
	Boot uint64        `json:"boot"`
	At   time.Duration `json:"at_ns"`
}

func (k key) before(l key) bool { return k.Boot < l.Boot || k.Boot == l.Boot && k.At < l.At }

// segment is one file. bytes and span change, under Store.mu, while it is active.
type segment struct {
	device string
	number uint64
	path   string
	boot   uint64
	wall   int64 // wall minus monotonic clock, ns
	bytes  int64
	span   span
	active bool
}

// Store records all devices of one box. Its methods are safe for concurrent use.
// One process at a time may open a directory; the data directory's lock sees to that.
type Store struct {
	cfg  Config
	boot uint64
	// openWall is the wall clock less the monotonic clock when the store was
	// opened, ns.
	openWall int64
	wake     chan struct{}
	flush    chan chan error
	stop     chan struct{}
	done     chan struct{}
	closed   sync.Once

	picturesDone chan struct{}

	mu     sync.Mutex
	tracks map[string]*track
	runs   map[string]*run
	lastID int64
	fault  *fault
	low    bool  // less free space than MinFree
	total  int64 // bytes of all segments, at the last tick, and pictures
	repair Repairs

	free          uint64 // on the disk, at the last tick less what came since
	pinnedBytes   int64  // of segments, at the last tick
	pictureBytes  int64
	picturesEnded bool   // the store is closed
	inMind        []*run // ended, with their pictures indexed
}

// fault is why nothing reaches the disk.
type fault struct {
	err   error
	since time.Duration
}

// Repairs counts what Open found and mended.
type Repairs struct {
	TornSegments int   // segments without an end, cut after their last valid record
	TornBytes    int64 // cut off so
	DamagedBytes int64 // inside those segments, skipped
	LostSegments int   // files that are no segments of ours
	Interrupted  int   // runs that were open

	OrphanPictures int // picture files of no run, removed
}

// Open scans Dir, mends what a crash has left and starts recording.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	cfg.defaults()
	s := &Store{
		cfg: cfg, wake: make(chan struct{}, 1), flush: make(chan chan error),
		stop: make(chan struct{}), done: make(chan struct{}),
		tracks: make(map[string]*track), runs: make(map[string]*run), picturesDone: make(chan struct{}),
	}
	s.openWall = s.wallOffset()
	for _, d := range []string{s.segmentsDir(), s.runsDir(), s.picturesDir()} {
		if err := os.MkdirAll(d, 0o750); err != nil {
			return nil, storeError(fmt.Errorf("record: %w", err))
		}
	}
	if err := s.nextBoot(); err != nil {
		return nil, storeError(err)
	}
	if err := s.loadSegments(ctx); err != nil {
		return nil, storeError(err)
	}
	if err := s.loadRuns(ctx); err != nil {
		return nil, storeError(err)
	}
	if err := s.saveBoot(); err != nil {
		return nil, storeError(err)
	}
	if r := s.repair; r != (Repairs{}) {
		cfg.Logger.Warn("recordings repaired", "torn_segments", r.TornSegments, "torn_bytes", r.TornBytes,
			"damaged_bytes", r.DamagedBytes, "lost_segments", r.LostSegments, "interrupted_runs", r.Interrupted, "orphan_pictures", r.OrphanPictures)
	}
	s.makeRoom()
	go s.loop()
	go s.syncPictures()
	return s, nil
}

// Repairs says what Open had to mend.
func (s *Store) Repairs() Repairs { return s.repair }

// Health is nil while what is recorded reaches the disk.
func (s *Store) Health() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fault == nil {
		return nil
	}
	return storeError(s.fault.err)
}

// Close writes and syncs what is buffered and ends the recording. A run that is
// still open is marked interrupted by the next Open.
func (s *Store) Close() error {
	s.closed.Do(func() { close(s.stop) })
	<-s.done
	<-s.picturesDone
	return s.Health()
}

func (s *Store) segmentsDir() string { return filepath.Join(s.cfg.Dir, "segments") }
func (s *Store) runsDir() string     { return filepath.Join(s.cfg.Dir, "runs") }

// track returns the device's track, made on first use.
func (s *Store) track(device string) (*track, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tracks[device]
	if t == nil {
		if err := edge.CheckName(device); err != nil {
			return nil, err
		}
		t = &track{device: device, next: 1}
		s.tracks[device] = t
	}
	return t, nil
}

// setFault notes the outcome of writing; each change is logged once.
func (s *Store) setFault(err error) {
	s.mu.Lock()
	was := s.fault
	switch {
	case err == nil:
		s.fault = nil
	case was == nil:
		s.fault = &fault{err: err, since: s.cfg.Clock.Mono()}
	default:
		s.fault = &fault{err: err, since: was.since}
	}
	s.mu.Unlock()
	if err != nil && was == nil {
		s.cfg.Logger.Error("recording stopped", "err", err)
	}
	if err == nil && was != nil {
		s.cfg.Logger.Info("recording resumed", "after", s.cfg.Clock.Mono()-was.since)
	}
}

// now reads both clocks at one moment: a pause between the two readings would
// shift every time that is related over the wall clock.
func (s *Store) now() (mono time.Duration, wall time.Time) {
	for range 10 {
		mono = s.cfg.Clock.Mono()
		wall = s.cfg.Clock.Wall()
		if s.cfg.Clock.Mono()-mono < 100*time.Microsecond {
			break
		}
	}
	return mono, wall
}

// wallOffset is the wall clock less the monotonic clock, in ns.
func (s *Store) wallOffset() int64 {
	mono, wall := s.now()
	return wall.UnixNano() - int64(mono)
}

func (s *Store) faulty() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fault != nil
}

var errLowSpace = fmt.Errorf("record: less space left than is kept free: %w", syscall.ENOSPC)

// storeError gives err the code and hint that users see.
func storeError(err error) error {
	var coded *edge.Error
	switch {
	case err == nil, errors.As(err, &coded):
		return err
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return edge.Errorf(edge.CodeStoreFull, "the disk is full: %w", err).
			WithHint("delete recordings that are not needed, or free space on the disk; recording resumes by itself")
	}
	return edge.Errorf(edge.CodeStoreDown, "recordings cannot be written or read: %w", err).
		WithHint("look at the disk and the box's log")
}

func newSalt() uint32 { return rand.Uint32() }
