package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"labbox/edge"
)

// Camera is what the owner of a camera says of it, and what has become of its pictures.
type Camera struct {
	edge.Camera
	Pictures, Skipped, Bad uint64 // shown, over the rate, no pictures
	Opened                 uint64 // times that its source was opened
}

// maxCameras bounds the label: a box has 32 at most.
const maxCameras = 32

// Cameras names where a scrape finds the cameras of this process.
func (m *Metrics) Cameras(fn func() []Camera) {
	m.reg.MustRegister(&cameraCollector{fn: fn,
		state:     desc("camera_state", "1 for the state a camera is in, 0 for the others.", "camera", "state"),
		rate:      desc("camera_rate_hz", "Pictures a second that a camera gives, over the last seconds.", "camera"),
		viewers:   desc("camera_viewers", "Seats that watch a camera.", "camera"),
		recording: desc("camera_recording", "Runs that keep pictures of a camera.", "camera"),
		pictures:  desc("camera_pictures_total", "Pictures of a camera: shown, skipped over its rate, or bad.", "camera", "result"),
		opened:    desc("camera_opened_total", "Times a camera's source was opened.", "camera"),
	})
}

type cameraCollector struct {
	fn                                                func() []Camera
	state, rate, viewers, recording, pictures, opened *prometheus.Desc
}

// cameraStates are all values of the label.
var cameraStates = [...]edge.CameraState{edge.CameraIdle, edge.CameraStarting, edge.CameraLive, edge.CameraLost, edge.CameraCovered}

func (c *cameraCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.state, c.rate, c.viewers, c.recording, c.pictures, c.opened} {
		ch <- d
	}
}

func (c *cameraCollector) Collect(ch chan<- prometheus.Metric) {
	all := c.fn()
	for _, cam := range all[:min(len(all), maxCameras)] {
		gauge := func(d *prometheus.Desc, v float64, labels ...string) {
			ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, append([]string{cam.ID}, labels...)...)
		}
		count := func(d *prometheus.Desc, n uint64, labels ...string) {
			ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), append([]string{cam.ID}, labels...)...)
		}
		for _, s := range cameraStates {
			gauge(c.state, flag(cam.State == s), string(s))
		}
		gauge(c.rate, cam.RateHz)
		gauge(c.viewers, float64(len(cam.Viewers)))
		gauge(c.recording, float64(len(cam.Runs)))
		count(c.pictures, cam.Pictures, "shown")
		count(c.pictures, cam.Skipped, "skipped")
		count(c.pictures, cam.Bad, "bad")
		count(c.opened, cam.Opened)
	}
}
