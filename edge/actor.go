package edge

// Role says what an actor may do; see Authorize.
type Role string

// Roles, from the least to the most.
const (
	RoleObserver Role = "observer" // looks
	RoleStudent  Role = "student"  // takes turns
	RoleTeacher  Role = "teacher"  // overrides turns, clears quarantine and stops
	RoleOperator Role = "operator" // the box itself, the console
)

// Actor is who asks. It travels with every request, is set by the process that
// authenticated the seat and is written to the event log.
type Actor struct {
	Seat string `json:"seat"`
	Name string `json:"name"`
	Role Role   `json:"role"`
	Via  string `json:"via"` // panel, api, experiment, console
}

// Ref returns the part of the actor that everybody may see.
func (a Actor) Ref() SeatRef { return SeatRef{ID: a.Seat, Name: a.Name} }

// Verb is what an actor asks of an object.
type Verb string

// Verbs. Those that concern a device are answered by its owner (Ask.Verb).
const (
	VerbWatch    Verb = "watch"
	VerbTake     Verb = "take"
	VerbRelease  Verb = "release"
	VerbBeat     Verb = "beat" // heartbeat of the lease's holder
	VerbCommand  Verb = "cmd"
	VerbStop     Verb = "estop"
	VerbResume   Verb = "resume" // after an emergency stop
	VerbClear    Verb = "clear"  // a quarantine, after a self-test
	VerbRunStart Verb = "run.start"
	VerbRunStop  Verb = "run.stop"
	VerbAnnotate Verb = "run.annotate"
	VerbExport   Verb = "run.export"
	VerbDelete   Verb = "run.delete"

	VerbLeave  Verb = "leave"  // the queue
	VerbGrant  Verb = "grant"  // hand the turn over to Ask.To: the holder's own, a teacher anybody's
	VerbPair   Verb = "pair"   // Ask.To drives beside the holder; without To that ends
	VerbRevoke Verb = "revoke" // end whoever's turn
	VerbHold   Verb = "hold"   // freeze: the device goes safe and nobody drives
	VerbUnhold Verb = "unhold"
	VerbNarrow Verb = "narrow" // Ask.Limits apply from now on, within those of type and bench
	VerbRules  Verb = "rules"  // Ask.Rules are the turn rules from now on
	// VerbPresent is a web process's word on which waiting seats are connected to it.
	VerbPresent  Verb = "present"
	VerbRehearse Verb = "rehearse" // a simulated twin of the device for one seat

	VerbCover Verb = "cover" // cover a camera, and uncover it

	VerbClass Verb = "class" // open, change and close a class, see its people
	VerbBox   Verb = "box"   // the box itself: its clock, its accounts

	VerbExperiment Verb = "experiment"        // submit one
	VerbCancel     Verb = "experiment.cancel" // one's own; a teacher's may be anybody's
)

// least is the lowest role that may use a verb.
func least(v Verb) (Role, bool) {
	switch v {
	case VerbWatch, VerbExport:
		return RoleObserver, true
	case VerbStop:
		return RoleObserver, true // anyone in the room
	case VerbTake, VerbRelease, VerbBeat, VerbCommand, VerbRunStart, VerbRunStop, VerbAnnotate,
		VerbLeave, VerbGrant, VerbPair, VerbPresent, VerbRehearse, VerbExperiment, VerbCancel, VerbDelete:
		return RoleStudent, true // the owner looks who holds the turn, the recorder whose run it is
	case VerbResume, VerbClear, VerbRevoke, VerbHold, VerbUnhold, VerbNarrow, VerbRules, VerbCover, VerbClass, VerbBox:
		return RoleTeacher, true
	}
	return "", false
}

// AtLeast says whether r may do what least may.
func (r Role) AtLeast(least Role) bool { return rank(r) >= rank(least) && rank(r) > 0 }

func rank(r Role) int {
	switch r {
	case RoleObserver:
		return 1
	case RoleStudent:
		return 2
	case RoleTeacher:
		return 3
	case RoleOperator:
		return 4
	}
	return 0
}

// Authorize is the one place that says which role may use which verb on an
// object (a device id, or "" for the box). Whether the actor holds the lease is
// the owner's own, later check. nil means yes; else CodeNoSeat or CodeForbidden.
func Authorize(a Actor, v Verb, object string) error {
	if a.Seat == "" || rank(a.Role) == 0 {
		return Errorf(CodeNoSeat, "no seat").WithHint("pick a nickname first")
	}
	min, ok := least(v)
	if !ok || rank(a.Role) < rank(min) {
		return Errorf(CodeForbidden, "a %s may not %s %s", a.Role, v, object).
			With("verb", string(v)).With("role", string(a.Role))
	}
	return nil
}
