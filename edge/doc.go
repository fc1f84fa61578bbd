// Package edge holds the lab's own words (Device, Batch, Command, Lease, Run)
// and the seams that the rest of labbox is built against: Bus, KV, Clock, Sink.
//
// It imports the standard library only. Adapters (natsbus, rediskv, minikv,
// rabbitbus) and lab logic (turn, class, record, experiment) import edge; edge
// imports none of them.
//
// Who decides: the process that owns a device's port (its owner) alone grants
// the lease, checks the limits and sends the safe state. Whatever travels over
// the Bus is a request to the owner or news from it; whatever lies in the KV is
// a copy for others to read.
//
// A web process asks the owner to carry out a command like this:
//
//	body, _ := json.Marshal(edge.Ask{Verb: edge.VerbCommand, Device: "pendulum",
//		Actor: actor, Fence: lease.Fence, Command: &edge.Command{Name: "drive",
//			Args: edge.Args{"power": edge.Number(40)}}})
//	reply, err := bus.Request(ctx, edge.Subject("bench", "pendulum", edge.KindDo), body)
package edge
