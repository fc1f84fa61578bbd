package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"labbox/devices/camera/v4l2"
	"labbox/devices/transport/serial"
	"labbox/edge"
)

// newDoctor looks at a machine where all is well and nothing runs.
func newDoctor(t *testing.T) *doctor {
	return &doctor{
		doctorFlags: doctorFlags{data: t.TempDir(), listen: "127.0.0.1:0"},
		broker:      func(context.Context, *backendFlags) (string, error) { return "broker is there", nil },
		store: func(context.Context, *backendFlags) (string, []edge.Error, error) {
			return "store is there", nil, nil
		},
		ports: portChecks{list: func() ([]serial.Info, error) { return nil, nil },
			allowed: func(string) (string, string) { return "", "" }, holders: func(string) []string { return nil }},
		cameras: cameraChecks{list: func() ([]v4l2.Info, error) { return nil, nil }, allowed: func(string) (string, string) { return "", "" },
			look: func(p string) (string, error) { return "/usr/bin/" + p, nil }},
		dial: net.Listen, now: time.Now,
	}
}

// says examines and returns what was printed.
func (d *doctor) says(t *testing.T) (text string, failed bool) {
	t.Helper()
	var out bytes.Buffer
	err := d.examine(t.Context(), streams{&out, &out})
	var code exitError
	if err != nil && (!errors.As(err, &code) || code != exitFailed) {
		t.Fatal(err)
	}
	return out.String(), err != nil
}

func TestDoctorClock(t *testing.T) {
	d := newDoctor(t)
	if text, failed := d.says(t); failed || !strings.Contains(text, "ok    clock") {
		t.Error(text)
	}
	d.built = time.Now().Add(time.Hour)
	if text, failed := d.says(t); !failed || !strings.Contains(text, "is before this labbox was built") || !strings.Contains(text, "      hint: set the clock") {
		t.Error(text)
	}
	d.built = time.Time{}
	file := filepath.Join(d.data, "VERSION")
	future := time.Now().Add(48 * time.Hour)
	if err := os.WriteFile(file, []byte("labbox data 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(file, future, future); err != nil {
		t.Fatal(err)
	}
	if text, failed := d.says(t); !failed || !strings.Contains(text, "in the future") {
		t.Error(text)
	}
}

func TestDoctorPorts(t *testing.T) {
	d := newDoctor(t)
	d.config = filepath.Join(d.data, "box.yaml")
	box := "schema: 1\nbox: b\ndevices:\n  - {id: plate, type: plate, port: {usb: \"2341:0043\"}}\n  - {id: other, type: plate, port: {path: /dev/x}}\n"
	if err := os.WriteFile(d.config, []byte(box), 0o600); err != nil {
		t.Fatal(err)
	}
	d.ports.list = func() ([]serial.Info, error) {
		return []serial.Info{{Path: "/dev/ttyACM0", USB: true, VID: "2341", PID: "0043"}}, nil
	}
	if text, failed := d.says(t); failed || !strings.Contains(text, "plate: /dev/ttyACM0 (2341:0043) is there and may be used") {
		t.Error(text)
	}
	d.ports.allowed = func(string) (string, string) { return "may not be used by this user", "sudo usermod -aG dialout $USER" }
	if text, failed := d.says(t); !failed || !strings.Contains(text, "fail  device    plate: /dev/ttyACM0 may not be used by this user\n      hint: sudo usermod -aG dialout $USER\n") {
		t.Error(text)
	}
	d.ports.allowed = func(string) (string, string) { return "", "" }
	d.ports.holders = func(string) []string { return []string{"screen (process 7)"} }
	if text, failed := d.says(t); !failed || !strings.Contains(text, "other: /dev/x is in use by screen (process 7)\n      hint: close that program") {
		t.Error(text)
	}
	// A labbox that has the data directory is the one that has the ports.
	d.stayed = true
	if text, failed := d.says(t); failed || !strings.Contains(text, "ok    device    plate: /dev/ttyACM0 is in use by screen") {
		t.Error(text)
	}
	// Without a box file no port is needed.
	d.stayed, d.config, d.box = false, "", nil
	if text, failed := d.says(t); failed || !strings.Contains(text, "warn  port      /dev/ttyACM0 is in use") {
		t.Error(text)
	}
}

func TestDoctorHolders(t *testing.T) {
	proc, port := t.TempDir(), filepath.Join(t.TempDir(), "ttyUSB0")
	if err := os.WriteFile(port, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, l := range []string{"12/fd/3", "12/fd/4", "77/fd/0"} {
		to := port
		if strings.HasPrefix(l, "77") {
			to = "/dev/null"
		}
		_ = os.MkdirAll(filepath.Dir(filepath.Join(proc, l)), 0o700)
		if err := os.Symlink(to, filepath.Join(proc, l)); err != nil {
			t.Skip("no symbolic links here:", err)
		}
	}
	link := port + "-link"
	_ = os.Symlink(port, link)
	got := holdersIn(proc, link, os.Readlink, func(string) string { return "screen" })
	if len(got) != 1 || got[0] != "screen (process 12)" {
		t.Error(got)
	}
}

func TestDoctorListen(t *testing.T) {
	ready := `{"ready":true,"reasons":[]}`
	health := fmt.Sprintf(`{"status":"ok","box":"bench","version":%q}`, version)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/lab/healthz":
			_, _ = w.Write([]byte(health))
		case "/lab/readyz":
			_, _ = w.Write([]byte(ready))
		default:
			http.NotFound(w, r)
		}
	}))
	defer srv.Close()
	d := newDoctor(t)
	d.listen, d.basePath = srv.Listener.Addr().String(), "/lab/"
	if text, failed := d.says(t); failed || !strings.Contains(text, " is labbox itself, box bench\n") || !strings.Contains(text, "ok    ready ") {
		t.Error(text)
	}
	health = `{"status":"ok","box":"bench","version":"v0.1"}`
	ready = `{"ready":false,"reasons":[{"code":"store_full","message":"the disk is full","hint":"free some"}]}`
	if text, failed := d.says(t); failed || !strings.Contains(text, "is labbox v0.1, this is "+version) ||
		!strings.Contains(text, "warn  ready     the running labbox: store_full: the disk is full\n      hint: free some\n") {
		t.Error(text)
	}
	d.basePath, d.running = "", nil
	if text, failed := d.says(t); !failed || !strings.Contains(text, "is taken, and no labbox answers there") {
		t.Error(text)
	}
	d.dial = func(string, string) (net.Listener, error) { return nil, syscall.EADDRNOTAVAIL }
	if text, failed := d.says(t); !failed || !strings.Contains(text, "fail  listen") {
		t.Error(text)
	}
}

func TestDoctorBrokerAndStore(t *testing.T) {
	d := newDoctor(t)
	d.backends.broker, d.backends.kv = "amqp://somewhere", "redis://somewhere"
	if text, failed := d.says(t); failed || !strings.Contains(text, "ok    broker    broker is there\n") || !strings.Contains(text, "ok    store     store is there\n") {
		t.Error(text)
	}
	d.broker = func(context.Context, *backendFlags) (string, error) {
		return "", edge.Errorf(edge.CodeBusDown, "takes no messages: low on memory").WithHint("free some")
	}
	d.store = func(context.Context, *backendFlags) (string, []edge.Error, error) {
		return "there", []edge.Error{*edge.Errorf(edge.CodeBadConfig, "the store may evict keys").WithHint("set maxmemory-policy noeviction")}, nil
	}
	text, failed := d.says(t)
	for _, want := range []string{"fail  broker    takes no messages: low on memory\n      hint: free some\n",
		"warn  store     the store may evict keys\n      hint: set maxmemory-policy noeviction\n"} {
		if !failed || !strings.Contains(text, want) {
			t.Error(text)
		}
	}
	d.backends.kvPassword = filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(d.backends.kvPassword, []byte("geheim"), 0o644); err != nil { //nolint:gosec // that is the point
		t.Fatal(err)
	}
	if text, _ := d.says(t); !strings.Contains(text, "may be read by every user\n      hint: chmod 600 ") || strings.Contains(text, "geheim") {
		t.Error(text)
	}
}

func TestDoctorJSON(t *testing.T) {
	d := newDoctor(t)
	d.json = true
	text, _ := d.says(t)
	var got struct {
		OK     bool
		Checks []verdict
	}
	if err := json.Unmarshal([]byte(text), &got); err != nil || !got.OK || len(got.Checks) < 8 {
		t.Error(err, text)
	}
}

// The running labbox is looked at, not disturbed; what it says of its devices counts.
func TestDoctorOfARunningBox(t *testing.T) {
	data := t.TempDir()
	b := startBox(t, data, "")
	d := newDoctor(t)
	d.data, d.listen, d.config = data, strings.TrimPrefix(b.url, "http://"), filepath.Join(t.TempDir(), "box.yaml")
	if err := os.WriteFile(d.config, []byte(demoBox), 0o600); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		text, failed := d.says(t)
		missing := ""
		for _, want := range []string{" is labbox itself, box demo\n", "ok    ready ", " is in use by a running labbox (process ",
			"ok    device    pendulum is live\n", "ok    device    aeropendulum is live\n"} {
			if failed || !strings.Contains(text, want) {
				missing = want
			}
		}
		if missing == "" {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("no %q in\n%s", missing, text)
		}
	}
}
