package bustest

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"labbox/edge"
)

func liveParts() []part {
	return []part{
		{"Order", liveOrder}, {"Patterns", livePatterns}, {"BadNames", badNames}, {"Nobody", liveNobody},
		{"SlowSubscriber", slowSubscriber}, {"ManySubscribers", manySubscribers}, {"NotAliased", notAliased},
		{"Large", liveLarge}, {"OneAfterAnother", liveSerial}, {"NotRequests", liveNotRequests}, {"EndedContext", liveContext},
	}
}

// ordered per publisher and subject, nothing lost by a subscriber that keeps up.
func liveOrder(t *testing.T, h Harness) {
	const n, window = 4000, 200
	for who, pub := range publishers(t, h) {
		subject := unique() + ".a"
		var next atomic.Int64
		wrong := make(chan string, 1)
		subscribe(t, h.Bus, subject, func(m edge.Msg) {
			if want := string(num(int(next.Load()))); string(m.Data) != want || m.Subject != subject {
				select {
				case wrong <- fmt.Sprintf("%s %s, want %s", m.Subject, m.Data, want):
				default:
				}
			}
			next.Add(1)
		})
		for i := range n {
			must(t, pub.Publish(t.Context(), subject, num(i)))
			if i%window == window-1 {
				eventually(t, "messages to arrive", func() bool { return next.Load() == int64(i+1) })
			}
		}
		select {
		case w := <-wrong:
			t.Fatalf("%s: %s", who, w)
		default:
		}
	}
}

// "*" is one word, a last ">" one or more.
func livePatterns(t *testing.T, h Harness) {
	r := unique()
	subjects := []string{r, r + ".a", r + ".b", r + ".a.b", r + ".a.b.c", r + ".A", r + ".a-1_Z"}
	want := map[string][]string{
		r:                         {r},
		r + ".a":                  {r + ".a"},
		r + ".*":                  {r + ".a", r + ".b", r + ".A", r + ".a-1_Z"},
		r + ".>":                  {r + ".a", r + ".b", r + ".a.b", r + ".a.b.c", r + ".A", r + ".a-1_Z"},
		r + ".*.b":                {r + ".a.b"},
		r + ".a.>":                {r + ".a.b", r + ".a.b.c"},
		r + ".*.>":                {r + ".a.b", r + ".a.b.c"},
		r + ".*.*.*":              {r + ".a.b.c"},
		r + ".a.*.c":              {r + ".a.b.c"},
		r + ".none":               nil,
		strings.ToUpper(r) + ".>": nil,
	}
	for who, pub := range publishers(t, h) {
		t.Run(who, func(t *testing.T) {
			var mu sync.Mutex
			got := map[string][]string{}
			for pattern := range want {
				subscribe(t, h.Bus, pattern, func(m edge.Msg) {
					mu.Lock()
					defer mu.Unlock()
					got[pattern] = append(got[pattern], m.Subject)
				})
			}
			total := 0
			for _, w := range want {
				total += len(w)
			}
			for _, s := range subjects {
				must(t, pub.Publish(t.Context(), s, nil))
			}
			count := func() (n int) {
				mu.Lock()
				defer mu.Unlock()
				for _, g := range got {
					n += len(g)
				}
				return n
			}
			eventually(t, "all matches", func() bool { return count() >= total })
			quietUntil := time.Now().Add(30 * time.Millisecond) // for what should not come
			for time.Now().Before(quietUntil) && count() == total {
				time.Sleep(time.Millisecond)
			}
			mu.Lock()
			defer mu.Unlock()
			for pattern, w := range want {
				g := got[pattern]
				slices.Sort(g)
				slices.Sort(w)
				if !slices.Equal(g, w) {
					t.Errorf("%s: got %v, want %v", pattern, g, w)
				}
			}
		})
	}
	t.Run("everything", func(t *testing.T) { // ">" alone, and nothing of the broker's own traffic
		seen := make(chan string, 100)
		subscribe(t, h.Bus, ">", func(m edge.Msg) { seen <- m.Subject })
		serve(t, h.Bus, r+".ask", func(context.Context, edge.Msg) ([]byte, error) { return nil, nil })
		_, err := h.Bus.Request(within(t, patience), r+".ask", nil)
		must(t, err)
		must(t, h.Bus.Publish(t.Context(), r+".x.y", nil))
		for { // a shared broker may carry others' news
			if s := receive(t, seen, "a message on >"); s == r+".x.y" {
				return
			} else if s == r+".ask" || strings.HasPrefix(s, "_") || strings.HasPrefix(s, "$") {
				t.Fatalf("%q came on >", s)
			}
		}
	})
}

func badNames(t *testing.T, h Harness) {
	long := strings.Repeat("a", 255)
	subjects := []string{"", ".", "a.", ".a", "a..b", "a b", "a.#", "#", "a/b", "é", "a\n", "$SYS", "a.b\x00", long + "a", strings.Repeat("a.", 127) + "bc"}
	patterns := append([]string{">.a", "a>", "a.>.b", "a*", "**", "a.*b"}, subjects...)
	onlyPatterns := []string{"*", ">", "a.*", "a.>"}
	ctx := within(t, patience)
	check := func(what, name string, err error) {
		t.Helper()
		if edge.CodeOf(err) != edge.CodeBadName {
			t.Errorf("%s %.40q: %v, want %s", what, name, err, edge.CodeBadName)
		}
	}
	for _, s := range append(onlyPatterns, subjects...) {
		check("Publish", s, h.Bus.Publish(ctx, s, nil))
		_, err := h.Bus.Request(ctx, s, nil)
		check("Request", s, err)
	}
	for _, p := range patterns {
		_, err := h.Bus.Subscribe(p, func(edge.Msg) {})
		check("Subscribe", p, err)
		_, err = h.Bus.Serve(p, func(context.Context, edge.Msg) ([]byte, error) { return nil, nil })
		check("Serve", p, err)
	}
	for _, q := range append([]string{"a.b", "*", ">"}, subjects...) {
		check("Declare", q, h.Bus.Declare(ctx, testQueue(q)))
		check("Enqueue", q, h.Bus.Enqueue(ctx, q, "id", nil))
		_, err := h.Bus.Consume(q, func(context.Context, edge.Job) error { return nil })
		check("Consume", q, err)
	}
	got := make(chan edge.Msg, 1)
	subscribe(t, h.Bus, long, func(m edge.Msg) { got <- m })
	must(t, h.Bus.Publish(ctx, long, nil))
	if m := receive(t, got, "a message with 255 bytes of subject"); m.Subject != long {
		t.Fatalf("subject of %d bytes came as %d", len(long), len(m.Subject))
	}
}

func liveNobody(t *testing.T, h Harness) {
	must(t, h.Bus.Publish(t.Context(), unique()+".x", []byte("x")))
	must(t, h.Bus.Health())
}

func liveContext(t *testing.T, h Harness) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := h.Bus.Publish(ctx, unique(), nil); err == nil {
		t.Fatal("published under an ended context")
	}
}

// Publish does not wait for subscribers; a slow one loses messages of its own,
// which are counted; a quick one beside it loses none.
func slowSubscriber(t *testing.T, h Harness) {
	const most, window = 300_000, 200
	subject := unique() + ".live"
	release := make(chan struct{})
	var slowGot, quickGot atomic.Uint64
	slow := subscribe(t, h.Bus, subject, func(edge.Msg) { <-release; slowGot.Add(1) })
	quick := subscribe(t, h.Bus, subject, func(edge.Msg) { quickGot.Add(1) })
	data := make([]byte, 1000)
	sent := uint64(0)
	for slow.Dropped() == 0 && sent < most {
		for range window {
			must(t, h.Bus.Publish(t.Context(), subject, data))
			sent++
		}
		eventually(t, "the quick subscriber", func() bool { return quickGot.Load() == sent })
	}
	if slow.Dropped() == 0 {
		t.Fatalf("nothing dropped after %d messages to a subscriber that takes none", sent)
	}
	if quick.Dropped() != 0 {
		t.Fatalf("the quick subscriber lost %d", quick.Dropped())
	}
	close(release)
	eventually(t, "the rest to arrive", func() bool { return slowGot.Load()+slow.Dropped() == sent })
	had := slowGot.Load()
	must(t, h.Bus.Publish(t.Context(), subject, data))
	eventually(t, "a message after the jam", func() bool { return slowGot.Load() == had+1 })
}

func manySubscribers(t *testing.T, h Harness) {
	const subs, n = 200, 100
	subject := unique() + ".live"
	for who, pub := range publishers(t, h) {
		counts := make([]atomic.Int64, subs)
		var wrong atomic.Int64
		open := make([]edge.Subscription, subs)
		for i := range subs {
			open[i] = subscribe(t, h.Bus, subject, func(m edge.Msg) {
				if string(m.Data) != string(num(int(counts[i].Load()))) {
					wrong.Add(1)
				}
				counts[i].Add(1)
			})
		}
		for i := range n {
			must(t, pub.Publish(t.Context(), subject, num(i)))
		}
		for i := range subs {
			eventually(t, fmt.Sprintf("subscriber %d (%s)", i, who), func() bool { return counts[i].Load() == n })
		}
		if wrong.Load() > 0 {
			t.Fatalf("%s: %d messages out of order", who, wrong.Load())
		}
		for _, s := range open[1:] { // the others go, one stays
			must(t, s.Close())
		}
		must(t, pub.Publish(t.Context(), subject, num(n)))
		eventually(t, "the one that stayed", func() bool { return counts[0].Load() == n+1 })
		for i := 1; i < subs; i++ {
			if c := counts[i].Load(); c != n {
				t.Fatalf("closed subscriber %d got %d messages, want %d", i, c, n)
			}
		}
		must(t, open[0].Close())
	}
}

// the caller may reuse its buffer as soon as a call returns.
func notAliased(t *testing.T, h Harness) {
	name := unique()
	got := make(chan string, 100)
	hold := make(chan struct{})
	subscribe(t, h.Bus, name, func(m edge.Msg) { <-hold; got <- string(m.Data) })
	buf := make([]byte, 8)
	for i := range 50 {
		copy(buf, fmt.Sprintf("%08d", i))
		must(t, h.Bus.Publish(t.Context(), name, buf))
	}
	copy(buf, "garbage!")
	close(hold)
	for i := range 50 {
		if g := receive(t, got, "a message"); g != fmt.Sprintf("%08d", i) {
			t.Fatalf("message %d is %q", i, g)
		}
	}
	must(t, h.Bus.Declare(t.Context(), testQueue(name)))
	copy(buf, "original")
	must(t, h.Bus.Enqueue(within(t, patience), name, "1", buf))
	copy(buf, "garbage!")
	consume(t, h.Bus, name, func(_ context.Context, j edge.Job) error { got <- string(j.Data); return nil })
	if g := receive(t, got, "a job"); g != "original" {
		t.Fatalf("job is %q", g)
	}
}

func liveLarge(t *testing.T, h Harness) {
	data := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	for who, pub := range publishers(t, h) {
		subject := unique()
		got := make(chan []byte, 1)
		subscribe(t, h.Bus, subject, func(m edge.Msg) { got <- bytes.Clone(m.Data) })
		must(t, pub.Publish(t.Context(), subject, data))
		if g := receive(t, got, "1 MiB ("+who+")"); !bytes.Equal(g, data) {
			t.Fatalf("%s: 1 MiB came as %d bytes", who, len(g))
		}
	}
}

// handlers of one subscription never run at the same time.
func liveSerial(t *testing.T, h Harness) {
	subject := unique() + ".x"
	var inside, most, seen atomic.Int64
	subscribe(t, h.Bus, subject, func(edge.Msg) {
		if n := inside.Add(1); n > most.Load() {
			most.Store(n)
		}
		for range 1000 { // give a wrong adapter the time to fail
			_ = inside.Load()
		}
		inside.Add(-1)
		seen.Add(1)
	})
	const n, each = 8, 50
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			for range each {
				if err := h.Bus.Publish(context.Background(), subject, nil); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	eventually(t, "all messages", func() bool { return seen.Load() == n*each })
	if most.Load() != 1 {
		t.Fatalf("%d handlers of one subscription at a time", most.Load())
	}
}

// live messages and requests do not meet.
func liveNotRequests(t *testing.T, h Harness) {
	subject := unique() + ".x"
	heard := make(chan string, 10)
	subscribe(t, h.Bus, subject, func(m edge.Msg) { heard <- "live " + string(m.Data) })
	serve(t, h.Bus, subject, func(_ context.Context, m edge.Msg) ([]byte, error) {
		heard <- "asked " + string(m.Data)
		return nil, nil
	})
	must(t, h.Bus.Publish(t.Context(), subject, []byte("news")))
	if got := receive(t, heard, "the live message"); got != "live news" {
		t.Fatalf("got %q", got)
	}
	_, err := h.Bus.Request(within(t, patience), subject, []byte("question"))
	must(t, err)
	if got := receive(t, heard, "the request"); got != "asked question" {
		t.Fatalf("got %q", got)
	}
	quiet(t, heard, 30*time.Millisecond, "one message, two handlers")
}
