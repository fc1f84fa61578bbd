package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"labbox/edge"
	"labbox/edge/datadir"
	"labbox/edge/metrics"
)

// healthOf is what a running labbox says of itself.
type healthOf struct {
	Status  string `json:"status"`
	Box     string `json:"box"`
	Version string `json:"version"`
	url     string
}

// checkListen finds out whether the address is free, or a labbox has it.
func (d *doctor) checkListen(ctx context.Context, f *verdicts) {
	ln, err := d.dial("tcp", d.listen)
	if err == nil {
		_ = ln.Close()
		f.ok("listen", "%s is free", d.listen)
		return
	}
	if !errors.Is(err, syscall.EADDRINUSE) {
		f.fail("listen", "give --listen an address of this computer, such as 127.0.0.1:8080", "%v", err)
		return
	}
	h, err := askRunning(ctx, d.listen, strings.TrimSuffix(d.basePath, "/"))
	if err != nil {
		f.fail("listen", "stop the program that has it, or give --listen another port; behind a base path give --base-path too",
			"%s is taken, and no labbox answers there", d.listen)
		return
	}
	d.running = h
	if h.Version != version {
		f.warn("listen", "restart it to run the new version; devices go to their safe state first",
			"%s is labbox %s, this is %s", d.listen, h.Version, version)
	} else {
		f.ok("listen", "%s is labbox itself, box %s", d.listen, h.Box)
	}
	d.checkReady(ctx, f)
}

// checkReady passes on what a running labbox says of itself.
func (d *doctor) checkReady(ctx context.Context, f *verdicts) {
	var ready struct {
		Ready   bool         `json:"ready"`
		Reasons []edge.Error `json:"reasons"`
	}
	if err := getJSON(ctx, d.running.url+"/readyz", &ready); err != nil {
		f.warn("ready", "see its log", "the running labbox does not say if it is ready: %v", err)
		return
	}
	for _, r := range ready.Reasons {
		f.warn("ready", r.Hint, "the running labbox: %s: %s", r.Code, r.Message)
	}
	if ready.Ready {
		f.ok("ready", "the running labbox is ready")
	}
}

// askRunning asks whoever listens at addr whether it is labbox.
func askRunning(ctx context.Context, addr, base string) (*healthOf, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	at := net.JoinHostPort(host, port) + base
	for _, scheme := range []string{"https", "http"} { // a box with TLS says little without
		h := &healthOf{url: scheme + "://" + at}
		if err = getJSON(ctx, h.url+"/healthz", h); err == nil && h.Status != "" && h.Box != "" {
			return h, nil
		}
	}
	return nil, cmp.Or(err, errors.New("somebody else answers"))
}

// getJSON reads an answer of a labbox, whatever its status is.
func getJSON(ctx context.Context, url string, v any) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: ownMachine()}}
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	return json.NewDecoder(io.LimitReader(res.Body, 1<<20)).Decode(v)
}

// dataPath is the data directory that `labbox run` would use.
func (d *doctor) dataPath() (string, error) {
	if d.data != "" {
		return d.data, nil
	}
	return datadir.Default()
}

const dataHint = "give --data a directory that you may write"

// checkData looks at the data directory, without leaving anything in it.
func (d *doctor) checkData(_ context.Context, f *verdicts) {
	path, err := d.dataPath()
	if err != nil {
		f.failed("data", err, dataHint)
		return
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		at := existing(path)
		if err := writable(at); err != nil {
			f.fail("data", dataHint, "%s is not there and cannot be made: %v", path, err)
			return
		}
		f.ok("data", "%s is not there yet; labbox run makes it", path)
		return
	case err != nil:
		f.fail("data", dataHint, "%v", err)
		return
	case !info.IsDir():
		f.fail("data", dataHint, "%s is no directory", path)
		return
	}
	if err := writable(path); err != nil {
		f.fail("data", "it belongs to another user: "+dataHint+", or run labbox as that user", "%s: %v", path, err)
		return
	}
	if _, err := os.Stat(filepath.Join(path, "VERSION")); errors.Is(err, fs.ErrNotExist) {
		f.ok("data", "%s is new; labbox has not used it yet", path)
		return
	}
	dir, err := datadir.Open(path)
	switch {
	case edge.CodeOf(err) == edge.CodeDataLocked:
		d.stayed = true
		f.ok("data", "%s is in use by a running labbox (process %v)", path, edge.AsError(err).Args["pid"])
	case err != nil:
		f.failed("data", err, dataHint)
	default:
		_ = dir.Close()
		f.ok("data", "%s is labbox's, and free", path)
	}
}

// existing is the nearest directory above path that is there.
func existing(path string) string {
	for {
		path = filepath.Dir(path)
		if _, err := os.Stat(path); err == nil || path == filepath.Dir(path) {
			return path
		}
	}
}

// writable tries it.
func writable(dir string) error {
	f, err := os.CreateTemp(dir, ".labbox-doctor-*")
	if err != nil {
		var p *fs.PathError
		if errors.As(err, &p) {
			return p.Err
		}
		return err
	}
	_ = f.Close()
	return os.Remove(f.Name())
}

// What must stay free. Below the first recordings soon end, below the second the
// broker and the recorder refuse to write.
const (
	roomForAWeek = 2 << 30
	roomAtLeast  = 256 << 20
)

func (d *doctor) checkDisk(_ context.Context, f *verdicts) {
	path, err := d.dataPath()
	if err != nil {
		return // checkData has said so
	}
	if _, err := os.Stat(path); err != nil {
		path = existing(path)
	}
	const hint = "delete recordings that are not needed, or give --data a larger disk"
	switch free, err := metrics.FreeBytes(path); {
	case err != nil:
		f.warn("disk", "", "free space is not known: %v", err)
	case free < roomAtLeast:
		f.fail("disk", hint, "%d MiB free at %s; labbox needs %d", free>>20, path, roomAtLeast>>20)
	case free < roomForAWeek:
		f.warn("disk", hint, "%d MiB free at %s", free>>20, path)
	default:
		f.ok("disk", "more than %d GiB free", roomForAWeek>>30)
	}
}

// checkClock compares the wall clock with what must lie in the past, and with the
// monotonic clock.
func (d *doctor) checkClock(_ context.Context, f *verdicts) {
	const hint = "set the clock (date -s, timedatectl set-ntp true); dates of runs come from it, turns and safety do not"
	start := time.Now()
	time.Sleep(20 * time.Millisecond)
	mono, wall := time.Since(start), time.Now().Round(0).Sub(start.Round(0))
	now := d.now()
	latest, file := d.newestFile()
	switch {
	case mono < 15*time.Millisecond || mono > 2*time.Second:
		f.fail("clock", "this machine cannot time turns; look at its load and its virtualisation", "20 ms took %v of the monotonic clock", mono)
	case wall-mono > time.Second || mono-wall > time.Second:
		f.warn("clock", "the clock is being set at this moment; try again", "the wall clock jumped by %v", wall-mono)
	case now.Before(d.built):
		f.fail("clock", hint, "%s is before this labbox was built (%s)", now.UTC().Format(time.DateTime), d.built.UTC().Format(time.DateTime))
	case latest.After(now.Add(time.Minute)):
		f.fail("clock", hint, "%s was written %v in the future", file, latest.Sub(now).Round(time.Second))
	default:
		f.ok("clock", "later than labbox's build and its files; the monotonic clock runs")
	}
}

// newestFile is the last change in the data directory's first two levels.
func (d *doctor) newestFile() (at time.Time, name string) {
	path, err := d.dataPath()
	if err != nil {
		return at, ""
	}
	for _, pattern := range []string{"*", "*/*"} {
		files, _ := filepath.Glob(filepath.Join(path, pattern))
		for _, f := range files {
			if info, err := os.Stat(f); err == nil && info.ModTime().After(at) {
				at, name = info.ModTime(), f
			}
		}
	}
	return at, name
}

// buildTime is when the source of this binary was committed.
func buildTime() time.Time {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return time.Time{}
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.time" {
			if t, err := time.Parse(time.RFC3339, s.Value); err == nil {
				return t
			}
		}
	}
	return time.Time{}
}

// deviceStates asks the running labbox for its devices.
func (d *doctor) deviceStates(ctx context.Context) (map[string]edge.Status, error) {
	if d.running == nil {
		return nil, fmt.Errorf("no labbox runs")
	}
	var list struct {
		Devices []edge.Status `json:"devices"`
	}
	if err := getJSON(ctx, d.running.url+"/api/v1/devices", &list); err != nil {
		return nil, err
	}
	out := map[string]edge.Status{}
	for _, s := range list.Devices {
		out[s.Device] = s
	}
	return out, nil
}
