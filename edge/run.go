package edge

import (
	"encoding/json"
	"time"
)

// RunDetail is all that a page needs of a run besides its samples. Times are ms since
// the run was started; what was before, its pre-trigger time, is negative.
type RunDetail struct {
	Run          Run   `json:"run"`
	PreTriggerMS int64 `json:"pre_trigger_ms"`
	// FirstMS is when the first frame of its samples begins; 0 without one. It is
	// what FramesAsk counts from where FromStart is not set.
	FirstMS     int64           `json:"first_ms"`
	Contract    json.RawMessage `json:"contract,omitempty"` // as it was; null where it is not known
	Annotations []RunNote       `json:"annotations"`
	Events      []RunEvent      `json:"events"`
	EventsCut   bool            `json:"events_cut,omitempty"` // there are more
	Pictures    []RunPictures   `json:"pictures"`
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

// RunPicture is one picture that a run keeps.
type RunPicture struct {
	Camera string
	TimeMS int64 // since the run was started
	// Picture has the box's monotonic time of the process that took it, its number
	// within run and camera from 1 on, and no width and height.
	Picture
}

// FramesAsk is the part of a run's sample frames that is wanted, and how. The zero
// value is all of them, as they were recorded.
type FramesAsk struct {
	// From is when they begin, counted from the first sample or, with FromStart, from
	// the run's start; then it may be negative. Frames are whole: the first may begin
	// before.
	From      time.Duration
	FromStart bool
	Length    time.Duration // of the part; 0: up to the end
	// MaxHz makes min/max buckets (edge/frame), at most so many a second; 0: samples.
	MaxHz float64
}
