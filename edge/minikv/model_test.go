package minikv_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"labbox/edge"
	"labbox/edge/minikv"
)

// stepClock stands still until it is told to move.
type stepClock struct {
	mono time.Duration
	wall time.Time
}

func (c *stepClock) Mono() time.Duration { return c.mono }
func (c *stepClock) Wall() time.Time     { return c.wall }

type cell struct {
	value string
	until time.Duration // 0: it stays
}

// TestModel compares the store, over restarts, with a map.
func TestModel(t *testing.T) {
	b := newBox(t, minikv.Config{})
	ctx, round := context.Background(), 0
	rapid.Check(t, func(t *rapid.T) {
		round++
		clock := &stepClock{wall: time.Unix(1_800_000_000, 0)}
		cfg := minikv.Config{Server: b.srv, Name: "model" + strconv.Itoa(round), Clock: clock, ClockEvery: time.Hour}
		s, err := minikv.Open(ctx, cfg)
		if err != nil {
			t.Fatal(err)
		}
		kv := s.KV()
		defer func() {
			_ = kv.Close()
			_ = s.Close()
			js, err := b.srv.JetStream()
			if err == nil {
				err = js.DeleteStream(ctx, "MINIKV_"+cfg.Name+"_1")
			}
			if err != nil {
				t.Error(err)
			}
		}()
		model := map[string]cell{}
		key := rapid.SampledFrom([]string{"a", "b", "{x}:c", "d*"})
		val := rapid.SampledFrom([]string{"", "1", "2", "17", "x", "18446744073709551615"})
		ttl := rapid.SampledFrom([]time.Duration{0, 0, 10 * time.Second, time.Minute, time.Hour})
		until := func(d time.Duration) time.Duration {
			if d == 0 {
				return 0
			}
			return clock.mono + d
		}
		ok := func(what string, err error, got, want any) {
			if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
				t.Fatalf("%s: got %v %v, want %v", what, got, err, want)
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"set": func(t *rapid.T) {
				k, v, d := key.Draw(t, "k"), val.Draw(t, "v"), ttl.Draw(t, "ttl")
				ok("set", kv.Set(ctx, k, []byte(v), d), nil, nil)
				model[k] = cell{v, until(d)}
			},
			"create": func(t *rapid.T) {
				k, v, d := key.Draw(t, "k"), val.Draw(t, "v"), ttl.Draw(t, "ttl")
				_, there := model[k]
				did, err := kv.Create(ctx, k, []byte(v), d)
				ok("create", err, did, !there)
				if !there {
					model[k] = cell{v, until(d)}
				}
			},
			"swap": func(t *rapid.T) {
				k, o, v, d := key.Draw(t, "k"), val.Draw(t, "old"), val.Draw(t, "v"), ttl.Draw(t, "ttl")
				c, there := model[k]
				did, err := kv.Swap(ctx, k, []byte(o), []byte(v), d)
				ok("swap", err, did, there && c.value == o)
				if did {
					model[k] = cell{v, until(d)}
				}
			},
			"raise": func(t *rapid.T) {
				k, n := key.Draw(t, "k"), rapid.Uint64Range(0, 20).Draw(t, "n")
				c, there := model[k]
				held, bad := strconv.ParseUint(c.value, 10, 64)
				got, err := kv.Raise(ctx, k, n)
				if there && bad != nil {
					ok("raise", nil, edge.CodeOf(err), edge.CodeBadValue)
					return
				}
				if !there || held < n {
					held = n
					c.value = strconv.FormatUint(n, 10)
				}
				ok("raise", err, got, held)
				model[k] = cell{c.value, 0}
			},
			"delete": func(t *rapid.T) {
				ks := []string{key.Draw(t, "k"), "none"}
				_, there := model[ks[0]]
				n, err := kv.Delete(ctx, ks...)
				ok("delete", err, n == 1, there)
				delete(model, ks[0])
			},
			"touch": func(t *rapid.T) {
				k, d := key.Draw(t, "k"), ttl.Draw(t, "ttl")
				c, there := model[k]
				did, err := kv.Touch(ctx, k, d)
				ok("touch", err, did, there)
				if there {
					model[k] = cell{c.value, until(d)}
				}
			},
			"wait": func(t *rapid.T) {
				d := time.Duration(rapid.IntRange(1, 40).Draw(t, "s")) * time.Second
				clock.mono += d
				clock.wall = clock.wall.Add(d)
			},
			"restart": func(t *rapid.T) {
				_ = kv.Close()
				_ = s.Close()
				if s, err = minikv.Open(ctx, cfg); err != nil {
					t.Fatal(err)
				}
				kv = s.KV()
			},
			"": func(t *rapid.T) {
				for k, c := range model {
					if c.until != 0 && c.until <= clock.mono {
						delete(model, k)
					}
				}
				var want []string
				for k, c := range model {
					want = append(want, k)
					v, there, err := kv.Get(ctx, k)
					ok("get", err, fmt.Sprint(there, string(v)), fmt.Sprint(true, c.value))
					left, _, err := kv.TTL(ctx, k)
					wantLeft := time.Duration(0)
					if c.until != 0 {
						wantLeft = c.until - clock.mono
					}
					ok("ttl", err, left, wantLeft)
				}
				slices.Sort(want)
				got, err := kv.Keys(ctx, "")
				ok("keys", err, got, want)
				ok("health", s.Health(), nil, nil)
			},
		})
	})
}
