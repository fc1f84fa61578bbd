// Package minikv is the edge box's store: miniredis in this process, made fit
// to keep state. It speaks the Redis protocol, so rediskv is its edge.KV too.
//
//	store, err := minikv.Open(ctx, minikv.Config{Server: broker})
//	if err != nil {
//		return err
//	}
//	defer store.Close()
//	err = store.KV().Set(ctx, edge.Key("bench", "note"), []byte("hello"), time.Hour)
//
// # What is the truth
//
// A JetStream stream on disk is; miniredis holds what it says in memory. A gate
// in front of every command lets reads pass, refuses whatever is not on a list,
// and applies a write under one lock. The after-images of the keys it touched
// join the batch that gathers while the last one is being written; one stream
// message holds one batch, so that a batch is there as a whole or not at all.
// Replies wait until the stream has acknowledged the batch and the broker has
// synced it (natsbus.Server.Commit). A read of a key whose write is not durable
// yet waits as well, so nobody has seen a value that a power cut takes back.
//
// When the log has grown to several times the live data, it is written anew as
// the next generation of the stream and the old one is deleted. A file beside
// the streams names the generation that counts.
//
// If a batch cannot be written, those who wait for it get
// edge.CodeUnknownOutcome and the store refuses everything with
// edge.CodeStoreDown until it is opened again.
//
// # Time
//
// TTLs run on the monotonic clock: every key that expires has its deadline in a
// heap, and each command first removes what is due, so an expired value is never
// seen. miniredis keeps that deadline too, in the place of the ttl (sentinel in
// expiry.go), so that commands which keep, move or end a ttl do so by themselves.
// The log has deadlines on the monotonic clock of a boot, and what the calendar
// said at that boot's start: one record moves all deadlines when the calendar
// is set. After a restart a key has never more left than when it was written.
//
// # Known limits
//
// Commands off the list are refused, also in scripts: streams, geo, HyperLogLog,
// blocking pops, per-field ttl, EXPIRE with GT or LT, TTL inside MULTI, databases
// other than 0, FLUSHALL. EXPIREAT and SET EXAT count from the system's calendar.
// A ttl must be under 200 years. Scripts stall everybody while they run. Commands
// of one connection are answered one after another, so a pipeline of writes costs
// a sync each; writers on connections of their own share one.
// Specification: https://redis.io/docs/latest/commands/, as far as miniredis
// 2.40 follows it.
package minikv
