// Package fanout is the part of a Bus that no broker does for it: one stream of
// live messages per process goes to any number of subscribers, each with a
// bounded queue and a goroutine of its own, so that a slow one loses messages of
// its own only.
//
// An adapter feeds a Table with what its broker sends, and with what the process
// itself publishes:
//
//	t := fanout.New(1024, 32<<20, func(pattern string) { ... tell the broker ... })
//	sub, err := t.Subscribe("lab.bench.*.live", func(m edge.Msg) { ... })
//	t.Deliver(edge.Msg{Subject: "lab.bench.disk.live", Data: frame})
//
// Gate makes Close of a subscription wait for its handler, unless it is called
// from inside it. Names checks subjects and patterns as edge.Bus defines them.
package fanout
