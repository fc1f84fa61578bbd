// Package turn keeps one device's turns: who drives, with which fencing number,
// whether the driver is still there, who waits, and when a turn ends. It runs in
// the process that owns the device, decides on that process's monotonic clock,
// starts no goroutine and waits for nobody.
//
// Two graces: after Grace without a heartbeat the holder is away and the device
// must go safe; after Keep without one the turn is over. A reload or a dip of
// the Wi-Fi costs no turn that way.
//
//	k := turn.NewKeeper(turn.Config{Grace: 2 * time.Second, Keep: 30 * time.Second, Rules: turn.DefaultRules()})
//	if err := k.May(now, actor); err != nil { // somebody drives, or waits
//		place, err := k.Wait(now, actor)
//		...
//	}
//	lease, err := k.Grant(now, actor, fence) // fence is durable already
//	...
//	switch k.Advance(clock.Mono()) {
//	case turn.WentAway, turn.Ended: // send the safe sequence
//	}
//	if _, ok := k.Next(); ok && deviceIsSafe { // fence: a newer number, durable
//		lease, err = k.Call(clock.Mono(), fence)
//	}
//
// Fencing tokens are those of Kleppmann, "How to do distributed locking" (2016):
// each grant carries a number greater than all before it, and the one who writes
// to the device refuses any other.
//
// The queue is first come, first served. A turn ends, besides by its holder's
// word and by absence, only while somebody who is there waits: after TurnMS, or
// after IdleMS without a command, and never sooner than WarnMS after somebody
// began to wait. These clocks stand while the device obeys nobody (Stand).
//
// Who waits is away after Unseen without a word of a web process (Present), is
// passed over then, and loses the place Drop later.
//
// Known limits: a Snapshot does not hold how much of a turn was used, so that a
// turn begins anew after a restart. The leases of experiments, and those that a
// teacher took over, have no end but by absence and by word.
package turn
