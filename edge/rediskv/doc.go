// Package rediskv is the one implementation of edge.KV. It speaks the Redis
// protocol, so the same code serves the embedded store (package minikv) and a
// Redis 7 or Redis Cluster on campus.
//
//	kv, err := rediskv.Dial(rediskv.Config{URL: "rediss://labbox@store.lab:6379/0",
//		PasswordFile: "/run/secrets/store", CAFile: "/etc/labbox/ca.pem"})
//	if err != nil {
//		return err // a config that cannot be right; the store need not be there yet
//	}
//	defer kv.Close()
//	ok, err := kv.Swap(ctx, edge.Key("bench", "lease", "arm"), old, new, 30*time.Second)
//
// Every method is one command or one script on one key, so that each is atomic
// and works on a Cluster. GetMany and Delete are atomic for keys that share a
// hash tag, as all keys of one box made by edge.Key do; in a Cluster keys of
// several boxes are done box by box.
//
// An operation ends after 2 s at the latest. Reads are tried again when their
// connection broke. A write is never sent twice: one whose reply was lost is
// edge.CodeUnknownOutcome, one that was not sent or was refused has another code.
// A store that is back is found by the next operation. A client given to New
// should have MaxRetries -1: a retry inside the client runs a Swap twice when
// only the reply was lost, and then reports false for a swap that was done.
//
// Specification: https://redis.io/docs/latest/commands/ (Redis 7.0), and
// https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/.
// Settings a store should have: docs/ref/store.md. Known limits: a ttl is rounded
// up to a millisecond and is at most 100 years; Keys is a SCAN, so keys written
// meanwhile may or may not be listed; a context that is cancelled while a reply
// is awaited ends the wait only at its deadline, or after 2 s.
package rediskv
