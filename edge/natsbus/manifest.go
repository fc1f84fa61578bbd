package natsbus

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/nats-io/nats-server/v2/server"
)

// The manifest remembers what every stream held, because the server itself says
// nothing when a damaged block costs messages or damaged meta files cost a
// stream. It is written about once a second and exactly at Close.
const (
	manifestName    = "manifest.json"
	manifestVersion = 1
)

// Count is what a stream holds.
type Count struct {
	Msgs     uint64 `json:"msgs"`
	FirstSeq uint64 `json:"first_seq"`
	LastSeq  uint64 `json:"last_seq"`
}

// Damage is a stream that came back with less than the manifest says.
type Damage struct {
	Stream  string
	Want    Count // by the manifest
	Have    Count // after the start
	Dropped int64 // bytes the server cut off its block files while it started
	Hidden  bool  // the whole stream is gone; Ensure may bring it back
}

func (d Damage) String() string {
	if d.Hidden {
		return fmt.Sprintf("stream %s with %d messages is gone", d.Stream, d.Want.Msgs)
	}
	return fmt.Sprintf("stream %s: %d messages up to %d, should be %d up to %d; %d bytes cut off",
		d.Stream, d.Have.Msgs, d.Have.LastSeq, d.Want.Msgs, d.Want.LastSeq, d.Dropped)
}

type manifest struct {
	Version int              `json:"version"`
	Exact   bool             `json:"exact"` // written after the last change
	Streams map[string]entry `json:"streams"`
}

type entry struct {
	Count
	Founded string `json:"founded,omitempty"` // version of the meta file that is durable
}

func readManifest(dir string) (manifest, error) {
	m := manifest{Version: manifestVersion, Streams: map[string]entry{}}
	b, err := os.ReadFile(filepath.Join(dir, manifestName))
	if errors.Is(err, fs.ErrNotExist) {
		return m, nil
	}
	if err != nil {
		return m, err
	}
	return parseManifest(b)
}

func parseManifest(b []byte) (manifest, error) {
	empty := manifest{Version: manifestVersion, Streams: map[string]entry{}}
	m := manifest{}
	if err := json.Unmarshal(b, &m); err != nil {
		return empty, err
	}
	if m.Version != manifestVersion || m.Streams == nil {
		return empty, fmt.Errorf("manifest version %d, want %d", m.Version, manifestVersion)
	}
	return m, nil
}

// write replaces the manifest; durable waits for the disk.
func (m manifest) write(dir string, durable bool) error {
	b, err := json.Marshal(m)
	if err != nil {
		return err
	}
	path := filepath.Join(dir, manifestName)
	f, err := os.Create(path + ".new")
	if err != nil {
		return err
	}
	_, err = f.Write(append(b, '\n'))
	if err == nil && durable {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(path+".new", path); err != nil || !durable {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return syncDir(d)
}

// count asks the running server what every stream holds now.
func (s *Server) count() (map[string]server.StreamDetail, error) {
	ns := s.running.Load()
	if ns == nil {
		return nil, errors.New("natsbus: broker is not running")
	}
	info, err := ns.Jsz(&server.JSzOptions{Accounts: true, Streams: true, Config: true})
	if err != nil {
		return nil, err
	}
	found := map[string]server.StreamDetail{}
	for _, a := range info.AccountDetails {
		for _, st := range a.Streams {
			found[st.Name] = st
		}
	}
	return found, nil
}

func counted(st server.StreamState) Count { return Count{st.Msgs, st.FirstSeq, st.LastSeq} }

// record writes the manifest if the streams have changed.
func (s *Server) record(exact bool) error {
	found, err := s.count()
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	next := manifest{Version: manifestVersion, Exact: exact, Streams: map[string]entry{}}
	for name, e := range s.expect { // not seen since the start: still missed
		next.Streams[name] = e
	}
	for name, st := range found {
		if e, ok := s.expect[name]; ok {
			s.compare(name, e, st, false)
			delete(s.expect, name)
		}
		next.Streams[name] = entry{Count: counted(st.State), Founded: s.founded[name]}
	}
	if exact == s.written.Exact && maps.Equal(next.Streams, s.written.Streams) {
		return nil
	}
	if err := next.write(s.cfg.Dir, exact || s.written.Exact); err != nil {
		return err
	}
	s.written = next
	return nil
}

// blocks lists the block files below dir.
func blocks(dir string) map[string]os.FileInfo {
	found := map[string]os.FileInfo{}
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".blk") {
			if info, err := d.Info(); err == nil {
				found[path] = info
			}
		}
		return nil
	})
	return found
}

// audit compares what came back with the manifest. before are the block files as
// they were before the start: a damaged one has been cut in place.
func (s *Server) audit(before map[string]os.FileInfo) {
	old, err := readManifest(s.cfg.Dir)
	if err != nil {
		s.cfg.Logger.Error("manifest unreadable, streams not checked", "dir", s.cfg.Dir, "err", err)
	}
	found, err := s.count()
	if err != nil {
		s.cfg.Logger.Error("streams not checked", "dir", s.cfg.Dir, "err", err)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.written, s.cut = old, map[string]int64{}
	for path, was := range before {
		stream := filepath.Base(filepath.Dir(filepath.Dir(path)))
		switch now, err := os.Stat(path); {
		case errors.Is(err, fs.ErrNotExist):
			s.cut[stream] += was.Size()
		case err == nil && os.SameFile(was, now): // else compacted
			s.cut[stream] += max(was.Size()-now.Size(), 0)
		}
	}
	for name, e := range old.Streams {
		s.founded[name] = e.Founded
		if st, ok := found[name]; ok {
			s.compare(name, e, st, old.Exact)
			continue
		}
		s.expect[name] = e
		if e.Msgs > 0 {
			s.report(Damage{Stream: name, Want: e.Count, Hidden: true})
		}
	}
}

// compare reports st if it holds less than e. Jobs done and entries replaced
// since the manifest was written are no damage: unless it is exact, the count of
// a stream that forgets counts only if blocks were cut. s.mu is held.
func (s *Server) compare(name string, e entry, st server.StreamDetail, exact bool) {
	s.damage = slices.DeleteFunc(s.damage, func(d Damage) bool { return d.Stream == name })
	have := counted(st.State)
	cfg := st.Config
	ages := cfg != nil && cfg.MaxAge > 0
	keeps := cfg != nil && cfg.Retention == server.LimitsPolicy && cfg.Discard == server.DiscardNew && cfg.MaxMsgsPer <= 0 && !ages
	fewer := have.Msgs < e.Msgs && (exact && !ages || keeps || s.cut[name] > 0)
	if fewer || have.LastSeq < e.LastSeq {
		s.report(Damage{Stream: name, Want: e.Count, Have: have, Dropped: s.cut[name]})
	}
}

func (s *Server) report(d Damage) {
	s.damage = append(s.damage, d)
	s.cfg.Logger.Error("data damaged", "stream", d.Stream, "hidden", d.Hidden, "want", d.Want.Msgs, "have", d.Have.Msgs,
		"want_last", d.Want.LastSeq, "have_last", d.Have.LastSeq, "bytes_cut", d.Dropped)
}

// Damage lists the streams that came back with less than the manifest says they
// held, at this start.
func (s *Server) Damage() []Damage {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.damage)
}
