package audit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"labbox/edge"
)

// Config says where and how much to keep. Zero values take the defaults.
type Config struct {
	Dir     string
	Box     string
	Version string // of labbox, for the first record
	Clock   edge.Clock
	Logger  *slog.Logger

	FileBytes int64         // a file ends at this size; default 8 MiB
	MaxBytes  int64         // all files together, oldest go first; default 256 MiB
	MaxAge    time.Duration // files older than this go; default 1 year
	SyncEvery time.Duration // at most so long until a record is on the disk; default 200 ms

	// Copy tells the head to another place, every CopyEvery (default 5 s) while it
	// moves, and at Close. It may be slow.
	Copy      func(context.Context, Head) error
	CopyEvery time.Duration
	// Kept are heads that Copy has told before. A log that does not hold them is
	// broken.
	Kept []Head

	open func(path string) (file, error) // tests put failing files here
}

// file is what a log is written to.
type file interface {
	Write([]byte) (int, error)
	Truncate(int64) error
	Sync() error
	Close() error
}

func (c *Config) defaults() {
	set := func(v *int64, d int64) {
		if *v <= 0 {
			*v = d
		}
	}
	set(&c.FileBytes, 8<<20)
	set(&c.MaxBytes, 256<<20)
	set((*int64)(&c.MaxAge), int64(365*24*time.Hour))
	set((*int64)(&c.SyncEvery), int64(200*time.Millisecond))
	set((*int64)(&c.CopyEvery), int64(5*time.Second))
	if c.Clock == nil {
		c.Clock = edge.NewSystemClock()
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.open == nil {
		c.open = openFile
	}
}

// Codes of the log's own records.
const (
	ownCodes    = "audit."
	codeStarted = "audit.started"
	codeLost    = "audit.lost"
	codeMore    = "audit.more"
	codeTorn    = "audit.torn"
	codeDropped = "audit.dropped"
	codeBroken  = "audit.broken"
)

// What waits for the writer, at most.
const (
	maxQueue      = 8192
	maxQueueBytes = 4 << 20
)

// Log is an open log. Its methods are safe for concurrent use. One process at a
// time may open a directory; the data directory's lock sees to that.
type Log struct {
	cfg  Config
	wake chan struct{}
	stop chan struct{}
	done chan struct{}
	once sync.Once

	mu     sync.Mutex
	flood  throttle
	queue  []byte // events, one after another
	ends   []int  // where each ends
	lost   uint64 // not told yet
	asked  []chan error
	head   Head // written
	fault  error
	failed uint64 // events lost in all

	w writer
}

// Open looks at the end of the log in Dir, mends or marks what it finds there,
// and goes on with it.
func Open(ctx context.Context, cfg Config) (*Log, error) {
	cfg.defaults()
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, storeError(fmt.Errorf("audit: %w", err))
	}
	l := &Log{cfg: cfg, wake: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}),
		flood: throttle{floods: map[who]*flood{}}}
	l.w.log, l.w.born = l, time.Now()
	l.w.bornMono = cfg.Clock.Mono()
	if err := l.w.begin(ctx); err != nil {
		return nil, storeError(err)
	}
	go l.w.run()
	return l, nil
}

// Note takes an event. It never blocks: what does not fit is counted and the
// count is recorded. e and what it holds is only read, and only during the call.
func (l *Log) Note(e *edge.Event) {
	if strings.HasPrefix(e.Code, ownCodes) {
		c := *e
		c.Code, e = "note."+e.Code, &c // nobody else writes the log's own records
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.flood.admit(e, l.cfg.Clock.Mono()) {
		l.add(e)
	}
}

// add puts an event into the queue; l.mu is held.
func (l *Log) add(e *edge.Event) {
	if len(l.ends) >= maxQueue || len(l.queue) >= maxQueueBytes {
		l.lost++
		l.failed++
		return
	}
	l.queue = appendEvent(l.queue, e)
	l.ends = append(l.ends, len(l.queue))
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// own makes a record of the log's own.
func (l *Log) own(code string, args map[string]any) *edge.Event {
	return &edge.Event{Box: l.cfg.Box, MonoUS: l.cfg.Clock.Mono().Microseconds(), WallMS: l.cfg.Clock.Wall().UnixMilli(), Code: code, Args: args}
}

// Sync returns when all that was noted before is on the disk.
func (l *Log) Sync(ctx context.Context) error {
	told := make(chan error, 1)
	l.mu.Lock()
	l.asked = append(l.asked, told)
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default:
	}
	select {
	case err := <-told:
		return err
	case <-ctx.Done():
		return ctx.Err()
	case <-l.done:
		return storeError(os.ErrClosed)
	}
}

// Head is the last record that is written, whether on the disk yet or not.
func (l *Log) Head() Head {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.head
}

// Lost counts events that did not fit the queue since Open.
func (l *Log) Lost() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failed
}

// Health is nil while what is noted reaches the disk.
func (l *Log) Health() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.fault
}

// Close writes and syncs what was noted, and tells the head.
func (l *Log) Close() error {
	l.once.Do(func() { close(l.stop) })
	<-l.done
	return l.Health()
}

// storeError gives a failure of the disk its code.
func storeError(err error) error {
	code := edge.CodeStoreDown
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		code = edge.CodeStoreFull
	}
	return edge.Errorf(code, "the audit log: %w", err).WithHint("free some disk space; is the data directory writable?")
}
