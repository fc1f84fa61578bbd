// Package fanout is the part of a Bus that no broker does for it, the same for
// every adapter. One stream of live messages per process goes to any number of
// subscribers, each with a bounded queue and a goroutine of its own, so that a
// slow one loses messages of its own only.
//
// An adapter feeds a Table with what its broker sends, and with what the process
// itself publishes; a Group ends its subscriptions of every kind:
//
//	table, group := fanout.New(1024, 32<<20), fanout.NewGroup()
//	sub := table.Subscribe("lab.bench.*.live", func(m edge.Msg) { ... })
//	ok := group.Add(sub)
//	table.Deliver(edge.Msg{Subject: "lab.bench.disk.live", Data: frame})
//	err := group.Close(func() { conn.Close() })
//
// A Loop is a Consume's. Gate makes Close of a subscription wait for its handler,
// unless it is called from inside it. The Check functions refuse names, ids and
// queues that are not as package edge defines them.
//
// Limit: Group.Close knows the handler it is called from by its goroutine only.
package fanout
