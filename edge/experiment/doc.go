// Package experiment lets people submit work for a device that waits its turn: a
// few bounded steps go in, an id comes back at once, a worker beside the device
// runs them when the device is free, and the result is found by the id.
//
// A Desk is the side of the web processes:
//
//	desk := experiment.NewDesk("bench", bus, shared, clock, experiment.Limits{})
//	r, err := experiment.ParseRequest([]byte(`{"device":"calculator","steps":[
//		{"set":{"command":"compute","args":{"op":"multiply","a":6,"b":7}}}]}`), desk.Limits())
//	x, err := desk.Submit(ctx, actor, contract, r) // x.ID, x.State "pending", x.Place
//	x, err = desk.Get(ctx, x.ID)                   // x.State "done", x.Outcomes[0].Reply
//
// A Worker runs beside the owner of the devices, with a durable store of its own:
//
//	w, err := experiment.NewWorker(experiment.Config{Box: "bench", Devices: ids, Bus: bus,
//		Local: own, Shared: shared, Driver: owner, Clock: clock})
//	err = w.Run(ctx)
//
// Exactly once. An experiment is durable in the shared store and in the device's
// queue before its id is told. The worker takes each id into its own store once,
// then acknowledges the job; from there on neither broker nor shared store decide
// anything. Before the first command it notes there that the experiment was
// started: what was started and has no end when the worker comes back was
// interrupted, and never runs again. Results lie in its own store until the shared
// one has taken them, and after it for the case that the shared one loses all.
//
// Turns. The worker takes a lease like anybody: while a person drives it waits and
// says so. After an experiment the device stays free for a tenth of the time that
// it was used, at least MinGap and at most MaxGap, so that people get their turn
// between two experiments; after a person the next experiment takes the lease as
// soon as the device is safe.
//
// Known limits: a person who keeps the lease keeps experiments waiting, because
// turns of people have no longest time yet. A worker whose own store is lost
// together with the shared one knows nothing of what ran before.
package experiment
