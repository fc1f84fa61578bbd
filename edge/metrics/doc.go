// Package metrics counts what a labbox does, for Prometheus: devices, commands,
// turns, broker and store. It wraps the seams of package edge, so that nothing
// else knows of it:
//
//	m := metrics.New("bench-3", version, clock)
//	bus, kv = m.Bus(bus), m.KV(kv)           // before anybody uses them
//	sinks := []edge.Sink{owner, m.Sink()}    // beside the others
//	m.Devices(func() []edge.Status { ... })  // the supervisors' own word
//	stop := m.Do(owner.Do)                   // for calls that take no Bus
//	mux.Handle("/metrics", m.Handler())
//
// Every metric is named labbox_, carries its unit in its name (_seconds, _bytes,
// _total) and the box's name as a label. All other labels are bounded: devices
// and queues of this box, verbs, kinds of subject and error codes; never a seat,
// a name or a text. What is in none of these sets counts as "other".
// docs/ref/metrics.md lists them all.
//
// The text format is that of https://prometheus.io/docs/instrumenting/exposition_formats/.
//
// Known limits: waits for a lease are those of seats that asked before and were
// refused; a seat that gave up is not counted. Reconnects of a broker that does
// not count them itself are those that somebody's request or a scrape noticed.
package metrics
