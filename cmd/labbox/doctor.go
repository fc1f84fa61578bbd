package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"labbox/devices"
	"labbox/edge"
	"labbox/edge/config"
)

// Levels of a verdict.
const (
	levelOK   = "ok"
	levelWarn = "warn"
	levelFail = "fail"
)

// verdict is one line of what the doctor says.
type verdict struct {
	Level  string `json:"level"`
	What   string `json:"what"`
	Detail string `json:"detail"`
	Hint   string `json:"hint,omitempty"`
}

// verdicts collects what the checks find.
type verdicts struct{ list []verdict }

func (f *verdicts) ok(what, format string, args ...any) {
	f.list = append(f.list, verdict{levelOK, what, fmt.Sprintf(format, args...), ""})
}

func (f *verdicts) warn(what, hint, format string, args ...any) {
	f.list = append(f.list, verdict{levelWarn, what, fmt.Sprintf(format, args...), hint})
}

func (f *verdicts) fail(what, hint, format string, args ...any) {
	f.list = append(f.list, verdict{levelFail, what, fmt.Sprintf(format, args...), hint})
}

// failed notes an error that may be coded and then has its own hint.
func (f *verdicts) failed(what string, err error, hint string) {
	var e *edge.Error
	if errors.As(err, &e) && e.Hint != "" {
		hint = e.Hint
	}
	f.fail(what, hint, "%v", err)
}

// bad says that something is not as it must be.
func (f *verdicts) bad() bool {
	for _, x := range f.list {
		if x.Level == levelFail {
			return true
		}
	}
	return false
}

// doctorFlags are those of `labbox run` that say what is to be looked at.
type doctorFlags struct {
	config, data, listen, basePath string
	backends                       backendFlags
	json                           bool
}

// doctor looks at one machine. Its functions are the seams of its tests.
type doctor struct {
	doctorFlags
	broker  func(context.Context, *backendFlags) (detail string, err error)
	store   func(context.Context, *backendFlags) (detail string, warnings []edge.Error, err error)
	ports   portChecks
	cameras cameraChecks
	dial    func(network, address string) (net.Listener, error)
	now     func() time.Time
	built   time.Time // zero where it is not known

	box     *config.Box // of --config, nil without
	running *healthOf   // a labbox that answers at --listen, nil without
	stayed  bool        // it has the data directory
}

// examination is one row of the table.
type examination struct {
	what string
	run  func(*doctor, context.Context, *verdicts)
}

// doctorChecks are made in this order: a later one may use what an earlier one
// found.
func doctorChecks() []examination {
	return []examination{
		{"version", (*doctor).checkVersion},
		{"config", (*doctor).checkConfig},
		{"listen", (*doctor).checkListen},
		{"data", (*doctor).checkData},
		{"disk", (*doctor).checkDisk},
		{"clock", (*doctor).checkClock},
		{"ports", (*doctor).checkPorts},
		{"cameras", (*doctor).checkCameras},
		{"broker", (*doctor).checkBroker},
		{"store", (*doctor).checkStore},
	}
}

// checkWithin bounds each check.
const checkWithin = 6 * time.Second

func doctorCommand(fs *flag.FlagSet) func(context.Context, streams, []string) error {
	d := &doctor{broker: probeBroker, store: probeStore, ports: hostPorts(), cameras: hostCameras(), dial: net.Listen, now: time.Now, built: buildTime()}
	fs.StringVar(&d.config, "config", "", "box `FILE`; default two demo devices")
	fs.StringVar(&d.data, "data", "", "data `DIR`; default the user's own data directory")
	fs.StringVar(&d.listen, "listen", "127.0.0.1:8080", "`HOST:PORT` of the panel")
	fs.StringVar(&d.basePath, "base-path", "", "`PATH` below which a proxy serves the panel, such as /lab")
	fs.BoolVar(&d.json, "json", false, "print JSON")
	d.backends.add(fs)
	return func(ctx context.Context, s streams, _ []string) error { return d.examine(ctx, s) }
}

// examine makes every check and prints what they found.
func (d *doctor) examine(ctx context.Context, s streams) error {
	var all verdicts
	for _, c := range doctorChecks() {
		ctx, cancel := context.WithTimeout(ctx, checkWithin)
		c.run(d, ctx, &all)
		cancel()
	}
	if err := d.print(s, &all); err != nil {
		return err
	}
	if all.bad() {
		return exitError(exitFailed)
	}
	return nil
}

func (d *doctor) print(s streams, all *verdicts) error {
	if d.json {
		enc := json.NewEncoder(s.out)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(map[string]any{"ok": !all.bad(), "checks": all.list})
	}
	for _, f := range all.list {
		fmt.Fprintf(s.out, "%-4s  %-8s  %s\n", f.Level, f.What, oneLine(f.Detail))
		if f.Hint != "" {
			fmt.Fprintf(s.out, "      hint: %s\n", oneLine(f.Hint))
		}
	}
	return nil
}

// oneLine keeps a verdict on its line.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

func (d *doctor) checkVersion(_ context.Context, f *verdicts) {
	f.ok("version", "labbox %s", version)
}

// checkConfig says what `labbox check` says.
func (d *doctor) checkConfig(_ context.Context, f *verdicts) {
	if d.config == "" {
		f.ok("config", "no box file: two simulated demo devices")
		return
	}
	reg, err := devices.NewRegistry()
	if err != nil {
		f.failed("config", err, "")
		return
	}
	data, err := os.ReadFile(d.config)
	if err != nil {
		f.fail("config", "give --config the path of a box file", "%v", err)
		return
	}
	box, ps := config.ParseBox(d.config, data)
	if len(ps) == 0 {
		ps = devices.CheckBox(reg, d.config, data, box)
	}
	for _, p := range ps {
		f.fail("config", p.Hint, "%s:%d:%d: %s: %s", p.File, p.Line, p.Col, p.Code, p.Message)
	}
	if len(ps) == 0 {
		d.box = box
		f.ok("config", "%s: box %s, devices: %d", d.config, box.Box, len(box.Devices))
	}
}
