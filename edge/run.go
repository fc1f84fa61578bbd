package edge

import "encoding/json"

// RunDetail is all that a page needs of a run besides its samples. Times are ms since
// the run was started; what was before, its pre-trigger time, is negative.
type RunDetail struct {
	Run          Run             `json:"run"`
	PreTriggerMS int64           `json:"pre_trigger_ms"`
	Contract     json.RawMessage `json:"contract,omitempty"` // as it was; null where it is not known
	Annotations  []RunNote       `json:"annotations"`
	Events       []RunEvent      `json:"events"`
	EventsCut    bool            `json:"events_cut,omitempty"` // there are more
	Pictures     []RunPictures   `json:"pictures"`
}

// RunNote is a note at a moment of a run.
type RunNote struct {
	TimeMS int64   `json:"time_ms"`
	Text   string  `json:"text"`
	By     SeatRef `json:"by"`
}

// RunEvent is what happened at a moment of a run.
type RunEvent struct {
	TimeMS int64           `json:"time_ms"`
	Event  json.RawMessage `json:"event"` // an Event
}

// RunPictures are the pictures that a run keeps of one camera.
type RunPictures struct {
	Camera      string  `json:"camera"`
	Name        string  `json:"name"` // as it was
	Description Text    `json:"description,omitempty"`
	TimesMS     []int64 `json:"times_ms"` // of each picture, growing
	Bytes       int64   `json:"bytes"`
	// Ended says why no more were kept before the run's end: full.
	Ended string `json:"ended,omitempty"`
}
