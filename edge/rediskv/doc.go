// Package rediskv is the one implementation of edge.KV. It speaks the Redis
// protocol, so the same code serves the embedded store (package minikv) and a
// Redis 7 or Redis Cluster on campus.
//
//	kv, err := rediskv.Open(ctx, "redis://store.lab:6379/0")
//	if err != nil {
//		return err
//	}
//	defer kv.Close()
//	ok, err := kv.Swap(ctx, edge.Key("bench", "lease", "arm"), old, new, 30*time.Second)
//
// Every method is one command or one script on one key, so that each is atomic
// and works on a Cluster. GetMany and Delete are atomic for keys that share a
// hash tag, as all keys of one box made by edge.Key do.
//
// A client given to New should have MaxRetries -1: a retry inside the client
// runs a Swap twice when only the reply was lost, and then reports false for a
// swap that was done. Open sets it. Reads are tried again here, writes never:
// a write whose reply was lost is edge.CodeUnknownOutcome.
//
// Specification: https://redis.io/docs/latest/commands/ (Redis 7.0). Known
// limits: a ttl is rounded up to a millisecond and is at most 100 years; Keys
// is a SCAN, so keys written meanwhile may or may not be listed.
package rediskv
