package kvtest

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"labbox/edge"
)

func testCreate(t *testing.T, h Harness) {
	ctx, kv := ctxOf(t), open(t, h)
	k := key("k")
	if ok, err := kv.Create(ctx, k, []byte("first"), 0); err != nil || !ok {
		t.Fatalf("first create: %v %v", ok, err)
	}
	if ok, err := kv.Create(ctx, k, []byte("second"), 0); err != nil || ok {
		t.Fatalf("second create: %v %v", ok, err)
	}
	wantValue(t, kv, k, []byte("first"))
}

func testSwap(t *testing.T, h Harness) {
	ctx, kv := ctxOf(t), open(t, h)
	k := key("k")
	try := func(old, new string, want bool) {
		t.Helper()
		if ok, err := kv.Swap(ctx, k, []byte(old), []byte(new), 0); err != nil || ok != want {
			t.Fatalf("swap %q by %q: %v %v, want %v", old, new, ok, err, want)
		}
	}
	try("", "x", false) // a missing key does not hold the empty value
	wantValue(t, kv, k, nil)
	must(t, kv.Set(ctx, k, nil, 0))
	try("", "a\x00b", true)
	try("a", "x", false)
	try("a\x00", "x", false)
	try("a\x00b", "10", true)
	try("10.0", "x", false) // bytes are compared, not numbers
	try("10", "10", true)
	wantValue(t, kv, k, []byte("10"))
}

func testRaise(t *testing.T, h Harness) {
	ctx, kv := ctxOf(t), open(t, h)
	k := key("k")
	for _, s := range []struct{ n, want uint64 }{
		{0, 0}, {5, 5}, {3, 5}, {5, 5}, {10, 10}, {9, 10}, {1 << 53, 1 << 53}, {1<<53 + 1, 1<<53 + 1}, {1 << 53, 1<<53 + 1},
		{1<<64 - 2, 1<<64 - 2}, {1<<64 - 1, 1<<64 - 1}, {1<<64 - 2, 1<<64 - 1},
	} {
		if got, err := kv.Raise(ctx, k, s.n); err != nil || got != s.want {
			t.Fatalf("raise to %d: %d %v, want %d", s.n, got, err, s.want)
		}
		wantValue(t, kv, k, []byte(strconv.FormatUint(s.want, 10)))
	}
	must(t, kv.Set(ctx, k, []byte("007"), 0))
	if got, err := kv.Raise(ctx, k, 6); err != nil || got != 7 {
		t.Errorf("raise 007 to 6: %d %v", got, err)
	}
	for _, v := range []string{"", "x", "-1", "1.5", "1e3", " 1", "18446744073709551616", "12\n"} {
		must(t, kv.Set(ctx, k, []byte(v), 0))
		_, err := kv.Raise(ctx, k, 7)
		wantCode(t, fmt.Sprintf("raise of %q", v), err, edge.CodeBadValue)
		wantValue(t, kv, k, []byte(v))
	}
}

func testDelete(t *testing.T, h Harness) {
	ctx, kv := ctxOf(t), open(t, h)
	for _, k := range []string{key("a"), key("b"), edge.Key("other", "c")} {
		must(t, kv.Set(ctx, k, []byte("x"), 0))
	}
	if n, err := kv.Delete(ctx, key("a"), key("none"), edge.Key("other", "c")); err != nil || n != 2 {
		t.Fatalf("deleted %d %v, want 2", n, err)
	}
	wantValue(t, kv, key("a"), nil)
	wantValue(t, kv, key("b"), []byte("x"))
	if n, err := kv.Delete(ctx, key("a")); err != nil || n != 0 {
		t.Fatalf("deleted %d %v of nothing", n, err)
	}
	if n, err := kv.Delete(ctx); err != nil || n != 0 {
		t.Fatalf("deleted %d %v of no keys", n, err)
	}
	if ok, err := kv.Create(ctx, key("a"), []byte("again"), 0); err != nil || !ok {
		t.Fatalf("create after delete: %v %v", ok, err)
	}
}

const clients = 16

// race runs fn in as many clients at once.
func race(t *testing.T, h Harness, fn func(ctx context.Context, kv edge.KV, me int) error) {
	t.Helper()
	ctx := ctxOf(t)
	begin := make(chan struct{})
	var wg sync.WaitGroup
	for me := range clients {
		kv := open(t, h)
		wg.Go(func() {
			<-begin
			if err := fn(ctx, kv, me); err != nil {
				t.Errorf("client %d: %v", me, err)
			}
		})
	}
	close(begin)
	wg.Wait()
}

func testCreateRace(t *testing.T, h Harness) {
	const rounds = 30
	var won [rounds]atomic.Int32
	var winner [rounds]atomic.Int32
	race(t, h, func(ctx context.Context, kv edge.KV, me int) error {
		for r := range rounds {
			ok, err := kv.Create(ctx, key("r", fmt.Sprint(r)), []byte(fmt.Sprint(me)), 0)
			if err != nil {
				return err
			}
			if ok {
				won[r].Add(1)
				winner[r].Store(int32(me))
			}
		}
		return nil
	})
	kv := open(t, h)
	for r := range rounds {
		if won[r].Load() != 1 {
			t.Errorf("round %d has %d winners", r, won[r].Load())
		}
		wantValue(t, kv, key("r", fmt.Sprint(r)), []byte(fmt.Sprint(winner[r].Load())))
	}
}

func testSwapRace(t *testing.T, h Harness) {
	const each = 20
	must(t, open(t, h).Set(ctxOf(t), key("n"), []byte("0"), 0))
	race(t, h, func(ctx context.Context, kv edge.KV, me int) error {
		for done := 0; done < each; {
			old, _, err := kv.Get(ctx, key("n"))
			if err != nil {
				return err
			}
			n, err := strconv.Atoi(string(old))
			if err != nil {
				return err
			}
			ok, err := kv.Swap(ctx, key("n"), old, strconv.AppendInt(nil, int64(n+1), 10), 0)
			if err != nil {
				return err
			}
			if ok {
				done++
			}
		}
		return nil
	})
	wantValue(t, open(t, h), key("n"), []byte(fmt.Sprint(clients*each)))
}

func testRaiseRace(t *testing.T, h Harness) {
	const each = 40
	race(t, h, func(ctx context.Context, kv edge.KV, me int) error {
		last := uint64(0)
		for i := range each {
			n := uint64(i*clients + me)
			got, err := kv.Raise(ctx, key("fence"), n)
			if err != nil {
				return err
			}
			if got < n || got < last {
				return fmt.Errorf("raise to %d after %d says %d", n, last, got)
			}
			last = got
		}
		return nil
	})
	wantValue(t, open(t, h), key("fence"), []byte(fmt.Sprint(clients*each-1)))
}

// testTogether: GetMany and Delete are each atomic for keys of one box. One
// client writes a, then b, and deletes both; who sees b must see a.
func testTogether(t *testing.T, h Harness) {
	ctx, w, r := ctxOf(t), open(t, h), open(t, h)
	done := make(chan error, 1)
	go func() {
		for range 300 {
			err := w.Set(ctx, key("a"), []byte("x"), 0)
			if err == nil {
				err = w.Set(ctx, key("b"), []byte("x"), 0)
			}
			n := 0
			if err == nil {
				n, err = w.Delete(ctx, key("a"), key("b"))
			}
			if err == nil && n != 2 {
				err = fmt.Errorf("deleted %d of 2", n)
			}
			if err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	for {
		select {
		case err := <-done:
			must(t, err)
			return
		default:
		}
		got, err := r.GetMany(ctx, key("a"), key("b"))
		if err != nil {
			t.Errorf("get many: %v", err)
			must(t, <-done)
			return
		}
		if got[1] != nil && got[0] == nil {
			t.Errorf("a %q, b %q: never b alone", got[0], got[1])
			must(t, <-done)
			return
		}
	}
}
