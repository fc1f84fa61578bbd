// Package natsbus is edge.Bus on a NATS server that runs inside the process,
// with JetStream in the data directory. It needs no port, no account and no
// second program.
//
// Server is the broker and its disk: other packages (minikv) keep streams of
// their own on it. Bus is the adapter.
//
//	srv, err := natsbus.Start(ctx, natsbus.Config{Dir: filepath.Join(data, "broker")})
//	if err != nil {
//		return err
//	}
//	defer srv.Close()
//	bus, err := natsbus.New(srv, natsbus.Options{})
//	if err != nil {
//		return err
//	}
//	defer bus.Close()
//	sub, err := bus.Subscribe(edge.Subject("bench", "*", edge.KindLive), func(m edge.Msg) { ... })
//
// What the disk promises. JetStream has written a message to its file before it
// acknowledges it, so kill -9 takes nothing that was acknowledged. A power cut
// does: up to Config.SyncEvery of it, and a stream younger than that as a whole,
// because its meta files are not synced. Commit closes that gap: it returns once
// everything acknowledged in a stream is on stable storage, and callers that
// come together share one sync. Bus.Enqueue commits; live messages touch no disk.
//
// Known errors of nats-server 2.15, and what is done about them here:
//   - a write that fails (disk full) gets no reply and leaves its stream dead
//     until the server restarts: MaxStore stays below the free space, Health
//     refuses work before the disk is full, and a server with a failed stream is
//     restarted in place once there is room again (connections reconnect);
//   - a damaged block silently loses the messages behind the damage: every
//     stream is counted at boot against a manifest of ours (Damage);
//   - damaged meta files hide a stream: Ensure, called at every boot, brings its
//     messages back.
package natsbus
