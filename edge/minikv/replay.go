package minikv

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// openLog brings back what the log holds and starts to write it.
func (s *Store) openLog(ctx context.Context) error {
	js, err := s.cfg.Server.JetStream()
	if err != nil {
		return err
	}
	g := &generation{srv: s.cfg.Server, js: js, name: s.cfg.Name, max: 3*s.cfg.MaxBytes + 32<<20}
	r, err := s.findLog(ctx, g)
	if err != nil {
		return err
	}
	s.boot = r.newestBoot() + 1
	if s.damage = r.damage; s.damage != nil {
		s.cfg.Logger.Error("log of the store is damaged", "store", s.cfg.Name, "err", s.damage)
	}
	gone, err := s.restore(r)
	if err != nil {
		return err
	}
	j := newJournal(s, g)
	first := newBatch()
	first.clocks = []clockMark{{boot: s.boot, wall: s.startWall}}
	if err := j.write(first); err != nil {
		return err
	}
	if err := g.writeManifest(); err != nil {
		return err
	}
	for _, key := range gone {
		j.addLazy(key)
	}
	s.log = j
	j.running.Go(j.run) // from here on only it uses g
	return nil
}

// findLog reads the generation that counts and deletes the others.
func (s *Store) findLog(ctx context.Context, g *generation) (*replay, error) {
	m, err := g.readManifest()
	if err != nil {
		return nil, err
	}
	there, err := g.others(ctx)
	if err != nil {
		return nil, err
	}
	try := []uint64{m.Generation}
	if m.Generation == 0 { // a new store, or the file is lost: the newest that is whole
		slices.Sort(there)
		slices.Reverse(there)
		if try = there; len(try) == 0 {
			try = []uint64{1}
		}
	}
	var r *replay
	for _, g.number = range try {
		if r, err = readLog(ctx, g); err != nil {
			return nil, err
		}
		if r.whole || len(try) == 1 {
			break
		}
	}
	if g.last < m.Last {
		r.damaged("it ends at message %d, and had %d", g.last, m.Last)
	}
	for _, n := range there {
		if n != g.number {
			if err := g.drop(ctx, n); err != nil {
				return nil, err
			}
		}
	}
	return r, nil
}

// replay is the state that a log leads to.
type replay struct {
	images map[string]image
	clocks map[uint64]int64
	group  []byte // pieces of a batch that is not complete yet
	whole  bool   // the snapshot at the start, if there is one, is complete
	damage error
}

func (r *replay) damaged(format string, args ...any) {
	if r.damage == nil {
		r.damage = fmt.Errorf("the log is damaged: "+format, args...)
	}
}

func (r *replay) newestBoot() (newest uint64) {
	for b := range r.clocks {
		newest = max(newest, b)
	}
	return newest
}

// add takes the next record. A batch counts when its last record is there.
func (r *replay) add(rec record) error {
	if rec.flags&flagGoesOn == 0 {
		r.group = nil // the one before was cut off: nobody was told that it is durable
	}
	r.group = append(r.group, rec.piece...)
	if rec.flags&flagMore != 0 {
		return nil
	}
	images, clocks, err := decodeBatch(r.group, rec.boot)
	r.group = nil
	if err != nil {
		return err
	}
	for _, c := range clocks {
		r.clocks[c.boot] = c.wall
	}
	for _, i := range images {
		if i.form == formNone {
			delete(r.images, i.key)
		} else {
			r.images[i.key] = i
		}
	}
	r.whole = true
	return nil
}

func readLog(ctx context.Context, g *generation) (*replay, error) {
	r := &replay{images: map[string]image{}, clocks: map[uint64]int64{}}
	stream, err := g.create(ctx)
	if err != nil {
		return nil, err
	}
	state := stream.CachedInfo().State
	g.last, g.bytes = state.LastSeq, int64(state.Bytes)
	if state.Msgs != state.LastSeq {
		r.damaged("%d of %d messages are there", state.Msgs, state.LastSeq)
	}
	if state.Msgs == 0 {
		return r, nil
	}
	cons, err := stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{})
	if err != nil {
		return nil, err
	}
	msgs, err := cons.Messages(jetstream.PullMaxMessages(2000))
	if err != nil {
		return nil, err
	}
	defer msgs.Stop()
	for seq := uint64(0); seq < state.LastSeq; {
		msg, err := msgs.Next(jetstream.NextContext(ctx))
		if err != nil {
			return nil, err
		}
		meta, err := msg.Metadata()
		if err != nil {
			return nil, err
		}
		if meta.Sequence.Stream != seq+1 {
			r.damaged("messages %d to %d are missing", seq+1, meta.Sequence.Stream-1)
			r.group = nil
		}
		seq = meta.Sequence.Stream
		rec, err := decodeRecord(msg.Data())
		if err == nil {
			err = r.add(rec)
		}
		if err != nil {
			r.damaged("message %d: %w", seq, err)
			r.group = nil
		}
	}
	return r, nil
}

// restore puts the state into miniredis and returns the keys that have expired.
func (s *Store) restore(r *replay) (gone []string, err error) {
	wall := s.cfg.Clock.Wall().UnixNano()
	for _, key := range slices.Sorted(maps.Keys(r.images)) {
		i := r.images[key]
		left := time.Duration(0)
		if i.deadline != 0 {
			start, ok := r.clocks[i.boot]
			if left = time.Duration(start + int64(i.deadline) - wall); !ok || left > i.left {
				left = i.left // the calendar went back, or is not known
			}
			if left <= 0 {
				gone = append(gone, key)
				continue
			}
		}
		if err := s.store(&i); err != nil {
			return nil, fmt.Errorf("key %q: %w", key, err)
		}
		s.account(key, i.size())
		if i.deadline != 0 {
			at := max(s.mono()+left, 1)
			s.db.SetTTL(key, sentinel+at)
			s.exp.set(key, at)
		}
	}
	s.nextDue.Store(int64(s.exp.next()))
	return gone, nil
}

// compact writes the state as the next generation. Writers wait meanwhile.
func (j *journal) compact() error {
	s := j.s
	ctx, cancel := context.WithTimeout(context.Background(), 2*writeWait)
	defer cancel()
	s.mu.Lock()
	defer s.mu.Unlock()
	next := *j.dest
	next.number, next.last, next.bytes = j.dest.number+1, 0, 0
	if _, err := next.create(ctx); err != nil {
		return err
	}
	w := recordWriter{boot: s.boot, emit: func(rec []byte) error { return next.append(ctx, rec) }}
	w.clock(clockMark{boot: s.boot, wall: s.startWall})
	err := func() error {
		for key := range s.sizes {
			img := s.image(key)
			if err := w.image(&img); err != nil {
				return err
			}
		}
		if err := w.end(); err != nil {
			return err
		}
		return next.commit(ctx)
	}()
	if err != nil {
		_ = next.drop(ctx, next.number)
		return err
	}
	if err := next.writeManifest(); err != nil { // nobody knows which one counts now: keep both
		s.fail(err)
		return err
	}
	old := j.dest.number
	*j.dest = next
	if err := next.drop(ctx, old); err != nil {
		s.cfg.Logger.Warn("old log not deleted", "store", s.cfg.Name, "err", err)
	}
	return nil
}
