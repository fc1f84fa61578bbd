package edge

import (
	"fmt"
	"strings"
)

// Kinds are the last word of a subject, lab.<box>.<device>.<kind>.
const (
	KindLive  = "live"  // binary sample frames (edge/frame), at most once
	KindState = "state" // Status as JSON, on every change and every tick
	KindEvent = "event" // Event as JSON
	KindDo    = "do"    // requests to the owner: Ask as JSON, answered by Answer
	KindStop  = "stop"  // emergency stop requests, a path of their own: Ask, Answer
	KindTick  = "tick"  // the owner's heartbeat: Tick as JSON; device is OwnerName

	KindSeat       = "seat"       // id of a seat that was given up; device is OwnerName
	KindClass      = "class"      // the class has changed, or the seat of the id inside; device is OwnerName
	KindExperiment = "experiment" // experiment.Experiment as JSON, without steps
)

// OwnerName stands in the device's place for subjects that concern the owner
// process itself. It is no valid device id.
const OwnerName = "_owner"

// subjectRoot is also the format version of subjects: a second version would
// use another first word.
const subjectRoot = "lab"

// maxName is the longest id in bytes. Four words of this length stay below the
// 255 bytes that RabbitMQ allows a routing key.
const maxName = 48

// CheckName reports whether s may name a box, device, channel, command or
// parameter: 1 to 48 bytes of a-z, 0-9, '_' and '-', starting with a letter or
// digit. The error is a coded *Error (bad_name).
func CheckName(s string) error {
	bad := func(why string) error {
		return Errorf(CodeBadName, "bad name %q: %s", s, why).
			WithHint("use 1 to 48 of a-z, 0-9, _ and -, starting with a letter or a digit")
	}
	if s == "" {
		return bad("empty")
	}
	if len(s) > maxName {
		return bad("longer than 48 bytes")
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		letter := c >= 'a' && c <= 'z' || c >= '0' && c <= '9'
		if !letter && (i == 0 || c != '_' && c != '-') {
			return bad(fmt.Sprintf("%q is not allowed here", c))
		}
	}
	return nil
}

// Subject returns lab.<box>.<device>.<kind>. "*" may stand for any of the three
// to make a pattern for Bus.Subscribe.
func Subject(box, device, kind string) string {
	return subjectRoot + "." + box + "." + device + "." + kind
}

// ParseSubject is the reverse of Subject.
func ParseSubject(s string) (box, device, kind string, ok bool) {
	w := strings.Split(s, ".")
	if len(w) != 4 || w[0] != subjectRoot {
		return "", "", "", false
	}
	return w[1], w[2], w[3], true
}

// keyRoot carries the format version of the KV's keys.
const keyRoot = "lab:1:"

// Key returns the KV key of a box's fact, lab:1:{<box>}:<part>:<part>... The
// braces make every key of one box fall into one slot of a Redis Cluster.
func Key(box string, parts ...string) string {
	return keyRoot + "{" + box + "}:" + strings.Join(parts, ":")
}
