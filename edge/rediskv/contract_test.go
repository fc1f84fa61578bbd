package rediskv_test

import (
	"testing"

	"go.uber.org/goleak"

	"labbox/edge"
	"labbox/edge/kvtest"
	"labbox/edge/rediskv"
	"labbox/edge/rediskv/redistest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestContractRedis(t *testing.T) {
	kvtest.Run(t, func(t *testing.T) kvtest.Harness {
		s := redistest.Start(t)
		return kvtest.Harness{
			Open:    func(t testing.TB) edge.KV { return open(t, s.URL()+"?durable=1") },
			Restart: func(t testing.TB) { s.Restart(t) },
			Down:    func(testing.TB) { s.Kill() },
		}
	})
}

// aclRules is the user of docs/ref/store.md, with its key prefix.
const aclRules = "resetchannels ~campus:* " + rediskv.Needs

// TestContractSecured: TLS with a client's certificate, an ACL user that may do
// what docs/ref/store.md says and no more, and a key prefix.
func TestContractSecured(t *testing.T) {
	certs := redistest.NewCerts(t)
	kvtest.Run(t, func(t *testing.T) kvtest.Harness {
		s := redistest.StartWith(t, redistest.WithTLS(certs), redistest.WithACL("labbox", "hunter2", aclRules))
		s.Do(t, "set", "others:key", "1")
		return kvtest.Harness{
			Open:    func(t testing.TB) edge.KV { return dial(t, secured(s, s.URL())) },
			Restart: func(t testing.TB) { s.Restart(t) },
			Down:    func(testing.TB) { s.Kill() },
		}
	})
}

func secured(s *redistest.Server, url string) rediskv.Config {
	return rediskv.Config{URL: url, Username: s.Username, PasswordFile: s.PasswordFile, CAFile: s.CAFile,
		CertFile: s.CertFile, KeyFile: s.KeyFile, KeyPrefix: "campus:", Durable: true}
}

func TestContractCluster(t *testing.T) {
	t.Parallel()
	nodes := redistest.Cluster(t) // it takes seconds: the tests share it, and Down comes last
	kvtest.Run(t, func(t *testing.T) kvtest.Harness {
		h := clusterHarness(t, nodes, func(t testing.TB) edge.KV { return open(t, redistest.ClusterURL(nodes[:2])) })
		h.Restart = nil // takes seconds, and the secured Cluster does it
		return h
	})
}

func clusterHarness(t *testing.T, nodes []*redistest.Server, open func(t testing.TB) edge.KV) kvtest.Harness {
	for _, n := range nodes {
		n.Do(t, "flushall")
	}
	return kvtest.Harness{
		Open: open,
		Restart: func(t testing.TB) {
			for _, n := range nodes {
				n.Restart(t)
			}
			redistest.AwaitCluster(t, nodes)
		},
		Down: func(testing.TB) {
			for _, n := range nodes {
				n.Kill()
			}
		},
	}
}

// TestContractSecuredCluster: all of it in a Cluster.
func TestContractSecuredCluster(t *testing.T) {
	t.Parallel()
	nodes := redistest.Cluster(t, redistest.WithTLS(redistest.NewCerts(t)), redistest.WithACL("labbox", "hunter2", aclRules))
	kvtest.Run(t, func(t *testing.T) kvtest.Harness {
		return clusterHarness(t, nodes, func(t testing.TB) edge.KV { return dial(t, secured(nodes[0], redistest.ClusterURL(nodes))) })
	})
}

func open(t testing.TB, url string) *rediskv.KV {
	t.Helper()
	kv, err := rediskv.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	return kv
}

func dial(t testing.TB, cfg rediskv.Config) *rediskv.KV {
	t.Helper()
	kv, err := rediskv.Dial(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = kv.Close() })
	return kv
}
