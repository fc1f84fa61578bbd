package minikv_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"labbox/edge"
	"labbox/edge/minikv"
	"labbox/edge/rediskv"
)

// startRedis starts the named peer of the benchmarks, on a port and directory
// of its own on the same disk as the store.
func startRedis(t testing.TB, fsync string) edge.KV {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		if os.Getenv("LABBOX_REQUIRE_PEERS") == "1" {
			t.Fatal("redis-server is not installed, and LABBOX_REQUIRE_PEERS=1")
		}
		t.Skip("redis-server is not installed (Debian package redis-server)")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close()
	args := []string{"--bind", "127.0.0.1", "--port", addr[strings.LastIndex(addr, ":")+1:], "--dir", t.TempDir(), "--save", ""}
	if fsync != "" {
		args = append(args, "--appendonly", "yes", "--appendfsync", fsync)
	}
	cmd := exec.Command("redis-server", args...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		kv, err := rediskv.Open(t.Context(), "redis://"+addr+"?pool_size=64")
		if err == nil {
			t.Cleanup(func() { _ = kv.Close() })
			return kv
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
}

const workers = 16

// rate runs op in 16 goroutines for d and returns operations per second.
func rate(b testing.TB, d time.Duration, op func(ctx context.Context, worker, n int) error) float64 {
	b.Helper()
	var wg sync.WaitGroup
	var done atomic.Int64
	ctx := b.Context()
	start := time.Now()
	end := start.Add(d)
	for w := range workers {
		wg.Go(func() {
			n := 0
			for ; time.Now().Before(end); n++ {
				if err := op(ctx, w, n); err != nil {
					b.Error(err)
					break
				}
			}
			done.Add(int64(n))
		})
	}
	wg.Wait()
	return float64(done.Load()) / time.Since(start).Seconds()
}

// compare runs ours and the peer's in turns, five times, so that both meet the
// same noise, and reports both rates and their ratio.
func compare(b *testing.B, peer string, ours, theirs func(d time.Duration) float64) {
	const turn = 500 * time.Millisecond
	ours(turn / 5)
	theirs(turn / 5)
	var mine, other float64
	rounds := 0
	for b.Loop() {
		for range 5 {
			mine += ours(turn)
			other += theirs(turn)
			rounds++
		}
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(mine/float64(rounds), "ours/s")
	b.ReportMetric(other/float64(rounds), peer+"/s")
	b.ReportMetric(mine/other, "ratio")
}

func setOp(kv edge.KV) func(ctx context.Context, w, n int) error {
	value := bytes.Repeat([]byte("v"), 128)
	return func(ctx context.Context, w, n int) error {
		return kv.Set(ctx, edge.Key("bench", "set", fmt.Sprint(w), fmt.Sprint(n%64)), value, 0)
	}
}

func getOp(kv edge.KV, keys []string) func(ctx context.Context, w, n int) error {
	return func(ctx context.Context, w, n int) error {
		_, ok, err := kv.Get(ctx, keys[(w*7919+n)%len(keys)])
		if err == nil && !ok {
			return fmt.Errorf("a key is gone")
		}
		return err
	}
}

// BenchmarkSetDurable: SET by 16 clients, on the disk before the reply, against
// redis-server with appendfsync always on the same disk.
func BenchmarkSetDurable(b *testing.B) {
	box := newBox(b, minikv.Config{})
	kv := box.KV()
	defer kv.Close()
	redis := startRedis(b, "always")
	compare(b, "redis", func(d time.Duration) float64 { return rate(b, d, setOp(kv)) },
		func(d time.Duration) float64 { return rate(b, d, setOp(redis)) })
}

func fill(b testing.TB, kv edge.KV, what string, n int, ttl time.Duration) []string {
	keys := make([]string, n)
	var wg sync.WaitGroup
	for i := range keys {
		keys[i] = edge.Key("bench", what, fmt.Sprint(i))
	}
	for w := range workers {
		wg.Go(func() {
			for i := w; i < n; i += workers {
				if err := kv.Set(b.Context(), keys[i], []byte("0123456789abcdef"), ttl); err != nil {
					b.Error(err)
				}
			}
		})
	}
	wg.Wait()
	return keys
}

// BenchmarkGet: GET by 16 clients against redis-server over TCP.
func BenchmarkGet(b *testing.B) {
	kv := newBox(b, minikv.Config{}).KV()
	defer kv.Close()
	redis := startRedis(b, "")
	keys := fill(b, kv, "get", 1000, 0)
	fill(b, redis, "get", 1000, 0)
	compare(b, "redis", func(d time.Duration) float64 { return rate(b, d, getOp(kv, keys)) },
		func(d time.Duration) float64 { return rate(b, d, getOp(redis, keys)) })
}

// BenchmarkGetBesideTTL: GET in a store of which 10,000 keys expire, against GET
// in one of the same size of which none does.
func BenchmarkGetBesideTTL(b *testing.B) {
	with, none := newBox(b, minikv.Config{}).KV(), newBox(b, minikv.Config{}).KV()
	defer with.Close()
	defer none.Close()
	keys := fill(b, with, "get", 1000, 0)
	fill(b, none, "get", 1000, 0)
	fill(b, with, "ttl", 10_000, time.Hour)
	fill(b, none, "ttl", 10_000, 0)
	compare(b, "none", func(d time.Duration) float64 { return rate(b, d, getOp(with, keys)) },
		func(d time.Duration) float64 { return rate(b, d, getOp(none, keys)) })
}

// BenchmarkOpen: how long a store with 10,000 keys takes to come back.
func BenchmarkOpen(b *testing.B) {
	box := newBox(b, minikv.Config{})
	kv := box.KV()
	fill(b, kv, "k", 10_000, 0)
	_ = kv.Close()
	for b.Loop() {
		_ = box.Store.Close()
		s, err := minikv.Open(b.Context(), minikv.Config{Server: box.srv})
		if err != nil {
			b.Fatal(err)
		}
		box.Store = s
	}
}
