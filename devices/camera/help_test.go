package camera

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"labbox/devices/camera/source"
	"labbox/edge"
	"labbox/edge/config"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// script is a source that a test plays.
type script struct {
	refuse   error // of Open
	pictures chan []byte
	failures chan error
	every    time.Duration // gives picture by itself
	picture  []byte

	opened, open atomic.Int32
	mu           sync.Mutex
	at           []time.Time // of each Open
}

func (s *script) tries() []time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.at)
}

func newScript() *script {
	return &script{pictures: make(chan []byte), failures: make(chan error)}
}

func (s *script) String() string { return "script" }

func (s *script) Open(ctx context.Context) (source.Stream, error) {
	s.opened.Add(1)
	s.mu.Lock()
	s.at = append(s.at, time.Now())
	refuse := s.refuse
	s.mu.Unlock()
	if refuse != nil {
		return nil, refuse
	}
	s.open.Add(1)
	return &scriptStream{s: s, ctx: ctx, closed: make(chan struct{})}, nil
}

type scriptStream struct {
	s      *script
	ctx    context.Context
	once   sync.Once
	closed chan struct{}
}

func (r *scriptStream) Next() ([]byte, error) {
	var tick <-chan time.Time
	if r.s.every > 0 {
		t := time.NewTimer(r.s.every)
		defer t.Stop()
		tick = t.C
	}
	select {
	case p := <-r.s.pictures:
		return p, nil
	case <-tick:
		return r.s.picture, nil
	case err := <-r.s.failures:
		return nil, err
	case <-r.closed:
	case <-r.ctx.Done():
	}
	return nil, source.Lost(source.Ended, "closed")
}

func (r *scriptStream) Close() error {
	r.once.Do(func() { close(r.closed); r.s.open.Add(-1) })
	return nil
}

// memory is a store.
type memory struct {
	edge.KV
	mu   sync.Mutex
	m    map[string][]byte
	fail error
}

func (k *memory) Get(_ context.Context, key string) ([]byte, bool, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	b, ok := k.m[key]
	return b, ok, k.fail
}

func (k *memory) Set(_ context.Context, key string, b []byte, _ time.Duration) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.fail == nil {
		k.m[key] = b
	}
	return k.fail
}

func (k *memory) Delete(_ context.Context, keys ...string) (int, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.fail != nil {
		return 0, k.fail
	}
	for _, key := range keys {
		delete(k.m, key)
	}
	return len(keys), nil
}

// rig is a set whose cameras are scripts.
type rig struct {
	*Set
	kv     *memory
	events []edge.Event
	stop   func()
}

func newRig(t testing.TB, kv *memory, sources map[string]source.Source, cameras ...config.Camera) *rig {
	t.Helper()
	if kv == nil {
		kv = &memory{m: map[string][]byte{}}
	}
	r := &rig{kv: kv}
	set, err := New(Config{Box: &config.Box{Box: "bench", Cameras: cameras}, Clock: edge.NewSystemClock(), KV: kv,
		Audit: func(e edge.Event) { r.events = append(r.events, e) },
		Sources: func(c *config.Camera) (source.Source, error) {
			if s := sources[c.ID]; s != nil {
				return s, nil
			}
			return nil, source.Lost(source.Unsupported, "no such source")
		}})
	if err != nil {
		t.Fatal(err)
	}
	r.Set = set
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- set.Run(ctx) }()
	var once sync.Once
	r.stop = func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
	return r
}

func (r *rig) word(t testing.TB, id string) edge.Camera {
	t.Helper()
	list, err := r.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range list {
		if c.ID == id {
			return c
		}
	}
	t.Fatalf("no camera %s", id)
	return edge.Camera{}
}

// watcher is somebody who watches on a goroutine of their own.
type watcher struct {
	got  atomic.Int64
	last atomic.Pointer[edge.Picture]
	end  context.CancelFunc
	err  chan error
}

func (r *rig) watcher(id string, fn func(edge.Picture) error) *watcher {
	ctx, cancel := context.WithCancel(context.Background())
	w := &watcher{end: cancel, err: make(chan error, 1)}
	go func() {
		w.err <- r.Watch(ctx, id, func(p edge.Picture) error {
			w.got.Add(1)
			w.last.Store(&p)
			if fn != nil {
				return fn(p)
			}
			return nil
		})
	}()
	return w
}

func (w *watcher) leave(t testing.TB) {
	t.Helper()
	w.end()
	if err := <-w.err; !errors.Is(err, context.Canceled) {
		t.Errorf("a watcher who leaves: %v", err)
	}
}

func teacher() edge.Actor {
	return edge.Actor{Seat: "t1", Name: "Ada", Role: edge.RoleTeacher, Via: "panel"}
}

// photo is a grey picture with a white corner at the top left.
func photo(t testing.TB, w, h int) []byte {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			c := color.RGBA{128, 128, 128, 255}
			if x < w/4 && y < h/4 {
				c = color.RGBA{255, 255, 255, 255}
			}
			img.SetRGBA(x, y, c)
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func why(c edge.Camera) string {
	if c.Reason == nil {
		return ""
	}
	s, _ := c.Reason.Args["why"].(string)
	return s + ": " + strings.ToLower(c.Reason.Message)
}
