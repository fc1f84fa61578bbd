// Package rabbittest starts a RabbitMQ of the test's own, from the Debian package
// rabbitmq-server: private ports, a temporary directory, one Erlang scheduler. It
// never touches a broker that runs on the machine, and leaves no process behind,
// not even when the test binary is killed.
//
//	srv := rabbittest.Start(t)
//	bus, err := rabbitbus.Open(ctx, rabbitbus.Config{URL: srv.URL()})
//	srv.Kill()    // kill -9
//	srv.Restart() // on the same storage and port
//
// A boot takes about 3 s, so a test binary with several tests keeps one Server:
// Launch needs no testing.TB and Close ends it in TestMain.
//
// Known limits: Linux only (elsewhere Start skips); rabbitmqctl takes about a
// second per call.
package rabbittest
