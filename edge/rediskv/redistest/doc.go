// Package redistest starts real Redis servers for tests, each on a private port
// and directory, and does to them what happens to servers: kill, stop, pause,
// restart.
//
//	s := redistest.Start(t, "--maxmemory", "8mb")
//	kv, err := rediskv.Open(t.Context(), s.URL())
//	s.Kill()
//	s.Restart(t) // the same data, the same address
//
// A server keeps an append-only file with appendfsync always, unless arguments
// say otherwise. It ends with the test, and also when the test's process dies
// without cleaning up. Where redis-server (Debian package redis-server, 7.0) is
// missing, the test is skipped, or fails with LABBOX_REQUIRE_PEERS=1.
//
// Known limits: Unix only; a Cluster has masters without replicas.
package redistest
