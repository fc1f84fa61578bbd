package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"labbox/devices"
	"labbox/edge"
	"labbox/edge/config"
)

// labboxRun carries out one command in this process.
func labboxRun(t testing.TB, args ...string) (code int, out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	code = execute(t.Context(), args, streams{&o, &e})
	return code, o.String(), e.String()
}

func mustRun(t testing.TB, args ...string) string {
	t.Helper()
	code, out, errs := labboxRun(t, args...)
	if code != 0 {
		t.Fatalf("labbox %v: exit code %d\n%s%s", args, code, out, errs)
	}
	return out
}

func fetch(t testing.TB, c *http.Client, url string) string {
	t.Helper()
	res, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %v %s", url, res.Status, err, b)
	}
	return string(b)
}

// A box that has recorded a run and latched a stop is saved and comes back
// elsewhere: the run is the same, the stop is latched, the seat is known, and no
// fencing number comes a second time.
func TestBackupOfARealBox(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	b := startBox(t, data, "")
	b.until("pendulum", "live", isLive)
	b.until("aeropendulum", "live", isLive)
	ann := b.panel("Ann")
	var started struct{ Run edge.Run }
	if err := json.Unmarshal(ann.ok(map[string]any{"op": "run.start", "device": "pendulum", "name": "swing"}), &started); err != nil {
		t.Fatal(err)
	}
	fence := ann.take("pendulum")
	if r := ann.command("pendulum", "drive", fence, map[string]any{"power": 20}); r.Op != "ok" {
		t.Fatalf("drive: %+v", r)
	}
	ann.command("pendulum", "drive", fence+1000, map[string]any{"power": 20}) // refused
	ann.ok(map[string]any{"op": "run.stop", "device": "pendulum", "run": started.Run.ID})
	ann.ok(map[string]any{"op": "estop", "device": "aeropendulum"})
	csv := fetch(t, ann.http, b.url+"/api/v1/runs/"+started.Run.ID+".csv")
	if strings.Count(csv, "\n") < 10 {
		t.Fatalf("run: %s", csv)
	}

	file := filepath.Join(t.TempDir(), "box.backup")
	if code, _, errs := labboxRun(t, "backup", "--data", data, file); code != exitLocked || !strings.Contains(errs, "while the box is stopped") {
		t.Errorf("backup of a running box: %d %s", code, errs)
	}
	if err := b.stop(); err != nil {
		t.Fatal(err)
	}
	mustRun(t, "backup", "--data", data, file)
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	if code, _, errs := labboxRun(t, "backup", "--data", data, file); code != exitUsage || !strings.Contains(errs, "is there already") {
		t.Errorf("backup over a backup: %d %s", code, errs)
	}

	other := filepath.Join(t.TempDir(), "other")
	mustRun(t, "restore", "--data", other, file)
	if code, _, errs := labboxRun(t, "restore", "--data", other, file); code != exitConfig || !strings.Contains(errs, "is not empty") {
		t.Errorf("restore over a directory: %d %s", code, errs)
	}
	again := startBoxAt(t, strings.TrimPrefix(b.url, "http://"), other, "") // the cookie belongs to the address
	again.until("pendulum", "live", isLive)
	if got := fetch(t, ann.http, again.url+"/api/v1/runs/"+started.Run.ID+".csv"); got != csv {
		t.Errorf("the run is another one: %d bytes, were %d", len(got), len(csv))
	}
	if st := again.status("aeropendulum"); st.Stopped == nil {
		t.Error("the stop is gone")
	}
	bob := dialPanel(t, again.url, ann.http) // the seat's cookie is still good
	if n := bob.take("pendulum"); n < fence+fenceGap {
		t.Errorf("fencing number %d after %d", n, fence)
	}
	if err := again.stop(); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{data, other} {
		if out := mustRun(t, "audit", "verify", "--data", dir); !strings.HasPrefix(out, "ok: ") {
			t.Errorf("audit of %s: %s", dir, out)
		}
	}
	log := mustRun(t, "audit", "show", "--data", other)
	for _, want := range []string{`restored  by console`, `"verdict":"admitted"`, `"verdict":"stale_fence"`, `estop  aeropendulum  by`, `"what":"taken"`} {
		if !strings.Contains(log, want) {
			t.Errorf("the audit log has no %s:\n%s", want, log)
		}
	}
}

// stopped makes the data directory of a box that has given out a fencing number.
func stopped(t testing.TB, fence uint64) string {
	t.Helper()
	data := filepath.Join(t.TempDir(), "data")
	giveOut(t, data, fence)
	return data
}

func giveOut(t testing.TB, data string, fence uint64) {
	t.Helper()
	f := &runFlags{data: data}
	p, err := f.open(t.Context(), mustBox(t, f), discard)
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	if _, err := p.local.Raise(t.Context(), devices.FencePrefix("demo")+"pendulum", fence); err != nil {
		t.Fatal(err)
	}
}

func floorOf(t testing.TB, data string) (n uint64) {
	t.Helper()
	if err := peekStore(t.Context(), data, func(kv edge.KV) (err error) {
		v, _, err := kv.Get(t.Context(), devices.FenceFloorKey("demo"))
		_, _ = fmt.Sscan(string(v), &n)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return n
}

// Restored twice from the same backup, or over a directory that had gone on, the
// numbers begin above all that were given out.
func TestFencingNumbersNeverGoBack(t *testing.T) {
	const high = uint64(1) << 45
	data, file := stopped(t, high), filepath.Join(t.TempDir(), "b")
	mustRun(t, "backup", "--data", data, file)
	giveOut(t, data, high+5_000_000) // it goes on
	out := mustRun(t, "restore", "--data", data, "--force", file)
	if !strings.Contains(out, "what was there before is in "+data+".before-") {
		t.Error(out)
	}
	first := floorOf(t, data)
	if first < high+5_000_000+fenceGap {
		t.Errorf("floor %d", first)
	}
	aside, _ := filepath.Glob(data + ".before-*")
	if len(aside) != 1 || !isDataDir(aside[0]) {
		t.Errorf("moved aside: %v", aside)
	}
	// Without what was there before the calendar keeps them apart.
	low, file := stopped(t, 3), filepath.Join(t.TempDir(), "c")
	mustRun(t, "backup", "--data", low, file)
	var floors [2]uint64
	for i := range floors {
		to := filepath.Join(t.TempDir(), "d")
		mustRun(t, "restore", "--data", to, file)
		floors[i] = floorOf(t, to)
	}
	if floors[0] < 3+fenceGap || floors[1] <= floors[0] {
		t.Errorf("floors %v", floors)
	}
}

func mustBox(t testing.TB, f *runFlags) *config.Box {
	t.Helper()
	box, err := f.boxFile()
	if err != nil {
		t.Fatal(err)
	}
	return box
}

func TestForceMovesOurOwnOnly(t *testing.T) {
	data, file := stopped(t, 1), filepath.Join(t.TempDir(), "b")
	mustRun(t, "backup", "--data", data, file)
	home := t.TempDir()
	if err := os.WriteFile(filepath.Join(home, "thesis.tex"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := labboxRun(t, "restore", "--data", home, "--force", file); code != exitConfig || !strings.Contains(errs, "is no data directory") {
		t.Errorf("%d %s", code, errs)
	}
	if _, err := os.Stat(filepath.Join(home, "thesis.tex")); err != nil {
		t.Error(err)
	}
	f := &runFlags{data: data}
	p, err := f.open(t.Context(), mustBox(t, f), discard)
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	if code, _, errs := labboxRun(t, "restore", "--data", data, "--force", file); code != exitLocked {
		t.Errorf("over a running box: %d %s", code, errs)
	}
}

// The box file and the type files below it come along; what lies elsewhere is
// named.
func TestBackupOfTheBoxFile(t *testing.T) {
	dir, data := t.TempDir(), stopped(t, 1)
	write := func(name, text string) string {
		t.Helper()
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	box := write("box.yaml", "schema: 1\nbox: bench-9\ndevices:\n  - {id: a, type: types/own.yaml, port: {sim: true}}\n"+
		"  - {id: b, type: types/own.yaml, port: {sim: true}}\n  - {id: c, type: ../else.yaml, port: {sim: true}}\n  - {id: d, type: plate, port: {sim: true}}\n")
	write("types/own.yaml", "own")
	file := filepath.Join(t.TempDir(), "b")
	code, _, errs := labboxRun(t, "backup", "--data", data, "--config", box, file)
	if code != 0 || !strings.Contains(errs, "../else.yaml is not in the backup") {
		t.Fatalf("%d %s", code, errs)
	}
	to := t.TempDir()
	newBox := filepath.Join(to, "etc", "new.yaml")
	mustRun(t, "restore", "--data", filepath.Join(to, "data"), "--config", newBox, file)
	for from, to := range map[string]string{box: newBox, filepath.Join(dir, "types/own.yaml"): filepath.Join(to, "etc/types/own.yaml")} {
		a, _ := os.ReadFile(from)
		b, err := os.ReadFile(to)
		if err != nil || !bytes.Equal(a, b) {
			t.Errorf("%s: %q %v", to, b, err)
		}
	}
	if code, _, errs := labboxRun(t, "restore", "--data", filepath.Join(to, "two"), "--config", newBox, file); code != exitUsage || !strings.Contains(errs, "is there already") {
		t.Errorf("over a box file: %d %s", code, errs)
	}
	if _, err := os.Stat(filepath.Join(to, "two")); err == nil {
		t.Error("the directory was made")
	}
}

// A store that does not open is no box: nothing is left behind.
func TestRestoreWithoutAStoreLeavesNothing(t *testing.T) {
	data := stopped(t, 1)
	blocks, _ := filepath.Glob(filepath.Join(data, "broker/jetstream/$G/streams/MINIKV_lab_*/msgs/*.blk"))
	if len(blocks) == 0 {
		t.Fatal("no log of the store")
	}
	for _, name := range blocks {
		if err := os.Truncate(name, 100); err != nil {
			t.Fatal(err)
		}
	}
	file, to := filepath.Join(t.TempDir(), "b"), filepath.Join(t.TempDir(), "d")
	mustRun(t, "backup", "--data", data, file)
	if code, _, errs := labboxRun(t, "restore", "--data", to, file); code == 0 || !strings.Contains(errs, "the backup's store") {
		t.Fatalf("%d %s", code, errs)
	}
	entries, _ := os.ReadDir(to)
	for _, e := range entries {
		if e.Name() != "lock" {
			t.Errorf("%s is left", e.Name())
		}
	}
	// A restore that was cut off: no labbox takes what is there, the next one does.
	if err := os.WriteFile(filepath.Join(to, "VERSION"), []byte("labbox data, restore not finished\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := &runFlags{data: to}
	if p, err := f.open(context.Background(), mustBox(t, f), discard); edge.CodeOf(err) != edge.CodeBadConfig {
		p.close()
		t.Errorf("open: %v", err)
	}
	good, file := stopped(t, 1), filepath.Join(t.TempDir(), "g")
	mustRun(t, "backup", "--data", good, file)
	mustRun(t, "restore", "--data", to, file)
}
