// Package faults breaks a line on purpose: bytes that are lost or turned over,
// messages in pieces or late, devices that freeze, fall silent, babble, are pulled
// out or start again. It stands between a driver and any transport.Opener, so
// that the driver in front of it is the real one.
//
//	f, err := faults.Parse(map[string]any{"drop": 0.01, "unplug-every": "10s"})
//	...
//	o := faults.New(opener, f, faults.Options{Seed: 1})
//	port, err := o.Open(ctx) // a byte in a hundred is lost, both ways
//	o.Begin(faults.Mute)     // nothing of the device arrives
//	o.End(faults.Mute)
//
// What is drawn by lot comes from the seed; the same bytes in the same pieces
// fare the same. Two kinds:
//
//   - Always on, by their size: drop and corrupt (a byte of a stream, a message of
//     a line of messages, both ways unless one-way), split, glue, delay, jitter
//     (of what the device sends).
//   - Spells, that begin and end, by hand or by the clock: see Kind.
//
// A wire without a check of its own cannot tell a corrupted digit from a good one;
// nor can anybody behind it. Known limits: a line of messages keeps its messages
// whole, so split and glue do nothing there.
package faults
