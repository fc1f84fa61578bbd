package experiment

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"

	"labbox/edge"
)

// State is where an experiment stands.
type State string

// The states. The last four are final.
const (
	Pending     State = "pending"
	Running     State = "running"
	Done        State = "done"
	Failed      State = "failed"      // refused by the device or its owner, see Reason
	Interrupted State = "interrupted" // the box stopped while it ran
	Cancelled   State = "cancelled"
)

// Final says whether a state is the last one.
func (s State) Final() bool { return s != Pending && s != Running }

// Experiment is what everybody may know of one.
type Experiment struct {
	ID     string       `json:"id"`
	Device string       `json:"device"`
	Name   string       `json:"name,omitempty"`
	By     edge.SeatRef `json:"by"`
	State  State        `json:"state"`
	// Place in the device's queue while it is pending, 1 is next.
	Place int `json:"place,omitempty"`
	// Reason says what a pending one waits for, besides those before it, or why
	// one failed or was interrupted.
	Reason      *edge.Error   `json:"reason,omitempty"`
	CancelledBy *edge.SeatRef `json:"cancelled_by,omitempty"`
	Step        int           `json:"step"`     // index of the step under way, or where it ended
	Progress    float64       `json:"progress"` // 0 to 1
	Steps       []Step        `json:"steps,omitempty"`
	Outcomes    []Outcome     `json:"outcomes,omitempty"`
	// Values are the last samples before the lease was given back, by channel.
	Values map[string]float64 `json:"values,omitempty"`
	Run    string             `json:"run,omitempty"` // id of its recording
	// Safe says how far the safe sequence got afterwards, as in edge.Status.
	Safe        string `json:"safe,omitempty"`
	Contract    string `json:"contract"` // hash of the contract it was checked against
	LengthMS    int64  `json:"length_ms"`
	SubmittedMS int64  `json:"submitted_ms"` // Unix ms, as the other two
	StartedMS   int64  `json:"started_ms,omitempty"`
	EndedMS     int64  `json:"ended_ms,omitempty"`
}

// Outcome is what became of a step.
type Outcome struct {
	Step int   `json:"step"`
	AtMS int64 `json:"at_ms"` // since the start
	// Outcome is that of the command (edge.OutcomeConfirmed, OutcomeSent), done for
	// other steps, failed with Reason.
	Outcome  string      `json:"outcome"`
	Reply    string      `json:"reply,omitempty"` // the device's own text, the last one of a ramp
	TookUS   int64       `json:"took_us,omitempty"`
	Commands int         `json:"commands,omitempty"` // that a ramp gave
	Reason   *edge.Error `json:"reason,omitempty"`
}

// Outcomes of steps besides those of commands.
const (
	outcomeDone   = "done"
	outcomeFailed = "failed"
)

// brief is what a push says: no steps.
func (x Experiment) brief() Experiment {
	x.Steps, x.Outcomes = nil, nil
	return x
}

// phase is how far the worker got, in its own store.
type phase string

const (
	accepted  phase = "accepted"
	started   phase = "started"
	ended     phase = "ended"     // the shared store may not know yet
	known     phase = "known"     // nothing left to do: it only must not run again
	withdrawn phase = "withdrawn" // cancelled before it was heard of
)

// entry is an experiment as it is stored and queued. It says all that is needed
// to run it once and to write its record anew.
type entry struct {
	V       int         `json:"v"`
	Actor   edge.Actor  `json:"actor"`
	Content string      `json:"content"` // hash of what was submitted
	Cancel  *edge.Actor `json:"cancel,omitempty"`
	Exp     Experiment  `json:"experiment"`

	// The worker's own, in its local store only.
	Phase phase  `json:"phase,omitempty"`
	Seq   uint64 `json:"seq,omitempty"`
	Life  string `json:"life,omitempty"` // of the worker that started it
}

const version = 1

// message is a job: a submission or a cancellation.
type message struct {
	V      int         `json:"v"`
	Submit *entry      `json:"submit,omitempty"`
	Cancel string      `json:"cancel,omitempty"` // id
	Actor  *edge.Actor `json:"actor,omitempty"`  // who cancels
}

// Queue is the durable queue of a device's experiments. A job stays there only
// until the worker has it in its own store. Upper case cannot stand in a name.
func Queue(box, device string) edge.Queue {
	return edge.Queue{Name: "EXP-" + device + "-AT-" + box, MaxTries: 5, RetryDelay: 200 * time.Millisecond,
		AckWait: 30 * time.Second, Dedup: time.Hour, MaxBytes: 4 << 20}
}

func recordKey(box, id string) string   { return edge.Key(box, "experiment", id) }
func lineKey(box, device string) string { return edge.Key(box, "experiments", device) }
func localKey(box, id string) string    { return edge.Key(box, "experiment-own", id) }

// idOf names a submission: the same seat and key give the same id. Without a key
// it is random.
func idOf(box, seat, key string) string {
	if key == "" {
		key = "\x00" + rand.Text()
	}
	sum := sha256.Sum256([]byte(box + "\x00" + seat + "\x00" + key))
	return "e" + strings.ToLower(base32.StdEncoding.EncodeToString(sum[:15]))
}

func checkID(id string) bool {
	return len(id) == 25 && strings.Trim(id, "abcdefghijklmnopqrstuvwxyz234567") == ""
}

// contentOf names what was submitted.
func contentOf(r *Request) string {
	b, err := json.Marshal(struct {
		Device, Name string
		Steps        []Step
	}{r.Device, r.Name, r.Steps})
	if err != nil { // a number without a JSON form cannot be read from JSON
		return ""
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16])
}

func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("experiment: " + err.Error()) // every number came from JSON or was checked
	}
	return b
}

// mayCancel says who may: whoever submitted it, or a teacher.
func (e *entry) mayCancel(a edge.Actor) error {
	if err := edge.Authorize(a, edge.VerbCancel, e.Exp.Device); err != nil {
		return err
	}
	if a.Seat != e.Actor.Seat && a.Role != edge.RoleTeacher && a.Role != edge.RoleOperator {
		return edge.Errorf(edge.CodeForbidden, "the experiment is %s's", e.Exp.By.Name).With("by", e.Exp.By.Name).
			WithHint("ask %s or a teacher", e.Exp.By.Name)
	}
	return nil
}

// cancelled ends an entry that nobody started.
func (e *entry) cancelled(by edge.Actor, wallMS int64) {
	ref := by.Ref()
	e.Cancel = &by
	e.Exp.State, e.Exp.EndedMS, e.Exp.Place, e.Exp.Reason = Cancelled, wallMS, 0, nil
	e.Exp.CancelledBy = &ref
}
