package edge

// Ask is a request to the owner of a device, JSON on KindDo (or KindStop).
type Ask struct {
	Verb   Verb   `json:"verb"`
	Device string `json:"device"`
	Actor  Actor  `json:"actor"`
	// Fence is the fencing number of the lease the asker believes it holds.
	Fence uint64 `json:"fence,omitempty"`
	// Tick is the newest heartbeat of the owner that the asker has heard. The owner
	// refuses to take, beat, resume and clear for one that is too old, as it does
	// for a command: what a broker held back is not carried out later.
	Tick    Tick     `json:"tick,omitzero"`
	Command *Command `json:"command,omitempty"`
	Run     *RunAsk  `json:"run,omitempty"`
	// Wait, with take: stand in the queue where somebody drives. Over, with take,
	// by a teacher: whoever drives is put off.
	Wait bool `json:"wait,omitempty"`
	Over bool `json:"over,omitempty"`
	// To is who gets the turn (grant) or shares it (pair), as the process that
	// knows the seats has found them.
	To     *Actor           `json:"to,omitempty"`
	Limits map[string]Limit `json:"limits,omitempty"` // narrow: all there are; none: those of the bench
	Rules  *TurnRules       `json:"rules,omitempty"`
	Seats  []string         `json:"seats,omitempty"` // present: ids
}

// Limit is a narrower range, by "command.param" or by channel id.
type Limit struct {
	Min *float64 `json:"min,omitempty"`
	Max *float64 `json:"max,omitempty"`
}

// TurnRules are the times of turns, ms.
type TurnRules struct {
	// TurnMS is how long a turn lasts where somebody waits; 0: as long as its
	// driver likes. Where nobody waits it goes on.
	TurnMS int64 `json:"turn_ms"`
	// WarnMS is how long before its end a driver is told, and the least that is
	// left of a turn when somebody begins to wait.
	WarnMS int64 `json:"warn_ms"`
	// IdleMS ends the turn of who gives no command while somebody waits; 0: never.
	IdleMS int64 `json:"idle_ms"`
}

// Command is one command to a device.
type Command struct {
	Name string `json:"name"`
	Args Args   `json:"args"`
	// Key makes the command idempotent: the same key with the same content
	// is carried out once and answered again with the first outcome.
	Key string `json:"key"`
	// Tick is the newest heartbeat of the owner that the sender has seen; older
	// than the declared age and the command is refused (CodeStaleTick).
	Tick Tick `json:"tick"`
	// WithinMS is how long after the owner received it the command may still go
	// out, at most and by default 2000.
	WithinMS int `json:"within_ms,omitempty"`
}

// RunAsk are the parameters of the run verbs.
type RunAsk struct {
	ID           string `json:"id,omitempty"`
	Name         string `json:"name,omitempty"`
	Notes        string `json:"notes,omitempty"`
	PreTriggerMS int64  `json:"pre_trigger_ms,omitempty"`
	Text         string `json:"text,omitempty"` // of an annotation
	// Pictures: the run keeps pictures of cameras, too.
	Pictures *PictureAsk `json:"pictures,omitempty"`
}

// Answer is the owner's reply to an Ask that was carried out; refusals are
// errors. Only the fields that belong to the verb are set.
type Answer struct {
	Lease  *LeaseInfo     `json:"lease,omitempty"`
	Result *CommandResult `json:"result,omitempty"`
	Stop   *StopResult    `json:"stop,omitempty"`
	Run    *Run           `json:"run,omitempty"`
	// Place is where the asker stands in the queue, 1 is next; 0: not in it.
	Place int `json:"place,omitempty"`
	// Device is the id of the simulated twin (rehearse).
	Device string `json:"device,omitempty"`
}

// CommandResult says what the device answered.
type CommandResult struct {
	Command string `json:"command"`
	Key     string `json:"key"`
	// Outcome: confirmed (the device said or showed so), sent (the type declares
	// no way to know). Everything else is an error.
	Outcome string `json:"outcome"`
	// Reply is the device's own text, where it gave one.
	Reply string `json:"reply,omitempty"`
	// Again is set when this is the remembered outcome of an earlier use of Key.
	Again  bool  `json:"again,omitempty"`
	SentUS int64 `json:"sent_us"` // box monotonic time when the bytes went out
	TookUS int64 `json:"took_us"` // from then to the device's answer
}

// Outcomes of a command.
const (
	OutcomeConfirmed = "confirmed"
	OutcomeSent      = "sent"
)

// StopResult says how far an emergency stop got. Confirmed false must be shown
// as NOT CONFIRMED.
type StopResult struct {
	Latched   bool   `json:"latched"`
	Confirmed bool   `json:"confirmed"`
	Reason    *Error `json:"reason,omitempty"`
}

// Event is something that happened, for the log beside the plot, the run and
// the audit.
type Event struct {
	Box    string         `json:"box"`
	Device string         `json:"device"`
	Seq    uint64         `json:"seq"`     // per device and owner process
	MonoUS int64          `json:"mono_us"` // box monotonic time
	WallMS int64          `json:"wall_ms"` // Unix ms, for people
	Code   string         `json:"code"`    // state, lease, command, refused, safe, estop, gap, text, run, note
	Actor  *Actor         `json:"actor,omitempty"`
	Args   map[string]any `json:"args,omitempty"`
}

// Run is a window of a device's recording with its metadata.
type Run struct {
	ID       string   `json:"id"`
	Device   string   `json:"device"`
	Name     string   `json:"name"`
	Notes    string   `json:"notes,omitempty"`
	By       SeatRef  `json:"by"`
	State    string   `json:"state"` // recording, done, interrupted
	Contract string   `json:"contract"`
	Type     string   `json:"type"`
	StartMS  int64    `json:"start_ms"` // wall clock, Unix ms
	LengthMS int64    `json:"length_ms"`
	Samples  uint64   `json:"samples"`
	Lost     uint64   `json:"lost"`
	Gaps     int      `json:"gaps"`
	Bytes    int64    `json:"bytes"`
	Cameras  []string `json:"cameras,omitempty"` // whose pictures it keeps
	Notices  []string `json:"notices,omitempty"` // such as "interrupted: the box stopped"
}

// Sink is given everything a device says, by its owner, in order. Frames are
// encoded (edge/frame) and valid only during the call. A Sink must not block.
type Sink interface {
	// Stream announces the contract of the frames that follow, before the first
	// of them and whenever the epoch changes.
	Stream(device string, epoch uint32, c *Contract)
	Frame(device string, frame []byte)
	Event(device string, e *Event)
}
