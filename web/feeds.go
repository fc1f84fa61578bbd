package web

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"labbox/edge"
)

// How many look at pictures, and how often the owner hears of it.
const (
	seatStreams = 6   // of one seat
	maxStreams  = 400 // of the process
	forTeachers = 40  // of those: nobody else's

	seenWithin = time.Second
	seenPause  = 50 * time.Millisecond
)

// feedTimes are what a test makes shorter.
type feedTimes struct {
	write     time.Duration // for one picture to a viewer
	linger    time.Duration // of a feed that nobody looks at any more
	again     time.Duration // between two looks whether a viewer's seat still counts
	trust     time.Duration // how long a seat counts that the store does not tell of
	fresh     time.Duration // the oldest picture for somebody new
	snapshot  time.Duration // how long a snapshot waits for a picture
	seen      time.Duration
	list      time.Duration // how long the list of cameras counts
	pause     time.Duration // before the owner is asked again, growing
	pauseMost time.Duration
}

func newFeedTimes() feedTimes {
	return feedTimes{write: 10 * time.Second, linger: 3 * time.Second, again: time.Second, trust: 30 * time.Second, fresh: 2 * time.Second,
		snapshot: 5 * time.Second, seen: time.Second, list: 500 * time.Millisecond, pause: 250 * time.Millisecond, pauseMost: 5 * time.Second}
}

// feeds are the cameras that are looked at through this process.
type feeds struct {
	cams  Cameras // nil: there are none
	ctx   context.Context
	mono  func() time.Duration
	once  *onceLog
	by    string                        // names this process to the owner
	ref   func(edge.Actor) edge.SeatRef // as others may see it
	begin func(run func()) (goes bool)  // a goroutine that Close waits for
	times feedTimes
	known listing

	mu      sync.Mutex
	byID    map[string]*feed
	viewers map[*viewer]struct{}
}

func newFeeds(s *Server) *feeds {
	return &feeds{cams: s.cfg.Cameras, ctx: s.ctx, mono: s.mono, once: s.hub.once, by: newSession(), times: newFeedTimes(),
		byID: map[string]*feed{}, viewers: map[*viewer]struct{}{},
		ref: func(a edge.Actor) edge.SeatRef { return s.masked(a, edge.VerbWatch, "").Ref() },
		begin: func(run func()) bool {
			if !s.begin() {
				return false
			}
			go func() {
				defer s.wg.Done()
				run()
			}()
			return true
		}}
}

// join makes v a viewer of a camera. CodeTooMany: there are enough.
func (fs *feeds) join(v *viewer, id string) error {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	seat, most := v.actor(), maxStreams-forTeachers
	if seat.Role.AtLeast(edge.RoleTeacher) {
		most = maxStreams
	}
	own := 0
	for o := range fs.viewers {
		if o.seat == v.seat {
			own++
		}
	}
	switch {
	case own >= seatStreams:
		return edge.Errorf(edge.CodeTooMany, "this seat looks at %d pictures already", own).With("max", seatStreams)
	case len(fs.viewers) >= most:
		return edge.Errorf(edge.CodeTooMany, "%d browsers look at pictures already", len(fs.viewers)).With("max", most)
	}
	f := fs.byID[id]
	if f == nil {
		var ctx context.Context
		f = &feed{id: id, all: fs, wake: make(chan struct{}, 1), viewers: map[*viewer]struct{}{}, lately: map[string]glance{}}
		ctx, f.cancel = context.WithCancel(fs.ctx)
		if !fs.begin(func() { f.run(ctx) }) {
			f.cancel()
			return errClosing()
		}
		fs.byID[id] = f
	}
	if f.idle != nil {
		f.idle.Stop()
		f.idle = nil
	}
	v.feed = f
	f.viewers[v], fs.viewers[v] = struct{}{}, struct{}{}
	f.changed()
	return nil
}

func errClosing() error { return edge.Errorf(edge.CodeNotReady, "the box stops") }

// leave ends what join began. glanced: it had a picture, which is told for a while: who
// comes and goes within the owner's second is named, too.
func (fs *feeds) leave(v *viewer, glanced bool) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	f := v.feed
	delete(fs.viewers, v)
	delete(f.viewers, v)
	if glanced {
		f.lately[v.seat] = glance{v.actor(), fs.mono() + fs.times.linger}
	}
	if len(f.viewers) == 0 && fs.byID[f.id] == f {
		f.idle = time.AfterFunc(fs.times.linger, func() {
			fs.mu.Lock()
			alone := len(f.viewers) == 0
			if alone && fs.byID[f.id] == f { // somebody new has a new feed
				delete(fs.byID, f.id)
			}
			fs.mu.Unlock()
			if alone {
				f.cancel()
			}
		})
	}
	f.changed()
}

// forget lets the next viewer begin a new feed.
func (fs *feeds) forget(f *feed) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if fs.byID[f.id] == f {
		delete(fs.byID, f.id)
	}
	if f.idle != nil {
		f.idle.Stop()
	}
}

func (f *feed) changed() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// watching are the seats that look at a feed, by their ids, each once.
func (fs *feeds) watching(f *feed) []edge.SeatRef {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	actors := map[string]edge.Actor{}
	for seat, g := range f.lately {
		if fs.mono() > g.until {
			delete(f.lately, seat)
			continue
		}
		actors[seat] = g.actor
	}
	for v := range f.viewers {
		actors[v.seat] = v.actor()
	}
	refs := make([]edge.SeatRef, 0, len(actors))
	for _, a := range actors {
		refs = append(refs, fs.ref(a))
	}
	slices.SortFunc(refs, func(a, b edge.SeatRef) int { return cmp.Compare(a.ID, b.ID) })
	return refs
}

// covered ends what is seen of a camera here, without waiting for the owner's word.
func (fs *feeds) covered(id string, why error) {
	fs.mu.Lock()
	f := fs.byID[id]
	fs.mu.Unlock()
	if f != nil {
		f.end(why)
	}
}

// again has every viewer's seat looked up: classes, names or roles have changed.
func (fs *feeds) again() {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	for v := range fs.viewers {
		select {
		case v.wake <- struct{}{}:
		default:
		}
	}
}

// seatGone ends what a seat sees. What it has seen a moment ago stays told.
func (fs *feeds) seatGone(seat string) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	for v := range fs.viewers {
		if v.seat == seat {
			v.cancel(errSeatGone())
		}
	}
}

// glance tells that somebody has seen a camera by another way than its pictures here.
func (fs *feeds) glance(a edge.Actor, id string) error {
	v := &viewer{seat: a.Seat, sight: sight{actor: a}, cancel: func(error) {}}
	if err := fs.join(v, id); err != nil {
		return err
	}
	fs.leave(v, true)
	return nil
}

func errSeatGone() error { return edge.Errorf(edge.CodeNoSeat, "the seat is gone") }

// listing is what the owner said of its cameras a moment ago: a class asks all the time.
type listing struct {
	mu   sync.Mutex
	at   time.Duration
	asks bool // there was an answer
	list []edge.Camera
	err  error
}

// cameras are all of the box, in the caller's own list.
func (fs *feeds) cameras() ([]edge.Camera, error) {
	if fs.cams == nil {
		return nil, nil
	}
	l := &fs.known
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.asks || fs.mono()-l.at >= fs.times.list {
		ctx, cancel := context.WithTimeout(fs.ctx, storeWithin)
		defer cancel()
		l.list, l.err = fs.cams.List(ctx)
		l.at, l.asks = fs.mono(), true
	}
	list := slices.Clone(l.list)
	for i := range list { // ages are told by it
		list[i].NowMS += (fs.mono() - l.at).Milliseconds()
	}
	return list, l.err
}

// stale has the owner asked anew by the next who wants to know.
func (fs *feeds) stale() {
	fs.known.mu.Lock()
	fs.known.asks = false
	fs.known.mu.Unlock()
}

// camera is the owner's word on one of them.
func (fs *feeds) camera(id string) (edge.Camera, error) {
	list, err := fs.cameras()
	if err != nil {
		return edge.Camera{}, err
	}
	for i := range list {
		if list[i].ID == id {
			return list[i], nil
		}
	}
	return edge.Camera{}, edge.Errorf(edge.CodeUnknownCamera, "no camera %q on this box", clip(id)).With("camera", clip(id))
}
