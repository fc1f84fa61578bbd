package natsbus

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	"labbox/edge"
)

// Commit returns once everything that was acknowledged in stream before the
// call is on stable storage. Callers that come while a sync runs share the next
// one, so a thousand writers cost a handful of syncs.
//
// The first Commit of a stream also makes its directory and meta files durable,
// which the server itself never does. A failed sync is final for the running
// server (the kernel forgets the pages it could not write): Health tells.
func (s *Server) Commit(ctx context.Context, stream string) error {
	if err := s.Health(); err != nil {
		var e *edge.Error
		if !errors.As(err, &e) || e.Code != edge.CodeStoreFull {
			return err
		}
	}
	s.mu.Lock()
	c := s.commits[stream]
	if c == nil {
		c = &committer{dir: s.streamDir(stream), store: s.cfg.Dir, founded: s.founded[stream], synced: map[string]blockState{}}
		s.commits[stream] = c
	}
	s.mu.Unlock()

	r := c.join(s)
	select {
	case <-r.done:
		return r.err
	case <-ctx.Done():
		return fmt.Errorf("natsbus: commit %s: %w", stream, ctx.Err())
	}
}

// forgetCommits makes the next Commit of every stream sync all its files again.
func (s *Server) forgetCommits() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.commits = map[string]*committer{}
}

// committer syncs one stream, one round after another.
type committer struct {
	dir, store string

	mu      sync.Mutex
	next    *round // gathers callers while a round runs
	running bool

	// Of the running round only.
	founded string // version of the meta file that is durable, with its directories
	synced  map[string]blockState
	rounds  atomic.Int64 // made so far
}

var errNoStream = errors.New("natsbus: no such stream")

// round is one sync and those who wait for it.
type round struct {
	done chan struct{}
	err  error
}

// blockState tells one version of a block file from another: appends grow it,
// compaction replaces it.
type blockState struct {
	info os.FileInfo
}

func (b blockState) same(i os.FileInfo) bool {
	return b.info != nil && b.info.Size() == i.Size() && b.info.ModTime().Equal(i.ModTime()) && os.SameFile(b.info, i)
}

// join returns the round that will cover all that is written so far.
func (c *committer) join(s *Server) *round {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.next == nil {
		c.next = &round{done: make(chan struct{})}
	}
	if !c.running {
		c.running = true
		go c.run(s)
	}
	return c.next
}

func (c *committer) run(s *Server) {
	for {
		c.mu.Lock()
		r := c.next
		c.next = nil
		if r == nil {
			c.running = false
			c.mu.Unlock()
			return
		}
		c.mu.Unlock()
		switch err := c.sync(s); {
		case errors.Is(err, errNoStream):
			r.err = err
		case err != nil:
			r.err = edge.Errorf(edge.CodeStoreDown, "natsbus: sync: %w", err)
			s.failed(err.Error())
		}
		close(r.done)
	}
}

// sync makes every changed block file, and their directory when a file is new,
// durable.
func (c *committer) sync(s *Server) error {
	c.rounds.Add(1)
	meta, err := os.Stat(filepath.Join(c.dir, "meta.inf"))
	if err != nil {
		return fmt.Errorf("%w: %w", errNoStream, err)
	}
	if v := fmt.Sprint(meta.ModTime().UnixNano(), meta.Size()); v != c.founded {
		if err := syncTree(c.store); err != nil {
			return err
		}
		c.founded = v
		s.mu.Lock()
		s.founded[filepath.Base(c.dir)] = v
		s.mu.Unlock()
		// No return: a message may have been written while syncTree ran, and
		// the states of the files are not known yet.
	}
	msgs := filepath.Join(c.dir, "msgs")
	d, err := os.Open(msgs)
	if err != nil {
		return err
	}
	defer d.Close()
	names, err := d.Readdirnames(-1)
	if err != nil {
		return err
	}
	newFile := false
	seen := make(map[string]bool, len(names))
	for _, name := range names {
		if !strings.HasSuffix(name, ".blk") {
			continue
		}
		seen[name] = true
		path := filepath.Join(msgs, name)
		was, known := c.synced[name]
		info, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue // emptied and removed meanwhile
		}
		if err != nil {
			return err
		}
		if known && was.same(info) {
			continue
		}
		newFile = newFile || !known || !os.SameFile(was.info, info)
		if c.synced[name], err = syncBlock(path); err != nil {
			return err
		}
	}
	for name := range c.synced {
		if !seen[name] {
			delete(c.synced, name)
		}
	}
	if newFile {
		return syncDir(d)
	}
	return nil
}

// syncBlock makes one file's data durable and returns its state of before: what
// is appended meanwhile belongs to the next round.
func syncBlock(path string) (blockState, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return blockState{}, nil
	}
	if err != nil {
		return blockState{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return blockState{}, err
	}
	if err := dataSync(f); err != nil {
		return blockState{}, err
	}
	return blockState{info}, nil
}

// dirSize is the sum of the files below dir.
func dirSize(dir string) (n int64) {
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			if i, err := d.Info(); err == nil {
				n += i.Size()
			}
		}
		return nil
	})
	return n
}

// rounds returns how many syncs Commit has made for stream.
func (s *Server) rounds(stream string) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.commits[stream]; c != nil {
		return c.rounds.Load()
	}
	return 0
}
