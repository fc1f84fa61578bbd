package rediskv_test

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"labbox/edge"
	"labbox/edge/rediskv"
	"labbox/edge/rediskv/redistest"
)

// writers write numbered values to keys of their own until stop is closed, and
// remember the last number that was acknowledged and the last that was tried.
type writers struct {
	wg           sync.WaitGroup
	stop         chan struct{}
	acked, tried []uint64
	took         []time.Duration // the longest operation of each
}

func startWriters(t testing.TB, kv edge.KV, n int) *writers {
	w := &writers{stop: make(chan struct{}), acked: make([]uint64, n), tried: make([]uint64, n), took: make([]time.Duration, n)}
	for i := range n {
		w.wg.Go(func() {
			for v := uint64(1); ; v++ {
				select {
				case <-w.stop:
					return
				default:
				}
				w.tried[i] = v
				start := time.Now()
				var err error
				if i%2 == 0 {
					err = kv.Set(t.Context(), writerKey(i), strconv.AppendUint(nil, v, 10), 0)
				} else {
					_, err = kv.Raise(t.Context(), writerKey(i), v)
				}
				w.took[i] = max(w.took[i], time.Since(start))
				switch edge.CodeOf(err) {
				case "":
					w.acked[i] = v
				case edge.CodeStoreDown, edge.CodeUnknownOutcome:
					time.Sleep(time.Millisecond) // paces the attempts only
				default:
					t.Errorf("writer %d: %v (code %q)", i, err, edge.CodeOf(err))
				}
			}
		})
	}
	return w
}

// writerKey spreads the writers over boxes, so over the nodes of a Cluster.
func writerKey(i int) string { return edge.Key(fmt.Sprintf("box%d", i), "w") }

// end stops the writers and checks that nothing acknowledged is missing.
func (w *writers) end(t testing.TB, kv edge.KV) (acked uint64) {
	t.Helper()
	close(w.stop)
	w.wg.Wait()
	for i := range w.acked {
		v, _, err := kv.Get(t.Context(), writerKey(i))
		if err != nil {
			t.Fatal(err)
		}
		n, _ := strconv.ParseUint(string(v), 10, 64)
		if n < w.acked[i] || n > w.tried[i] {
			t.Errorf("writer %d: the store holds %d; acknowledged was %d, tried %d", i, n, w.acked[i], w.tried[i])
		}
		if w.took[i] > 3*time.Second {
			t.Errorf("writer %d: an operation took %v", i, w.took[i])
		}
		acked += w.acked[i]
	}
	return acked
}

// TestKilledUnderWriters: kill -9, five times. Each acknowledged write is there,
// and writing goes on at most a second after the server is back.
func TestKilledUnderWriters(t *testing.T) {
	s := redistest.Start(t)
	kv := dial(t, rediskv.Config{URL: s.URL(), Durable: true})
	w := startWriters(t, kv, 8)
	for round := range 5 {
		pace(t, 50*time.Millisecond+time.Duration(round)*7*time.Millisecond)
		s.Kill()
		s.Restart(t)
		backWithin(t, kv, time.Now(), time.Second)
	}
	t.Logf("%d writes acknowledged, none lost", w.end(t, kv))
}

// pace lets the writers write; nothing is synchronised with it.
func pace(t testing.TB, d time.Duration) {
	select {
	case <-t.Context().Done():
	case <-time.After(d):
	}
}

// TestPaused: a server that is stopped (SIGSTOP) answers nothing, and its
// kernel still takes connections and bytes.
func TestPaused(t *testing.T) {
	t.Parallel() // it waits
	s := redistest.Start(t)
	kv, reader := dial(t, rediskv.Config{URL: s.URL()}), dial(t, rediskv.Config{URL: s.URL()})
	for _, kv := range []edge.KV{kv, reader} {
		if err := kv.Set(t.Context(), ctxKey, []byte("x"), 0); err != nil {
			t.Fatal(err)
		}
	}
	s.Pause()
	timed := func(what string, most time.Duration, fn func(ctx context.Context) error, codes ...edge.Code) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		start := time.Now()
		wantCode(t, what, fn(ctx), codes...)
		if took := time.Since(start); took > most {
			t.Errorf("%s took %v, want %v", what, took, most)
		}
	}
	set := func(ctx context.Context) error { return kv.Set(ctx, ctxKey, []byte("y"), 0) }
	get := func(kv edge.KV) func(ctx context.Context) error {
		return func(ctx context.Context) error { _, _, err := kv.Get(ctx, ctxKey); return err }
	}
	var wg sync.WaitGroup
	// On the connection that stands the bytes went out: nobody knows.
	wg.Go(func() { timed("get in hand", 2500*time.Millisecond, get(reader), edge.CodeStoreDown) })
	timed("set in hand", 2500*time.Millisecond, set, edge.CodeUnknownOutcome)
	wg.Wait()
	// A new connection is not greeted: nothing was sent.
	timed("set on a new connection", 2500*time.Millisecond, set, edge.CodeStoreDown)
	timed("health within 300 ms", 600*time.Millisecond, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
		defer cancel()
		return kv.Health(ctx)
	}, edge.CodeStoreDown)
	var slow atomic.Int32
	for range 64 { // one looks whether the server is back, the others do not wait
		wg.Go(func() {
			start := time.Now()
			timed("one of many", 2500*time.Millisecond, set, edge.CodeStoreDown, edge.CodeUnknownOutcome)
			if time.Since(start) > time.Second {
				slow.Add(1)
			}
		})
	}
	timed("get beside them", 2500*time.Millisecond, get(kv), edge.CodeStoreDown)
	wg.Wait()
	if slow.Load() > 3 {
		t.Errorf("%d of 64 waited", slow.Load())
	}
	s.Resume()
	backWithin(t, kv, time.Now(), time.Second)
}

// TestReplyLost: the connection is cut while the reply comes. The write was
// done; nobody here knows, and it must not be done twice.
func TestReplyLost(t *testing.T) {
	s := redistest.Start(t)
	p := redistest.NewProxy(t, s.Addr())
	cutReplies(t, p, dial(t, rediskv.Config{URL: "redis://" + p.Addr()}), "bench")
}

func cutReplies(t *testing.T, p *redistest.Proxy, kv *rediskv.KV, box string) {
	ctx, k := t.Context(), edge.Key(box, "k")
	warm := func() { // the scripts are known, a connection stands
		if _, err := kv.Swap(ctx, k, []byte("none"), nil, 0); err != nil {
			t.Fatal(err)
		}
		if err := kv.Set(ctx, k, []byte("a"), 0); err != nil {
			t.Fatal(err)
		}
	}
	holds := func(what, want string) {
		t.Helper()
		if v, _, err := kv.Get(ctx, k); err != nil || string(v) != want {
			t.Errorf("%s: the key holds %q %v, want %q", what, v, err, want)
		}
	}
	for passed := range 2 { // nothing of the reply gets through, and one byte
		for _, c := range []struct {
			what, word, want string
			op               func() error
		}{
			{"set", "lost-set", "lost-set", func() error { return kv.Set(ctx, k, []byte("lost-set"), 0) }},
			{"swap", "lost-swap", "lost-swap", func() error { _, err := kv.Swap(ctx, k, []byte("a"), []byte("lost-swap"), 0); return err }},
			{"create", "lost-create", "lost-create", func() error {
				if _, err := kv.Delete(ctx, k); err != nil {
					return err
				}
				_, err := kv.Create(ctx, k, []byte("lost-create"), 0)
				return err
			}},
			{"delete", "del", "", func() error { _, err := kv.Delete(ctx, k); return err }},
			{"touch", "pexpire", "a", func() error { _, err := kv.Touch(ctx, k, time.Hour); return err }},
		} {
			warm()
			before := p.Cuts()
			p.CutReply(c.word, passed)
			err := c.op()
			wantCode(t, c.what, err, edge.CodeUnknownOutcome)
			wantHint(t, c.what, err, "read the key back")
			if p.Cuts() != before+1 {
				t.Errorf("%s: %d replies were cut, want 1", c.what, p.Cuts()-before)
			}
			holds(c.what, c.want)
		}
		warm()
		for what, op := range map[string]func() error{
			"get":      func() error { _, _, err := kv.Get(ctx, k); return err },
			"get many": func() error { _, err := kv.GetMany(ctx, k); return err },
			"ttl":      func() error { _, _, err := kv.TTL(ctx, k); return err },
			"keys":     func() error { _, err := kv.Keys(ctx, "lab:"); return err },
		} {
			before := p.Cuts()
			p.CutReply(map[string]string{"get": "get", "get many": "mget", "ttl": "pttl", "keys": "scan"}[what], passed)
			if err := op(); err != nil {
				t.Errorf("%s is not tried again: %v", what, err)
			}
			if p.Cuts() != before+1 {
				t.Errorf("%s: %d replies were cut, want 1", what, p.Cuts()-before)
			}
		}
	}
	warm()
	p.CutAll() // while nothing is under way: nobody notices
	if err := kv.Set(ctx, k, []byte("b"), 0); err != nil {
		t.Errorf("set after a cut between operations: %v", err)
	}
}

// TestServerRebooted: the connections of a server that lost its power look alive
// until something is sent. One error is the most they cost.
func TestServerRebooted(t *testing.T) {
	s := redistest.Start(t)
	p := redistest.NewProxy(t, s.Addr())
	kv := dial(t, rediskv.Config{URL: "redis://" + p.Addr()})
	all := func() {
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				if err := kv.Set(t.Context(), ctxKey, make([]byte, 1<<16), 0); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	}
	all() // many connections stand
	p.Forget()
	wantCode(t, "first set", kv.Set(t.Context(), ctxKey, []byte("x"), 0), edge.CodeUnknownOutcome)
	for range 20 {
		if err := kv.Set(t.Context(), ctxKey, []byte("x"), 0); err != nil {
			t.Fatal(err)
		}
	}
	all()
}

// TestFlushed: somebody empties the store. Nothing breaks, and everything is gone.
func TestFlushed(t *testing.T) {
	s := redistest.Start(t)
	kv := dial(t, rediskv.Config{URL: s.URL()})
	fence := edge.Key("bench", "fence", "arm")
	for range 2 { // the second time the scripts are gone too
		if n, err := kv.Raise(t.Context(), fence, 41); err != nil || n != 41 {
			t.Fatalf("raise: %d %v", n, err)
		}
		s.Do(t, "flushall")
		s.Do(t, "script", "flush")
		if _, ok, err := kv.Get(t.Context(), fence); err != nil || ok {
			t.Fatalf("there: %v %v", ok, err)
		}
		if ok, err := kv.Swap(t.Context(), fence, []byte("41"), []byte("42"), 0); err != nil || ok {
			t.Fatalf("swap of a forgotten key: %v %v", ok, err)
		}
		if err := kv.Health(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	// The owner remembers its number and raises the store to it.
	if n, err := kv.Raise(t.Context(), fence, 42); err != nil || n != 42 {
		t.Fatalf("raise: %d %v", n, err)
	}
}

// TestNoAbsoluteTime: machines whose clocks disagree share one store, so a ttl
// travels as a length, and nothing that is sent depends on this machine's clock.
func TestNoAbsoluteTime(t *testing.T) {
	s := redistest.Start(t)
	p := redistest.NewProxy(t, s.Addr())
	kv := dial(t, rediskv.Config{URL: "redis://" + p.Addr()})
	ctx := t.Context()
	for _, ttl := range []time.Duration{0, time.Second, 30 * 24 * time.Hour} {
		_ = kv.Set(ctx, ctxKey, []byte("a"), ttl)
		_, _ = kv.Swap(ctx, ctxKey, []byte("a"), []byte("b"), ttl)
		_, _ = kv.Touch(ctx, ctxKey, ttl)
		_, _ = kv.Create(ctx, edge.Key("bench", ttl.String()), nil, ttl)
	}
	_, _, _ = kv.TTL(ctx, ctxKey)
	_, _ = kv.Raise(ctx, edge.Key("bench", "n"), 5)
	sent := p.Sent()
	if len(sent) < 1000 {
		t.Fatalf("only %d bytes went through the proxy", len(sent))
	}
	if m := regexp.MustCompile(`(?i)\b(pxat|exat|p?expireat|p?expiretime|time)\b`).Find(sent); m != nil {
		t.Errorf("sent %q", m)
	}
	for _, m := range regexp.MustCompile(`\r\n([0-9]{9,})\r\n`).FindAllSubmatch(sent, -1) {
		// Thirty days are 2.6e9 ms; Unix time is 1.7e9 s or 1.7e12 ms.
		if string(m[1]) != "2592000000" {
			t.Errorf("sent the number %s", m[1])
		}
	}
}
