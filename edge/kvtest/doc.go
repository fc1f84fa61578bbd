// Package kvtest is the contract suite of edge.KV. Every store that labbox can
// use passes it unchanged: minikv, Redis and Redis Cluster.
//
//	func TestContract(t *testing.T) {
//		kvtest.Run(t, func(t *testing.T) kvtest.Harness {
//			s := startStore(t)
//			return kvtest.Harness{Open: s.open, Restart: s.restart, Down: s.stop}
//		})
//	}
//
// It tests what edge/kv.go says, sentence by sentence, ttl in real time. Known
// limits: it cannot cut the power; the stores' own crash tests do that.
package kvtest
