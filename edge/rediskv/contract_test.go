package rediskv_test

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"labbox/edge"
	"labbox/edge/kvtest"
	"labbox/edge/rediskv"
)

func TestMain(m *testing.M) {
	// go-redis looks once a second whether a dead server is back and ends that
	// look only at its next turn after Close.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/redis/go-redis/v9/internal/pool.(*ConnPool).tryDial"))
}

func TestContractRedis(t *testing.T) {
	kvtest.Run(t, func(t *testing.T) kvtest.Harness {
		p := startRedis(t)
		return kvtest.Harness{
			Open: func(t testing.TB) edge.KV { return open(t, "redis://"+p.addr()+"/0?durable=1") },
			Restart: func(t testing.TB) {
				p.stop()
				p.start(t)
			},
			Down: func(testing.TB) { p.stop() },
		}
	})
}

func TestContractCluster(t *testing.T) {
	nodes := startCluster(t) // it takes seconds: the tests share it, and Down comes last
	url := "redis+cluster://" + nodes[0].addr() + "," + nodes[1].addr()
	kvtest.Run(t, func(t *testing.T) kvtest.Harness {
		for _, n := range nodes {
			c := redis.NewClient(&redis.Options{Addr: n.addr()})
			if err := c.FlushAll(t.Context()).Err(); err != nil {
				t.Fatal(err)
			}
			_ = c.Close()
		}
		return kvtest.Harness{
			Open: func(t testing.TB) edge.KV { return open(t, url) },
			Down: func(testing.TB) {
				for _, n := range nodes {
					n.stop()
				}
			},
		}
	})
}

func open(t testing.TB, url string) edge.KV {
	t.Helper()
	kv, err := rediskv.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	return kv
}

// startCluster starts three masters that share the slots.
func startCluster(t testing.TB) [3]*peer {
	t.Helper()
	var nodes [3]*peer
	args := []string{"--cluster", "create"}
	for i := range nodes {
		nodes[i] = startRedis(t, "--cluster-enabled", "yes", "--appendfsync", "everysec")
		args = append(args, nodes[i].addr())
	}
	if _, err := exec.LookPath("redis-cli"); err != nil {
		if os.Getenv("LABBOX_REQUIRE_PEERS") == "1" {
			t.Fatal("redis-cli is not installed, and LABBOX_REQUIRE_PEERS=1")
		}
		t.Skip("redis-cli is not installed (Debian package redis-tools)")
	}
	if out, err := exec.Command("redis-cli", append(args, "--cluster-yes")...).CombinedOutput(); err != nil {
		t.Fatalf("redis-cli: %v: %s", err, out)
	}
	for _, n := range nodes { // each must know that the cluster is whole
		c := redis.NewClient(&redis.Options{Addr: n.addr()})
		for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			info, _ := c.ClusterInfo(context.Background()).Result()
			if strings.Contains(info, "cluster_state:ok") {
				break
			}
			if time.Now().After(end) {
				t.Fatalf("the cluster does not come up: %s", info)
			}
		}
		_ = c.Close()
	}
	return nodes
}
