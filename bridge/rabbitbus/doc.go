// Package rabbitbus is edge.Bus on RabbitMQ 3.10 or newer, over AMQP 0-9-1.
//
//	bus, err := rabbitbus.Open(ctx, rabbitbus.Config{
//		URL:          "amqps://labbox@broker.lab/lab",
//		PasswordFile: "/run/secrets/broker",
//		CAFile:       "/etc/labbox/ca.pem",
//		Memory:       kv, // shared by all processes: remembers job ids
//	})
//	if err != nil {
//		return err // the configuration can never work
//	}
//	defer bus.Close()
//	sub, err := bus.Subscribe(edge.Subject("*", "*", edge.KindState), func(m edge.Msg) { ... })
//
// Open does not wait for the broker and does not fail when it is away: a process
// that owns devices must make them safe first. The Bus connects in the
// background, for ever, and Health says since when and why it is down.
//
// # Mapping
//
//   - Live: topic exchange labbox.live, routing key = subject, a trailing ">" is
//     "*.#". One exclusive queue per process and edge/fanout behind it. A process
//     hears its own messages directly and drops what comes back, so that they
//     arrive without the broker, too, and in order.
//   - Requests: the requester asks on topic exchange labbox.ask who serves the
//     subject (mandatory: nobody is known at once), then sends the request to the
//     queue of one that answered and remembers it for the next. So exactly one
//     serves it, however many patterns and processes match. Answers come by direct
//     reply-to. A request to a server in the same process needs no broker.
//   - Durable: quorum queue labbox.job.NAME with publisher confirms and mandatory,
//     delivery limit, reject-publish, and at-least-once dead-lettering by direct
//     exchange labbox.dead to labbox.dead.NAME. The queue's settings are its
//     dead-letter routing key: the broker itself refuses another declaration.
//
// Every connection starts from nothing and declares what the process needs; the
// client library's own Recovery is not used. It does not cover the first
// connection, waits a fixed time plus half a second at random, skips what it
// cannot redeclare, and its Close waits for a reconnect under way. Publishing and
// consuming have a connection each: a broker that takes no messages (memory or
// disk alarm) still hands out jobs.
//
// # Job ids
//
// RabbitMQ does not deduplicate. The process that stored an id within Queue.Dedup
// knows so and stores nothing. All other copies (another process, a confirm lost
// with the connection) are stored and dropped before they reach a handler: the
// first copy taken makes itself the owner of its id in Config.Memory, atomically;
// the owner may be delivered again, other copies may not. Known limits:
//   - a dropped copy counts for Queue.MaxBytes until its turn comes;
//   - Dedup is measured between the publishers' clocks, so it is off by their skew;
//   - a copy that waits in the queue for more than Dedup and 24 hours is a new job;
//   - while Memory cannot be reached consumers wait, holding their job;
//   - without Memory each consuming process has its own, lost with it.
//
// # Known limits
//
//   - AckWait and RetryDelay are kept here. Both must stay below the broker's
//     consumer_timeout (30 minutes by default): beyond it the broker takes the job.
//     A process that is frozen as a whole loses its jobs after two heartbeats.
//   - A job that waits for RetryDelay comes at once if its consumer closes.
//   - MaxBytes: 3/4 for jobs, 1/4 for jobs set aside. RabbitMQ stops publishers
//     late: a few hundred jobs under way may still get in.
//   - Dead takes the jobs and hands them back; another process that looks at the
//     same moment sees fewer.
//   - The client library hangs up on a wrong password without the broker's reason;
//     a broker that stops in the middle of a handshake looks the same for a moment.
//   - A queue deleted and declared again within milliseconds leaves RabbitMQ 3.10's
//     consumers deaf; Enqueue waits half a second before it declares a lost one.
package rabbitbus
