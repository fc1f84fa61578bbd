package edge

import "time"

// Picture is one picture of a camera. It is shared: nobody changes it.
type Picture struct {
	JPEG          []byte // one whole baseline or progressive JPEG
	Width, Height int    // pixels, as its header says
	// At is the box's monotonic time when the picture was complete, that of the
	// samples of the same owner process.
	At     time.Duration
	WallMS int64  // Unix ms, for people
	Seq    uint64 // counts what the camera has given since the owner started
}

// SeenFor is how long a word on who watches a camera counts; it is renewed every
// second.
const SeenFor = 5 * time.Second

// CameraState is where a camera stands.
type CameraState string

// The states of a camera. A camera that nobody watches and no run records is idle:
// its source is closed.
const (
	CameraIdle     CameraState = "idle"
	CameraStarting CameraState = "starting" // the source is open, no picture yet
	CameraLive     CameraState = "live"
	CameraLost     CameraState = "lost"    // Reason says why; it is tried again
	CameraCovered  CameraState = "covered" // by a teacher: its source is closed, nobody gets a picture
)

// Camera is the owner's word on one camera.
type Camera struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Description Text   `json:"description,omitempty"` // what it shows, for who cannot see it
	// Devices are those that it shows; none: any.
	Devices []string `json:"devices,omitempty"`
	Source  string   `json:"source"` // usb, http, snapshot, program, rtsp, pattern, sim
	Masked  bool     `json:"masked,omitempty"`

	State   CameraState `json:"state"`
	SinceMS int64       `json:"since_ms"` // box monotonic time of the last change of State
	Reason  *Error      `json:"reason,omitempty"`
	Covered *Stop       `json:"covered,omitempty"`

	Width  int     `json:"width,omitempty"` // of the newest picture
	Height int     `json:"height,omitempty"`
	RateHz float64 `json:"rate_hz,omitempty"` // measured over the last seconds
	LastMS int64   `json:"last_ms,omitempty"` // box monotonic time of the newest picture; 0: none yet
	NowMS  int64   `json:"now_ms"`            // box monotonic time of this word, to tell ages

	Viewers []SeatRef `json:"viewers,omitempty"` // who watches now
	Runs    []string  `json:"runs,omitempty"`    // ids of the runs that keep its pictures
}

// Shows says whether a camera is shown beside a device.
func (c *Camera) Shows(device string) bool {
	for _, d := range c.Devices {
		if d == device {
			return true
		}
	}
	return len(c.Devices) == 0
}

// PictureAsk says that a run keeps pictures, too.
type PictureAsk struct {
	// Cameras are their ids; none: all that show the device.
	Cameras []string `json:"cameras,omitempty"`
	// RateHz is how many pictures a second are kept, 0: as the box file says.
	RateHz float64 `json:"rate_hz,omitempty"`
}
