package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"labbox/devices"
	"labbox/edge"
	"labbox/edge/audit"
	"labbox/edge/datadir"
	"labbox/edge/durable"
	"labbox/edge/metrics"
)

// restoreFlags are those of `labbox restore`.
type restoreFlags struct {
	data, config string
	force        bool

	written []string // outside of the data directory
}

func restoreCommand(fs *flag.FlagSet) func(context.Context, streams, []string) error {
	f := &restoreFlags{}
	fs.StringVar(&f.data, "data", "", "data `DIR` to make, absent or empty; default the user's own data directory")
	fs.StringVar(&f.config, "config", "", "`FILE` to write the backup's box file to; it must not exist")
	fs.BoolVar(&f.force, "force", false, "move a data directory that is there aside")
	return f.run
}

// run reads the backup twice: once to know that all of it is right, before
// anything is touched, and once to write it.
func (f *restoreFlags) run(ctx context.Context, s streams, args []string) (err error) {
	if f.data == "" {
		if f.data, err = datadir.Default(); err != nil {
			return err
		}
	}
	in, err := os.Open(args[0])
	if err != nil {
		return edge.Errorf(edge.CodeNotFound, "backup: %w", err)
	}
	defer in.Close()
	m, err := readBackup(ctx, in, f.mayBegin, func(file backupFile, r io.Reader) error {
		if file.Path != dataPart+"VERSION" {
			return copyOut(io.Discard, r)
		}
		b, err := io.ReadAll(io.LimitReader(r, 1<<10))
		switch {
		case err != nil:
			return readError{err}
		case string(b) != datadir.Format():
			return badBackup("its data is %.60q, this labbox reads %q", b, datadir.Format())
		}
		return nil
	})
	if err != nil {
		return err
	}
	aside, floor := "", uint64(0)
	if f.force {
		if aside, floor, err = moveAside(ctx, f.data); err != nil {
			return err
		}
	}
	dir, err := datadir.Fill(f.data)
	if err != nil {
		return errors.Join(err, moveBack(aside, f.data))
	}
	defer dir.Close()
	if floor, err = f.fill(ctx, dir, in, m, floor); err != nil {
		for _, name := range f.written {
			_ = os.Remove(name)
		}
		return errors.Join(err, dir.Empty())
	}
	fmt.Fprintf(s.out, "%s: restored, as of %s\n", f.data, time.UnixMilli(m.MadeMS).Format("2006-01-02 15:04"))
	if aside != "" {
		fmt.Fprintf(s.out, "what was there before is in %s\n", aside)
	}
	fmt.Fprintf(s.out, "fencing numbers go on above %d\n", floor)
	switch {
	case m.Config != "" && f.config != "":
		fmt.Fprintf(s.out, "box file: %s\n", f.config)
	case m.Config != "":
		fmt.Fprintln(s.err, "labbox: the backup has a box file too; --config FILE would write it")
	}
	return nil
}

// mayBegin refuses what cannot be finished.
func (f *restoreFlags) mayBegin(m *backupManifest) error {
	at := f.data
	for at != filepath.Dir(at) {
		if _, err := os.Stat(at); err == nil {
			break
		}
		at = filepath.Dir(at)
	}
	if free, err := metrics.FreeBytes(at); err == nil && m.size() > free {
		return edge.Errorf(edge.CodeStoreFull, "the backup takes %d MB, %d MB are free at %s", m.size()/1e6, free/1e6, at).
			WithHint("free some disk space, or give --data a directory on another disk")
	}
	if f.config == "" {
		return nil
	}
	if m.Config == "" {
		return edge.Errorf(edge.CodeBadRequest, "this backup has no box file").WithHint("leave --config out")
	}
	for _, file := range m.Files {
		if to := f.place(m, file.Path); to != "" && !strings.HasPrefix(file.Path, dataPart) {
			if _, err := os.Lstat(to); err == nil {
				return edge.Errorf(edge.CodeBadRequest, "%s is there already", to).WithHint("give --config another name, or leave it out")
			}
		}
	}
	return nil
}

// place is where a file of the backup goes, "" for nowhere.
func (f *restoreFlags) place(m *backupManifest, in string) string {
	if rest, ok := strings.CutPrefix(in, dataPart); ok {
		if rest == "VERSION" {
			return "" // datadir's own, written last
		}
		return filepath.Join(f.data, filepath.FromSlash(rest))
	}
	rest := strings.TrimPrefix(in, configPart)
	switch {
	case f.config == "":
		return ""
	case rest == m.Config:
		return f.config
	}
	return filepath.Join(filepath.Dir(f.config), filepath.FromSlash(rest))
}

// fill writes the backup into dir and makes it fit to go on.
func (f *restoreFlags) fill(ctx context.Context, dir *datadir.Dir, in io.ReadSeeker, m *backupManifest, floor uint64) (uint64, error) {
	if _, err := in.Seek(0, io.SeekStart); err != nil {
		return 0, err
	}
	dirs := map[string]bool{dir.Path(): true}
	_, err := readBackup(ctx, in, func(again *backupManifest) error {
		if again.MadeMS != m.MadeMS || len(again.Files) != len(m.Files) {
			return badBackup("it was changed while it was read")
		}
		return nil
	}, func(file backupFile, r io.Reader) error {
		to := f.place(m, file.Path)
		if to == "" {
			return copyOut(io.Discard, r)
		}
		for d := filepath.Dir(to); strings.HasPrefix(d, dir.Path()); d = filepath.Dir(d) {
			dirs[d] = true
		}
		if !strings.HasPrefix(file.Path, dataPart) {
			f.written = append(f.written, to)
		}
		return writeNew(to, r)
	})
	if err != nil {
		return 0, err
	}
	if floor, err = goOn(ctx, dir.Path(), m, floor); err != nil {
		return 0, fmt.Errorf("the backup's store: %w", err)
	}
	for d := range dirs {
		if err := durable.Names(d); err != nil {
			return 0, err
		}
	}
	return floor, errors.Join(dir.Finish(), durable.Names(dir.Path()))
}

func writeNew(name string, r io.Reader) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 64<<10)
	err = copyOut(w, r)
	if err == nil {
		err = w.Flush()
	}
	return errors.Join(err, f.Sync(), f.Close())
}

// fenceGap is by how much a restore raises the fencing numbers at least: more than
// a box gives out between a backup and its restore.
const fenceGap = 1_000_000

// goOn makes fencing numbers begin above all that were given out since the backup
// was made, and notes the restore in the audit log. The time of day, in
// milliseconds, grows faster than turns are taken, so that a second restore of the
// same backup begins above the first.
func goOn(ctx context.Context, data string, m *backupManifest, floor uint64) (uint64, error) {
	err := withStore(ctx, data, func(kv edge.KV) error {
		names, err := boxes(ctx, kv)
		if err != nil {
			return err
		}
		highest, err := highestFence(ctx, kv, names)
		if err != nil {
			return err
		}
		floor = max(floor, highest) + fenceGap
		if now := time.Now().UnixMilli(); now > 0 {
			floor = max(floor, uint64(now))
		}
		names = append(names, m.Box)
		for _, box := range names {
			if _, err := kv.Raise(ctx, devices.FenceFloorKey(box), floor); err != nil {
				return err
			}
		}
		return noteRestore(ctx, kv, data, m, names, floor)
	})
	return floor, err
}

// noteRestore begins the log's next part with who it was before.
func noteRestore(ctx context.Context, kv edge.KV, data string, m *backupManifest, names []string, floor uint64) error {
	var kept []audit.Head
	for _, box := range names {
		h, err := keptHead(ctx, kv, auditKey(box))
		if err != nil {
			return err
		}
		kept = append(kept, h...)
	}
	log, err := audit.Open(ctx, audit.Config{Dir: filepath.Join(data, auditDir), Box: m.Box, Version: version, Kept: kept, Copy: copyHead(kv, m.Box)})
	if err != nil {
		return err
	}
	log.Note(&edge.Event{Box: m.Box, WallMS: time.Now().UnixMilli(), Code: "restored",
		Actor: &edge.Actor{Seat: "console", Name: "console", Role: edge.RoleOperator, Via: "console"},
		Args:  map[string]any{"made_ms": m.MadeMS, "by": m.Labbox, "fence_floor": floor}})
	return log.Close()
}

// highestFence is the highest fencing number that a store knows.
func highestFence(ctx context.Context, kv edge.KV, names []string) (highest uint64, err error) {
	for _, box := range names {
		keys, err := kv.Keys(ctx, devices.FencePrefix(box))
		if err != nil {
			return 0, err
		}
		for _, k := range append(keys, devices.FenceFloorKey(box)) {
			v, ok, err := kv.Get(ctx, k)
			if err != nil {
				return 0, err
			}
			if !ok {
				continue
			}
			n, err := strconv.ParseUint(string(v), 10, 64)
			if err != nil {
				return 0, fmt.Errorf("%s: %w", k, err)
			}
			highest = max(highest, n)
		}
	}
	return highest, nil
}

// moveAside renames a data directory that nobody uses, and says up to where its
// fencing numbers went, 0 where that cannot be read.
func moveAside(ctx context.Context, path string) (aside string, floor uint64, err error) {
	entries, err := os.ReadDir(path)
	if errors.Is(err, os.ErrNotExist) || err == nil && len(entries) == 0 {
		return "", 0, nil
	}
	if err != nil {
		return "", 0, err
	}
	if !isDataDir(path) {
		return "", 0, edge.Errorf(edge.CodeBadConfig, "%s is no data directory of labbox", path).WithHint("--force moves labbox's own directories only; give --data another one")
	}
	dir, err := datadir.Open(path)
	switch {
	case edge.CodeOf(err) == edge.CodeDataLocked:
		return "", 0, err
	case err == nil:
		_ = dir.Close() // Windows renames nothing that is open
	} // else of another format: it goes all the same
	_ = peekStore(ctx, path, func(kv edge.KV) error {
		names, err := boxes(ctx, kv)
		if err == nil {
			floor, err = highestFence(ctx, kv, names)
		}
		return err
	})
	aside = filepath.Clean(path) + ".before-" + time.Now().Format("20060102-150405")
	if _, err := os.Lstat(aside); err == nil {
		return "", 0, edge.Errorf(edge.CodeBadRequest, "%s is there already", aside).WithHint("try again in a second")
	}
	if err := os.Rename(path, aside); err != nil {
		return "", 0, edge.Errorf(edge.CodeBadConfig, "%s cannot be moved aside: %w", path, err).
			WithHint("where it is a mounted disk, move what is in it elsewhere by hand")
	}
	return aside, floor, nil
}

func moveBack(aside, path string) error {
	if aside == "" {
		return nil
	}
	_ = os.Remove(filepath.Join(path, "lock"))
	_ = os.Remove(path)
	return os.Rename(aside, path)
}
