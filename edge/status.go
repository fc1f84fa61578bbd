package edge

// State is where a device's supervisor stands.
type State string

// The nine states. Only a live device obeys commands.
const (
	StateAbsent      State = "absent"      // no port
	StateOpening     State = "opening"     // port being opened
	StateBooting     State = "booting"     // open; the device resets or starts up
	StateIdentifying State = "identifying" // waiting for proof that it is the declared type
	StateSafing      State = "safing"      // the safe sequence runs, not confirmed yet
	StateLive        State = "live"        // data flows, safe state was confirmed
	StateStale       State = "stale"       // connected, but no data for Contract.StaleMS
	StateFault       State = "fault"       // refused: wrong type, wrong length, garbage only
	StateQuarantined State = "quarantined" // safe state could not be confirmed
)

// Status is the owner's word on one device, published on every change and at
// least once a second, with a copy in the KV.
type Status struct {
	Box      string `json:"box"`
	Device   string `json:"device"`
	Name     string `json:"name"`
	Type     string `json:"type"`
	Port     string `json:"port"`
	Contract string `json:"contract"` // hash; the contract itself is at ContractKey
	State    State  `json:"state"`
	SinceMS  int64  `json:"since_ms"` // box monotonic time of the last change of State
	Reason   *Error `json:"reason,omitempty"`
	// Safe is the last known outcome of the safe sequence: confirmed, pending,
	// unconfirmed, or none where the type has no safe sequence.
	Safe string `json:"safe"`
	// Stopped is set while the emergency stop is latched.
	Stopped *Stop      `json:"stopped,omitempty"`
	Lease   *LeaseInfo `json:"lease,omitempty"`
	// Queue is who waits, the next first.
	Queue []Waiting `json:"queue,omitempty"`
	// Rules are the turn rules that apply now.
	Rules TurnRules `json:"rules"`
	// Hold is set while a teacher has frozen the device.
	Hold *Stop `json:"hold,omitempty"`
	// Limits are those that a teacher has narrowed live, by "command.param" or
	// channel id; they are in the contract, too.
	Limits map[string]Limit `json:"limits,omitempty"`
	// Rehearsal is set for a simulated twin.
	Rehearsal *Rehearsal  `json:"rehearsal,omitempty"`
	Stream    StreamInfo  `json:"stream"`
	Tick      Tick        `json:"tick"`
	Run       string      `json:"run,omitempty"` // id of the run that records now
	Counts    StatusCount `json:"counts"`
}

// Outcomes of the safe sequence in Status.Safe.
const (
	SafeConfirmed   = "confirmed"
	SafePending     = "pending"
	SafeUnconfirmed = "unconfirmed"
	SafeNone        = "none"
)

// StreamInfo names the live stream, for frames on KindLive.
type StreamInfo struct {
	ID     uint64  `json:"id"`
	Epoch  uint32  `json:"epoch"`
	Seq    uint64  `json:"seq"`     // next sample's number
	RateHz float64 `json:"rate_hz"` // measured over the last seconds
}

// StatusCount counts what went wrong since the owner started.
type StatusCount struct {
	Samples    uint64 `json:"samples"`
	Lost       uint64 `json:"lost"`    // samples known missing
	Garbage    uint64 `json:"garbage"` // lines or frames not understood
	Reconnects uint64 `json:"reconnects"`
	Commands   uint64 `json:"commands"`
	Refused    uint64 `json:"refused"` // commands refused by the owner
}

// Stop is a latched emergency stop.
type Stop struct {
	By     Actor `json:"by"`
	WallMS int64 `json:"wall_ms"` // when, Unix ms, for people
}

// Tick is the owner's heartbeat. Owner changes with every start of the owner
// process, N counts up while it runs; MonoMS is the owner's monotonic clock.
// A command names the newest Tick its sender has seen.
type Tick struct {
	Owner  uint32 `json:"owner"`
	N      uint64 `json:"n"`
	MonoMS int64  `json:"mono_ms"`
}

// LeaseInfo is what everybody may know of a lease.
type LeaseInfo struct {
	Holder SeatRef `json:"holder"`
	Fence  uint64  `json:"fence"`
	// Away is set while the holder's heartbeat is missing: the device is safe,
	// the turn is kept for LeftMS more.
	Away    bool  `json:"away,omitempty"`
	SinceMS int64 `json:"since_ms"`          // box monotonic time of the grant
	LeftMS  int64 `json:"left_ms,omitempty"` // until it ends by itself, 0: no end known
	// Partner drives, too.
	Partner *SeatRef `json:"partner,omitempty"`
	// Why LeftMS counts down: away, turn (somebody waits), idle (no command).
	Why string `json:"why,omitempty"`
	// Warn is set once LeftMS is below the rules' WarnMS.
	Warn bool `json:"warn,omitempty"`
}

// Reasons in LeaseInfo.Why.
const (
	LeftAway = "away"
	LeftTurn = "turn"
	LeftIdle = "idle"
)

// Waiting is one place in a queue.
type Waiting struct {
	Seat SeatRef `json:"seat"`
	// ExpectMS is about how long it is until this seat's turn, -1: nobody knows.
	ExpectMS int64 `json:"expect_ms"`
	Away     bool  `json:"away,omitempty"` // not connected; who stays so is passed over
}

// Rehearsal says whose simulated twin of which device a device is. Only that seat
// sees it.
type Rehearsal struct {
	Of   string `json:"of"`
	Seat string `json:"seat"`
	Over bool   `json:"over,omitempty"` // it is no more; nothing follows
}

// SeatRef names a seat without its secret.
type SeatRef struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// StatusKey is where a device's Status is copied to.
func StatusKey(box, device string) string { return Key(box, "status", device) }

// StatusPrefix is the common prefix of all StatusKeys of a box.
func StatusPrefix(box string) string { return Key(box, "status", "") }

// ContractKey is where a Contract lies as JSON, by its hash.
func ContractKey(box, hash string) string { return Key(box, "contract", hash) }
