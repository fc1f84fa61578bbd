package rediskv_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"labbox/edge"
	"labbox/edge/rediskv"
	"labbox/edge/rediskv/redistest"
)

// TestCluster shares one Cluster, which takes seconds to come up.
func TestCluster(t *testing.T) {
	nodes := redistest.Cluster(t)
	for _, c := range []struct {
		name string
		test func(t *testing.T, nodes []*redistest.Server)
	}{
		{"Scripts", testClusterScripts}, {"ReplyLost", testClusterReplyLost}, {"MemoryFull", testClusterMemoryFull},
		{"MasterKilled", testMasterKilled}, {"PartOfDelete", testPartOfDelete}, {"NotAsOneServer", testNotAsOneServer},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, nodes) })
	}
}

// boxesOn returns, per node, the name of a box whose keys lie there.
func boxesOn(t *testing.T, nodes []*redistest.Server) []string {
	t.Helper()
	boxes := make([]string, len(nodes))
	for i := 0; i < 200; i++ {
		box := fmt.Sprintf("room%d", i)
		for n, s := range nodes {
			if boxes[n] == "" && ownsSlot(t, s, box) {
				boxes[n] = box
			}
		}
		if boxes[0] != "" && boxes[1] != "" && boxes[2] != "" {
			return boxes
		}
	}
	t.Fatal("no box per node found")
	return nil
}

func ownsSlot(t *testing.T, s *redistest.Server, box string) bool {
	c := s.Client()
	defer c.Close()
	err := c.Get(t.Context(), edge.Key(box, "k")).Err()
	return err == nil || !strings.HasPrefix(err.Error(), "MOVED")
}

// testClusterScripts: every script works for boxes on every node, also where a
// key prefix stands before the hash tag, and after all scripts are forgotten.
func testClusterScripts(t *testing.T, nodes []*redistest.Server) {
	boxes, ctx := boxesOn(t, nodes), t.Context()
	kv := dial(t, rediskv.Config{URL: redistest.ClusterURL(nodes[:1]), KeyPrefix: "campus:"})
	var all []string
	for range 2 {
		for _, box := range boxes {
			k := edge.Key(box, "n")
			all = append(all, k)
			if n, err := kv.Raise(ctx, k, 7); err != nil || n != 7 {
				t.Fatalf("%s: raise: %d %v", box, n, err)
			}
			if ok, err := kv.Swap(ctx, k, []byte("7"), []byte("8"), time.Hour); err != nil || !ok {
				t.Fatalf("%s: swap: %v %v", box, ok, err)
			}
			if ok, err := kv.Touch(ctx, k, 0); err != nil || !ok {
				t.Fatalf("%s: touch: %v %v", box, ok, err)
			}
		}
		got, err := kv.GetMany(ctx, all...)
		if err != nil || len(got) != len(all) || string(got[0]) != "8" || string(got[2]) != "8" {
			t.Fatalf("get many across nodes: %q %v", got, err)
		}
		if n, err := kv.Delete(ctx, all...); err != nil || n != 3 {
			t.Fatalf("delete across nodes: %d %v", n, err)
		}
		for _, s := range nodes {
			s.Do(t, "script", "flush")
		}
	}
	if w := kv.Warnings(ctx); len(w) != 0 {
		t.Errorf("warnings: %v", w)
	}
	nodes[1].Do(t, "config", "set", "appendfsync", "everysec")
	if w := kv.Warnings(ctx); len(w) != 1 || w[0].Args["node"] != nodes[1].Addr() {
		t.Errorf("warnings: %v, want one of node %s", w, nodes[1].Addr())
	}
	nodes[1].Do(t, "config", "set", "appendfsync", "always")
}

// testClusterReplyLost: the Cluster client must not send a write again either.
func testClusterReplyLost(t *testing.T, nodes []*redistest.Server) {
	box := boxesOn(t, nodes)[0]
	p := redistest.NewProxy(t, nodes[0].Addr())
	announce(t, nodes, p.Addr())
	defer announce(t, nodes, nodes[0].Addr())
	cutReplies(t, p, dial(t, rediskv.Config{URL: "redis+cluster://" + p.Addr()}), box)
}

// announce makes the first node say that clients reach it at addr, and waits
// until the others say so too.
func announce(t *testing.T, nodes []*redistest.Server, addr string) {
	t.Helper()
	_, port, _ := net.SplitHostPort(addr)
	nodes[0].Do(t, "config", "set", "cluster-announce-port", port)
	for _, s := range nodes {
		for end := time.Now().Add(10 * time.Second); !strings.Contains(fmt.Sprint(s.Do(t, "cluster", "nodes")), addr+"@"); time.Sleep(5 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal("the announced address does not get around")
			}
		}
	}
}

func testClusterMemoryFull(t *testing.T, nodes []*redistest.Server) {
	kv := dial(t, rediskv.Config{URL: redistest.ClusterURL(nodes)})
	if err := kv.Health(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, s := range nodes { // one full node is enough
		s.Do(t, "config", "set", "maxmemory", 1)
		wantCode(t, "health", kv.Health(t.Context()), edge.CodeStoreFull)
		s.Do(t, "config", "set", "maxmemory", 0)
	}
	if err := kv.Health(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func testMasterKilled(t *testing.T, nodes []*redistest.Server) {
	boxes := boxesOn(t, nodes)
	kv := dial(t, rediskv.Config{URL: redistest.ClusterURL(nodes)})
	w := startWriters(t, kv, 8)
	pace(t, 100*time.Millisecond)
	nodes[0].Kill()
	wantCode(t, "health", kv.Health(t.Context()), edge.CodeStoreDown)
	wantCode(t, "set", kv.Set(t.Context(), edge.Key(boxes[0], "k"), nil, 0), edge.CodeStoreDown, edge.CodeUnknownOutcome)
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		err := kv.Set(t.Context(), edge.Key(boxes[1], "k"), nil, 0)
		if err != nil { // the others have noticed, and refuse too
			wantCode(t, "set at another node", err, edge.CodeStoreDown)
			wantHint(t, "set at another node", err, "slots has no master")
			break
		}
		if time.Now().After(end) {
			t.Fatal("the Cluster does not notice")
		}
	}
	err := kv.Health(t.Context())
	wantCode(t, "health", err, edge.CodeStoreDown)
	if edge.AsError(err).Args["since_ms"] == nil {
		t.Errorf("health does not say since when: %v", err)
	}
	nodes[0].Restart(t)
	redistest.AwaitCluster(t, nodes)
	backWithin(t, kv, time.Now(), time.Second)
	for _, box := range boxes {
		if err := kv.Set(t.Context(), edge.Key(box, "k"), nil, 0); err != nil {
			t.Errorf("%s: %v", box, err)
		}
	}
	if err := kv.Health(t.Context()); err != nil {
		t.Error(err)
	}
	t.Logf("%d writes acknowledged, none lost", w.end(t, kv))
}

// testPartOfDelete: a delete across nodes is no longer one step. Where a part is
// done the error must not be one that promises that nothing was.
func testPartOfDelete(t *testing.T, nodes []*redistest.Server) {
	boxes := boxesOn(t, nodes)
	kv := dial(t, rediskv.Config{URL: redistest.ClusterURL(nodes)})
	a, b := edge.Key(boxes[0], "part"), edge.Key(boxes[1], "part")
	for _, k := range []string{a, b} {
		if err := kv.Set(t.Context(), k, nil, 0); err != nil {
			t.Fatal(err)
		}
	}
	nodes[1].Pause()
	defer nodes[1].Resume()
	ctx, cancel := context.WithTimeout(t.Context(), 400*time.Millisecond)
	defer cancel()
	n, err := kv.Delete(ctx, a, b)
	wantCode(t, "delete", err, edge.CodeUnknownOutcome)
	if n != 1 {
		t.Errorf("%d are said to be deleted, want 1", n)
	}
	wantHint(t, "delete", err, "delete them again")
}

// testNotAsOneServer: a node of a Cluster given as a single server.
func testNotAsOneServer(t *testing.T, nodes []*redistest.Server) {
	kv := dial(t, rediskv.Config{URL: nodes[0].URL()})
	err := kv.Set(t.Context(), edge.Key(boxesOn(t, nodes)[1], "k"), nil, 0)
	wantCode(t, "set", err, edge.CodeStoreDown)
	wantHint(t, "set", err, "redis+cluster://")
}
