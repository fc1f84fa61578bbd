package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode"

	"labbox/edge"
	"labbox/edge/audit"
	"labbox/edge/datadir"
)

// auditFlags are those of `labbox audit`.
type auditFlags struct {
	data, head          string
	device, seat, since string
	json                bool
}

func auditCommand(fs *flag.FlagSet) func(context.Context, streams, []string) error {
	f := &auditFlags{}
	fs.StringVar(&f.data, "data", "", "data `DIR`; default the user's own data directory")
	fs.StringVar(&f.head, "head", "", "verify: a head that was noted before, `NUMBER:HASH`; the log must hold it")
	fs.StringVar(&f.device, "device", "", "show: only what concerns this device, by its `ID`")
	fs.StringVar(&f.seat, "seat", "", "show: only what this seat did, by its `ID` or name")
	fs.StringVar(&f.since, "since", "", "show: from this `TIME` on, such as 2h ago, 2026-11-22 or 2026-11-22T13:40")
	fs.BoolVar(&f.json, "json", false, "JSON instead of text")
	return f.run
}

func (f *auditFlags) run(ctx context.Context, s streams, args []string) error {
	var err error
	if f.data == "" {
		if f.data, err = datadir.Default(); err != nil {
			return err
		}
	}
	switch {
	case args[0] == "verify":
		return f.verify(ctx, s, args[1:])
	case args[0] == "show" && len(args) == 1:
		return f.show(ctx, s.out)
	case args[0] == "export" && len(args) == 2:
		return f.export(ctx, s, args[1])
	}
	return edge.Errorf(edge.CodeBadRequest, "labbox audit %s", strings.Join(args, " ")).
		WithHint("labbox audit verify, labbox audit show, or labbox audit export FILE")
}

func (f *auditFlags) dir() (string, error) {
	dir := filepath.Join(f.data, auditDir)
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return "", edge.Errorf(edge.CodeNotFound, "%s: there is no audit log", dir).WithHint("give --data the directory that the box runs with")
	} else if err != nil {
		return "", err
	}
	return dir, nil
}

// verify reads the log only; the box may run meanwhile.
func (f *auditFlags) verify(ctx context.Context, s streams, file []string) error {
	var kept []audit.Head
	if f.head != "" {
		h, err := audit.ParseHead(f.head)
		if err != nil {
			return err
		}
		kept = append(kept, h)
	}
	var r audit.Report
	if len(file) > 0 {
		var err error
		if r, err = audit.VerifyFile(ctx, file[0], kept...); err != nil {
			return err
		}
	} else {
		dir, err := f.dir()
		if err != nil {
			return err
		}
		stored, err := storedHeads(ctx, f.data)
		if err != nil {
			fmt.Fprintf(s.err, "labbox: the store's copy of the log's head cannot be read: %v\n", err)
		}
		if r, err = audit.Verify(ctx, dir, append(kept, stored...)...); err != nil {
			return err
		}
	}
	if f.json {
		if err := json.NewEncoder(s.out).Encode(r); err != nil {
			return err
		}
	} else {
		say(s.out, &r)
	}
	if !r.OK() {
		return exitError(exitFailed)
	}
	return nil
}

// storedHeads are the heads that the store has copies of.
func storedHeads(ctx context.Context, data string) (heads []audit.Head, err error) {
	err = peekStore(ctx, data, func(kv edge.KV) error {
		names, err := boxes(ctx, kv)
		if err != nil {
			return err
		}
		for _, box := range names {
			h, err := keptHead(ctx, kv, auditKey(box))
			if err != nil {
				return err
			}
			heads = append(heads, h...)
		}
		return nil
	})
	return heads, err
}

func say(w io.Writer, r *audit.Report) {
	for _, f := range r.Findings {
		fmt.Fprintln(w, f)
	}
	verdict := "ok"
	if !r.OK() {
		verdict = "the log is not as the box wrote it"
	}
	fmt.Fprintf(w, "%s: %d records from %d on, in %d files\n", verdict, r.Records, r.First, r.Files)
	if r.Dropped {
		fmt.Fprintf(w, "records before %d were dropped by the box: size or age\n", r.First)
	}
	if r.Lost > 0 {
		fmt.Fprintf(w, "%d events were not recorded, the disk was too slow; the log says when\n", r.Lost)
	}
	if r.Torn > 0 {
		fmt.Fprintf(w, "%d bytes of a record stand at the end: it is being written, or a crash cut it off\n", r.Torn)
	}
	if r.Head.N > 0 {
		fmt.Fprintf(w, "head %v\n", r.Head)
	}
}

func (f *auditFlags) show(ctx context.Context, w io.Writer) error {
	dir, err := f.dir()
	if err != nil {
		return err
	}
	from, err := sinceMS(f.since, time.Now())
	if err != nil {
		return err
	}
	out := bufio.NewWriter(w)
	err = audit.Walk(ctx, dir, func(r *audit.Record) error {
		e := &r.Event
		switch {
		case e.WallMS < from, f.device != "" && e.Device != f.device:
			return nil
		case f.seat != "" && (e.Actor == nil || e.Actor.Seat != f.seat && e.Actor.Name != f.seat):
			return nil
		case f.json:
			_, err := fmt.Fprintf(out, "%s\n", r.Raw)
			return err
		}
		return showRecord(out, r)
	})
	return errors.Join(err, out.Flush())
}

// showRecord writes one line, without what a terminal or a reader of another
// direction would obey.
func showRecord(w io.Writer, r *audit.Record) error {
	e := &r.Event
	line := fmt.Sprintf("%d  %s  %s", r.N, time.UnixMilli(e.WallMS).Format("2006-01-02 15:04:05.000"), e.Code)
	if e.Device != "" {
		line += "  " + e.Device
	}
	if a := e.Actor; a != nil {
		line += fmt.Sprintf("  by %s %q (%s, %s)", a.Seat, a.Name, a.Role, a.Via)
	}
	if len(e.Args) > 0 {
		b, err := json.Marshal(e.Args)
		if err != nil {
			return err
		}
		line += "  " + string(b)
	}
	_, err := fmt.Fprintln(w, strings.Map(func(c rune) rune {
		if unicode.IsPrint(c) || c == ' ' {
			return c
		}
		return unicode.ReplacementChar
	}, line))
	return err
}

// sinceMS reads a length of time before now, or a time of the local calendar.
func sinceMS(s string, now time.Time) (int64, error) {
	if s == "" {
		return -1 << 62, nil
	}
	if d, err := time.ParseDuration(strings.TrimSpace(strings.TrimSuffix(s, "ago"))); err == nil {
		return now.Add(-d.Abs()).UnixMilli(), nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04", "2006-01-02"} {
		if t, err := time.ParseInLocation(layout, s, now.Location()); err == nil {
			return t.UnixMilli(), nil
		}
	}
	return 0, edge.Errorf(edge.CodeBadRequest, "--since %q is no time", s).WithHint("such as 2h, 2026-11-22 or 2026-11-22T13:40")
}

func (f *auditFlags) export(ctx context.Context, s streams, name string) error {
	dir, err := f.dir()
	if err != nil {
		return err
	}
	out, err := newFile(name)
	if err != nil {
		return err
	}
	if err := audit.Export(ctx, dir, out); err != nil {
		out.discard()
		return err
	}
	if err := out.keep(); err != nil {
		return err
	}
	r, err := audit.VerifyFile(ctx, name)
	if err != nil {
		return err
	}
	say(s.out, &r)
	if !r.OK() {
		return exitError(exitFailed)
	}
	return nil
}
