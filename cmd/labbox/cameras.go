package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"labbox/devices"
	"labbox/devices/camera"
	"labbox/devices/camera/draw"
	"labbox/devices/camera/httpcam"
	"labbox/devices/camera/intake"
	"labbox/devices/camera/program"
	"labbox/devices/camera/rtsp"
	camsource "labbox/devices/camera/source"
	"labbox/devices/camera/v4l2"
	"labbox/edge"
	"labbox/edge/config"
	"labbox/edge/metrics"
	"labbox/edge/record"
)

// cameraSources makes the sources of a box's cameras.
type cameraSources struct {
	p     *parts
	box   *config.Box
	bench *devices.Bench
}

// open is camera.Config.Sources; nothing is opened yet.
func (s cameraSources) open(c *config.Camera) (camsource.Source, error) {
	src := &c.Source
	width, height, _ := config.ParseSize(src.Size)
	rate, most := c.PictureRate(), c.MaxPicture
	if most == 0 {
		most = config.DefaultMaxPicture
	}
	stall := max(intake.DefaultStall, time.Duration(5*float64(time.Second)/rate)) // one that is slow on purpose is not silent
	log := s.p.log.With("camera", c.ID)
	password, err := s.password(c)
	if err != nil {
		return nil, err
	}
	switch src.Kind() {
	case "usb":
		return v4l2.New(v4l2.Options{Path: src.USB, Width: width, Height: height, RateHz: rate, MaxBytes: most, Logger: log})
	case "http":
		return httpcam.New(httpcam.Options{URL: src.HTTP, Max: most, User: src.User, Password: password, Redirect: src.Redirect, Stall: stall})
	case "snapshot":
		return httpcam.New(httpcam.Options{URL: src.Snapshot, Snapshot: true, RateHz: rate, Max: most, User: src.User, Password: password,
			Redirect: src.Redirect})
	case "program":
		return program.New(program.Options{Args: src.Program, Max: most, Stall: stall, Logger: log})
	case "rtsp":
		return rtsp.New(rtsp.Options{URL: src.RTSP, User: src.User, Password: password, RateHz: rate, Width: width, Height: height, Max: most,
			Stall: stall, Logger: log})
	case "pattern":
		return draw.NewPattern(draw.Options{Width: width, Height: height, RateHz: rate, Clock: s.p.clock}), nil
	case "sim":
		plant, ok := s.bench.Drawn(src.Sim)
		if !ok {
			return nil, camsource.Lost(camsource.Unsupported, "%s cannot be drawn", src.Sim)
		}
		return draw.New(plant, draw.Options{Title: s.title(src.Sim), Width: width, Height: height, RateHz: rate, Clock: s.p.clock}), nil
	}
	return nil, camsource.Lost(camsource.Unsupported, "this labbox does not read %s cameras", src.Kind())
}

// title is what a device is called on this bench.
func (s cameraSources) title(device string) string {
	for i := range s.box.Devices {
		if d := &s.box.Devices[i]; d.ID == device && d.Name != "" {
			return d.Name
		}
	}
	return device
}

// password reads a camera's password file.
func (s cameraSources) password(c *config.Camera) (string, error) {
	name := c.Source.Password
	if name == "" {
		return "", nil
	}
	if !filepath.IsAbs(name) {
		name = filepath.Join(s.box.Dir, name)
	}
	b, err := os.ReadFile(name)
	if err != nil {
		return "", edge.Errorf(edge.CodeBadConfig, "camera %s: password_file: %w", c.ID, err)
	}
	return strings.TrimRight(string(b), "\r\n"), nil
}

// pictures are those that runs keep.
type pictures struct {
	set    *camera.Set // once there is one
	store  *record.Store
	limits map[string]int64 // bytes of a run, by camera

	mu   sync.Mutex
	runs map[string]keeper // by id
}

// keeper is a run that keeps pictures.
type keeper struct {
	by   edge.Actor
	stop func()
}

// How many runs keep pictures at a time: each writes all pictures anew.
const (
	seatPictureRuns    = 3  // of a student
	studentPictureRuns = 32 // of all
)

// openCameras makes the cameras of a box file.
func openCameras(p *parts, box *config.Box, bench *devices.Bench) (*camera.Set, error) {
	src := cameraSources{p: p, box: box, bench: bench}
	set, err := camera.New(camera.Config{Box: box, Clock: p.clock, KV: p.own(), Logger: p.log, Audit: p.note(), Sources: src.open})
	if err != nil {
		return nil, err
	}
	p.count.Cameras(func() []metrics.Camera {
		stats := set.Stats()
		list := make([]metrics.Camera, len(stats))
		for i, st := range stats {
			list[i] = metrics.Camera{Camera: st.Camera, Pictures: st.Pictures, Skipped: st.Skipped, Bad: st.Bad, Opened: st.Opened}
		}
		return list
	})
	return set, nil
}

// newPictures lets runs keep what the cameras of a box give.
func newPictures(store *record.Store, box *config.Box) *pictures {
	p := &pictures{store: store, limits: map[string]int64{}, runs: map[string]keeper{}}
	for i := range box.Cameras {
		mb := box.Cameras[i].Record.MaxMB
		if mb == 0 {
			mb = config.DefaultRecordMB
		}
		p.limits[box.Cameras[i].ID] = int64(mb * 1e6)
	}
	return p
}

// begin keeps pictures for a run until end.
func (p *pictures) begin(run *edge.Run, by edge.Actor, ask edge.PictureAsk) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !by.Role.AtLeast(edge.RoleTeacher) {
		own, all := 0, 0
		for _, k := range p.runs {
			if k.by.Seat == by.Seat {
				own++
			}
			if !k.by.Role.AtLeast(edge.RoleTeacher) {
				all++
			}
		}
		if own >= seatPictureRuns || all >= studentPictureRuns {
			return edge.Errorf(edge.CodeTooMany, "%d runs of this seat, and %d in all, keep pictures already", own, all).WithHint("stop one first")
		}
	}
	id := run.ID
	keep := func(c edge.Camera, pic edge.Picture) error {
		return p.store.AddPicture(context.Background(), id, record.PictureOf{ID: c.ID, Name: c.Name, Description: c.Description}, pic.At,
			pic.JPEG, p.limits[c.ID])
	}
	cameras, stop, err := p.set.Record(*run, ask, keep)
	if err != nil {
		return err
	}
	run.Cameras = cameras
	p.runs[id] = keeper{by, stop}
	return nil
}

// end returns when no more pictures are kept for a run.
func (p *pictures) end(run string) {
	p.mu.Lock()
	k := p.runs[run]
	delete(p.runs, run)
	p.mu.Unlock()
	if k.stop != nil {
		k.stop()
	}
}
