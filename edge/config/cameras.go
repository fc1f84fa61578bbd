package config

import (
	"net/url"
	"strconv"
	"strings"
	"unicode"

	"labbox/edge"
)

// Camera is one camera of this bench.
type Camera struct {
	ID          string       `yaml:"id"`
	Name        string       `yaml:"name"`
	Description edge.Text    `yaml:"description"` // what it shows, for who cannot see it
	Devices     []string     `yaml:"devices"`     // beside which it is shown; none: all
	Source      CameraSource `yaml:"source"`
	Rate        float64      `yaml:"rate"`        // pictures per second at most; 0: see PictureRate
	MaxPicture  int          `yaml:"max_picture"` // bytes of one picture; 0: DefaultMaxPicture
	// Mask are rectangles that nobody sees: they are black before a picture leaves the
	// process.
	Mask   []Mask       `yaml:"mask"`
	Record CameraRecord `yaml:"record"`
}

// CameraSource says where pictures come from. Exactly one of USB, HTTP, Snapshot,
// Program, RTSP, Pattern, Sim is given.
type CameraSource struct {
	USB      string   `yaml:"usb"`      // /dev/video0, /dev/v4l/by-id/...; Linux only
	HTTP     string   `yaml:"http"`     // an address that sends MJPEG without end
	Snapshot string   `yaml:"snapshot"` // an address that answers with one JPEG
	Program  []string `yaml:"program"`  // one that writes MJPEG to its standard output, with its arguments
	RTSP     string   `yaml:"rtsp"`     // an address that ffmpeg reads
	Pattern  bool     `yaml:"pattern"`  // a test pattern with a running clock
	Sim      string   `yaml:"sim"`      // id of a simulated device, drawn

	User     string   `yaml:"user"`          // with HTTP, Snapshot, RTSP
	Password string   `yaml:"password_file"` // relative to the box file
	Redirect []string `yaml:"redirect_to"`   // with HTTP, Snapshot: other hosts it may lead to
	Size     string   `yaml:"size"`          // WIDTHxHEIGHT, with USB, RTSP, Pattern, Sim
}

// Mask is a rectangle in percent of the picture, from its top left corner.
type Mask struct {
	X      float64 `yaml:"x"`
	Y      float64 `yaml:"y"`
	Width  float64 `yaml:"width"`
	Height float64 `yaml:"height"`
}

// CameraRecord is what a run keeps of a camera.
type CameraRecord struct {
	Rate  float64 `yaml:"rate"`   // pictures per second; 0: DefaultRecordRate
	MaxMB float64 `yaml:"max_mb"` // of one run, 10^6 bytes; 0: DefaultRecordMB
}

// What holds where a box file says nothing.
const (
	DefaultPictureRate  = 15
	DefaultSnapshotRate = 1
	DefaultMaxPicture   = 4 << 20
	DefaultRecordRate   = 2
	DefaultRecordMB     = 200
	DefaultSize         = "640x480"
)

const (
	maxRate   = 60
	maxSide   = 4096
	maxMasks  = 8
	maxMB     = 100_000
	maxCamera = 32 // cameras of a box
)

// PictureRate is how many pictures a second the camera shows at most.
func (c *Camera) PictureRate() float64 {
	switch {
	case c.Rate > 0:
		return c.Rate
	case c.Source.Snapshot != "":
		return DefaultSnapshotRate
	}
	return DefaultPictureRate
}

// Kind is the one source that is given, by the name of its key.
func (s *CameraSource) Kind() string {
	for _, k := range s.kinds() {
		if k.given {
			return k.key
		}
	}
	return ""
}

type given struct {
	key   string
	given bool
}

func (s *CameraSource) kinds() []given {
	return []given{{"usb", s.USB != ""}, {"http", s.HTTP != ""}, {"snapshot", s.Snapshot != ""}, {"program", len(s.Program) > 0},
		{"rtsp", s.RTSP != ""}, {"pattern", s.Pattern}, {"sim", s.Sim != ""}}
}

// ParseSize reads WIDTHxHEIGHT in pixels; "" is DefaultSize.
func ParseSize(s string) (width, height int, ok bool) {
	if s == "" {
		s = DefaultSize
	}
	a, b, found := strings.Cut(s, "x")
	width, err := strconv.Atoi(a)
	height, err2 := strconv.Atoi(b)
	ok = found && err == nil && err2 == nil && width >= 16 && width <= maxSide && height >= 16 && height <= maxSide
	return width, height, ok
}

func (b *Box) checkCameras(d *Doc) {
	if len(b.Cameras) > maxCamera {
		d.Add("bad_range", "more than "+strconv.Itoa(maxCamera)+" cameras", "", "cameras")
	}
	devices, seen := map[string]*Device{}, map[string]bool{}
	for i := range b.Devices {
		devices[b.Devices[i].ID] = &b.Devices[i]
	}
	for i := range b.Cameras {
		c := &b.Cameras[i]
		at := func(path ...any) []any { return append([]any{"cameras", i}, path...) }
		if err := edge.CheckName(c.ID); err != nil {
			d.Add("bad_name", "id: "+err.Error(), edge.AsError(err).Hint, at("id")...)
		}
		if seen[c.ID] {
			d.Add("duplicate", "a second camera with id `"+c.ID+"`", "ids are unique on a box", at("id")...)
		}
		seen[c.ID] = true
		if usb := c.Source.USB; usb != "" && seen[usb] {
			d.Add("duplicate", "a second camera at `"+usb+"`", "two cannot read one USB camera; show one beside several devices", at("source", "usb")...)
		} else if usb != "" {
			seen[usb] = true
		}
		for lang := range c.Description {
			if len(lang) != 2 { // as in a type file
				d.Add("bad_value", "`"+lang+"` is no language", "use en, fr, es", at("description", lang)...)
			}
		}
		for j, id := range c.Devices {
			if devices[id] == nil {
				d.Add("unknown_device", "no device `"+id+"` in this file", "", at("devices", j)...)
			}
		}
		c.Source.check(d, devices, at)
		for _, r := range []struct {
			key      string
			v, least float64
			most     float64
		}{{"rate", c.Rate, 0.01, maxRate}, {"max_picture", float64(c.MaxPicture), 10_000, 64 << 20}} {
			if r.v != 0 && !(r.v >= r.least && r.v <= r.most) {
				d.Add("bad_range", r.key+" is outside of what is possible", "leave it out for the default", at(r.key)...)
			}
		}
		if r := c.Record.Rate; r != 0 && !(r >= 0.01 && r <= maxRate) {
			d.Add("bad_range", "rate is 0.01 to 60 pictures per second", "", at("record", "rate")...)
		}
		if m := c.Record.MaxMB; m != 0 && !(m >= 1 && m <= maxMB) {
			d.Add("bad_range", "max_mb is 1 to 100000", "", at("record", "max_mb")...)
		}
		if len(c.Mask) > maxMasks {
			d.Add("bad_range", "more than 8 masks", "use larger ones", at("mask")...)
		}
		for j, m := range c.Mask {
			if !(m.X >= 0 && m.Y >= 0 && m.Width > 0 && m.Height > 0 && m.X+m.Width <= 100 && m.Y+m.Height <= 100) {
				d.Add("bad_range", "a mask lies within the picture: x, y, width and height in percent", "such as {x: 0, y: 0, width: 25, height: 100}", at("mask", j)...)
			}
		}
	}
}

func (s *CameraSource) check(d *Doc, devices map[string]*Device, at func(...any) []any) {
	n := 0
	for _, k := range s.kinds() {
		if k.given {
			n++
		}
	}
	if n != 1 {
		d.Add("bad_source", "a source is exactly one of usb, http, snapshot, program, rtsp, pattern, sim",
			"`labbox ports` lists USB cameras; to try it out write `source: {pattern: true}`", at("source")...)
		return
	}
	kind := s.Kind()
	for _, with := range []struct {
		key   string
		given bool
		kinds string
	}{{"user", s.User != "", "http snapshot rtsp"}, {"password_file", s.Password != "", "http snapshot rtsp"},
		{"redirect_to", len(s.Redirect) > 0, "http snapshot"}, {"size", s.Size != "", "usb rtsp pattern sim"}} {
		if with.given && !strings.Contains(" "+with.kinds+" ", " "+kind+" ") {
			d.Add("bad_source", with.key+" does not go with "+kind, "it goes with "+strings.ReplaceAll(with.kinds, " ", ", "), at("source", with.key)...)
		}
	}
	if (s.User != "") != (s.Password != "") {
		d.Add("bad_source", "user and password_file go together", "", at("source")...)
	}
	if strings.ContainsFunc(s.User, func(r rune) bool { return r == ':' || unicode.IsControl(r) }) {
		d.Add("bad_source", "a user name has no colon and no line end", "", at("source", "user")...)
	}
	if s.USB != "" && !strings.HasPrefix(s.USB, "/") {
		d.Add("bad_source", "usb is the path of a camera, such as /dev/video0", "`labbox ports` lists the cameras that are there", at("source", "usb")...)
	}
	if kind == "program" && s.Program[0] == "" {
		d.Add("bad_source", "program has no name", "the first of the list is the program, the others are its arguments", at("source", "program")...)
	}
	for i, h := range s.Redirect {
		if u, err := url.Parse("//" + h); err != nil || h == "" || u.Host != h {
			d.Add("bad_source", "redirect_to lists hosts, each HOST or HOST:PORT", "", at("source", "redirect_to", i)...)
		}
	}
	if _, _, ok := ParseSize(s.Size); !ok {
		d.Add("bad_range", "size is WIDTHxHEIGHT, 16 to 4096 pixels each", "such as 640x480", at("source", "size")...)
	}
	for _, a := range []struct {
		key, url string
		schemes  string
	}{{"http", s.HTTP, "http https"}, {"snapshot", s.Snapshot, "http https"}, {"rtsp", s.RTSP, "rtsp rtsps"}} {
		if a.url == "" {
			continue
		}
		u, err := url.Parse(a.url)
		switch {
		case err != nil || u.Hostname() == "" || !strings.Contains(" "+a.schemes+" ", " "+u.Scheme+" "):
			d.Add("bad_source", a.key+" is an address that begins with "+strings.ReplaceAll(a.schemes, " ", ":// or ")+"://", "", at("source", a.key)...)
		case u.User != nil:
			d.Add("bad_source", "a password in an address is seen by many", "write `user:` and `password_file:` beside it", at("source", a.key)...)
		}
	}
	if s.Sim != "" {
		if dev := devices[s.Sim]; dev == nil || !dev.Port.Sim {
			d.Add("unknown_device", "no simulated device `"+s.Sim+"` in this file", "it needs `port: {sim: true}`", at("source", "sim")...)
		}
	}
}
