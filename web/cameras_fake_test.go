package web_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"image"
	"image/jpeg"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"labbox/edge"
	"labbox/edge/picture"
	"labbox/web"
)

// fakeCameras is a web.Cameras whose pictures a test puts.
type fakeCameras struct {
	mu      sync.Mutex
	clock   edge.Clock
	list    []*fakeCamera
	lists   int
	opened  int // Watches that were begun
	open    int // that go on
	seen    map[string][]edge.SeatRef
	seens   []string
	fail    error // of the next Watches
	deaf    bool  // Watches do not end when their camera is covered
	covered []edge.Actor
}

type fakeCamera struct {
	edge.Camera
	last picture.Latest
	ends map[int]context.CancelCauseFunc
}

func newCameras(ids ...string) *fakeCameras {
	f := &fakeCameras{clock: edge.NewSystemClock(), seen: map[string][]edge.SeatRef{}}
	for _, id := range ids {
		f.add(id)
	}
	return f
}

func (f *fakeCameras) add(id string) {
	f.list = append(f.list, &fakeCamera{Camera: edge.Camera{ID: id, Name: id, Source: "pattern", State: edge.CameraLive}, ends: map[int]context.CancelCauseFunc{}})
}

func (f *fakeCameras) find(id string) (*fakeCamera, error) {
	for _, c := range f.list {
		if c.ID == id {
			return c, nil
		}
	}
	return nil, edge.Errorf(edge.CodeUnknownCamera, "no camera %q", id)
}

// change changes what is said of a camera.
func (f *fakeCameras) change(id string, fn func(*edge.Camera)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c, _ := f.find(id)
	fn(&c.Camera)
}

// put gives a camera a picture of about n bytes.
func (f *fakeCameras) put(id string, n int) uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	c, _ := f.find(id)
	seq := c.last.Now().Seq + 1
	c.last.Put(edge.Picture{JPEG: jpegOf(n, seq), Width: 16, Height: 8, At: f.clock.Mono(), WallMS: f.clock.Wall().UnixMilli(), Seq: seq})
	return seq
}

// keep puts pictures until the test ends, or stop is called.
func (f *fakeCameras) keep(t testing.TB, id string, n int, every time.Duration) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			f.put(id, n)
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	})
	stop = func() { cancel(); wg.Wait() }
	t.Cleanup(stop)
	return stop
}

// drop ends all Watches of a camera with err.
func (f *fakeCameras) drop(id string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c, _ := f.find(id)
	for _, end := range c.ends {
		end(err)
	}
}

func (f *fakeCameras) List(context.Context) ([]edge.Camera, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lists++
	var list []edge.Camera
	for _, c := range f.list {
		one := c.Camera
		one.NowMS = f.clock.Mono().Milliseconds()
		one.Viewers = slices.Clone(one.Viewers)
		for _, seats := range f.seen {
			one.Viewers = append(one.Viewers, seats...)
		}
		list = append(list, one)
	}
	return list, nil
}

func (f *fakeCameras) Watch(ctx context.Context, id string, fn func(edge.Picture) error) error {
	f.mu.Lock()
	c, err := f.find(id)
	f.opened++
	n := f.opened
	if err == nil {
		err = f.fail
	}
	if err == nil && c.State == edge.CameraCovered {
		err = edge.Errorf(edge.CodeCovered, "covered")
	}
	if err != nil {
		f.mu.Unlock()
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	c.ends[n] = cancel
	f.open++
	f.mu.Unlock()
	defer func() {
		cancel(nil)
		f.mu.Lock()
		delete(c.ends, n)
		f.open--
		f.mu.Unlock()
	}()
	for seq := uint64(0); ; {
		p, err := c.last.Next(ctx, seq)
		if err != nil {
			return context.Cause(ctx)
		}
		seq = p.Seq
		if err := fn(p); err != nil {
			return err
		}
	}
}

func (f *fakeCameras) Seen(_ context.Context, id, by string, seats []edge.SeatRef) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	names := ""
	for _, s := range seats {
		names += " " + s.Name
	}
	f.seens = append(f.seens, id+":"+names)
	f.seen[by] = seats
	return nil
}

// seenNow is what was told last.
func (f *fakeCameras) seenNow() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.seens) == 0 {
		return "-"
	}
	return f.seens[len(f.seens)-1]
}

func (f *fakeCameras) Cover(_ context.Context, id string, by edge.Actor, covered bool) (edge.Camera, error) {
	f.mu.Lock()
	c, err := f.find(id)
	if err != nil {
		f.mu.Unlock()
		return edge.Camera{}, err
	}
	f.covered = append(f.covered, by)
	c.State, c.Covered = edge.CameraIdle, nil
	if covered {
		c.State, c.Covered = edge.CameraCovered, &edge.Stop{By: by}
		c.last.Clear()
	}
	one, deaf := c.Camera, f.deaf
	f.mu.Unlock()
	if covered && !deaf {
		f.drop(id, edge.Errorf(edge.CodeCovered, "covered"))
	}
	return one, nil
}

func (f *fakeCameras) watches() (open, opened int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.open, f.opened
}

var smallJPEG = sync.OnceValue(func() []byte {
	var b bytes.Buffer
	_ = jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, 16, 8)), nil)
	return b.Bytes()
})

// jpegOf is a JPEG of about n bytes whose comments begin with its number.
func jpegOf(n int, seq uint64) []byte {
	small := smallJPEG()
	b := append(make([]byte, 0, n+128), small[:2]...)
	for len(b) < n-len(small) || len(b) == 2 {
		text := min(max(n-len(b)-len(small), 16), 60_000)
		b = append(b, 0xFF, 0xFE)
		b = binary.BigEndian.AppendUint16(b, uint16(text+2))
		b = append(b, make([]byte, text)...)
		binary.BigEndian.PutUint64(b[len(b)-text:], seq)
	}
	return append(b, small[2:]...)
}

// withCameras is a lab with cameras (their ids, and changes of the configuration), and
// shorter times.
func withCameras(t testing.TB, times web.CameraTimes, what ...any) (*lab, *fakeCameras) {
	t.Helper()
	f := newCameras()
	with := []func(*web.Config){func(c *web.Config) { c.Cameras = f }}
	for _, w := range what {
		switch w := w.(type) {
		case string:
			f.add(w)
		case func(*web.Config):
			with = append(with, w)
		}
	}
	l := newLab(t, with...)
	if times.List == 0 {
		times.List = time.Millisecond
	}
	l.srv.SetCameraTimes(times)
	return l, f
}

// stream is a viewer.
type stream struct {
	t      testing.TB
	res    *http.Response
	r      *picture.Reader
	cancel context.CancelFunc
}

func (s *seat) watch(path string, headers ...string) *stream {
	s.l.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	req, err := http.NewRequestWithContext(ctx, "GET", "http://"+s.l.addr+path, nil)
	if err != nil {
		s.l.t.Fatal(err)
	}
	req.Header.Set("Cookie", s.cookie)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := s.l.http.RoundTrip(req)
	if err != nil {
		s.l.t.Fatal(err)
	}
	st := &stream{t: s.l.t, res: res, cancel: cancel}
	_, params, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	st.r = picture.NewParts(res.Body, params["boundary"], 8<<20)
	s.l.t.Cleanup(st.close)
	return st
}

func (st *stream) close() {
	st.cancel()
	_ = st.res.Body.Close()
}

// next is the number of the next picture, and when it was taken.
func (st *stream) next() (seq uint64, at time.Duration) {
	st.t.Helper()
	limit := time.AfterFunc(10*time.Second, st.cancel)
	defer limit.Stop()
	_, h, err := st.r.Next()
	if err != nil {
		st.t.Fatalf("no picture: %v", err)
	}
	seq, _ = strconv.ParseUint(h.Get(picture.HeaderSeq), 10, 64)
	us, _ := strconv.ParseInt(h.Get(picture.HeaderTime), 10, 64)
	return seq, time.Duration(us) * time.Microsecond
}

// ends wants the stream to end by itself.
func (st *stream) ends(within time.Duration) {
	st.t.Helper()
	begun := time.Now()
	late := false
	limit := time.AfterFunc(within, func() { late = true; st.cancel() })
	for {
		if _, _, err := st.r.Next(); err != nil {
			if !limit.Stop() && late {
				st.t.Fatalf("the stream goes on after %v", time.Since(begun))
			}
			return
		}
	}
}

// asked is how often the list was asked for.
func (f *fakeCameras) asked() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.lists
}
