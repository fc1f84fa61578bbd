package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"labbox/edge"
	"labbox/edge/config"
	"labbox/edge/datadir"
)

// backupFlags are those of `labbox backup`.
type backupFlags struct{ data, config string }

func backupCommand(fs *flag.FlagSet) func(context.Context, streams, []string) error {
	f := &backupFlags{}
	fs.StringVar(&f.data, "data", "", "data `DIR`; default the user's own data directory")
	fs.StringVar(&f.config, "config", "", "box `FILE`; it and the type files beside it go into the backup too")
	return f.run
}

// run holds the data directory's lock while it reads: a copy of a store that is
// being written is none.
func (f *backupFlags) run(ctx context.Context, s streams, args []string) (err error) {
	if f.data == "" {
		if f.data, err = datadir.Default(); err != nil {
			return err
		}
	}
	if !isDataDir(f.data) {
		return edge.Errorf(edge.CodeNotFound, "%s is no data directory of labbox", f.data).WithHint("give --data the directory that the box runs with")
	}
	dir, err := datadir.Open(f.data)
	if edge.CodeOf(err) == edge.CodeDataLocked {
		return edge.AsError(err).WithHint("a backup is taken while the box is stopped: stop it, then try again")
	}
	if err != nil {
		return err
	}
	defer dir.Close()
	src := &source{paths: map[string]string{}}
	m := &backupManifest{Format: backupFormat, Version: backupVersion, Labbox: version, Box: "demo", MadeMS: time.Now().UnixMilli()}
	if err := src.data(f.data); err != nil {
		return err
	}
	var missing []string
	if f.config != "" {
		if missing, err = src.config(f.config, m); err != nil {
			return err
		}
	}
	if m.Files, err = src.sums(ctx); err != nil {
		return err
	}
	if root, err := filepath.Abs(f.data); err == nil {
		if to, err := filepath.Abs(args[0]); err == nil && strings.HasPrefix(to, root+string(filepath.Separator)) {
			return edge.Errorf(edge.CodeBadRequest, "%s lies in the data directory", args[0]).WithHint("put the backup elsewhere, best on another disk")
		}
	}
	out, err := newFile(args[0])
	if err != nil {
		return err
	}
	if err := writeBackup(ctx, out, m, src.open); err != nil {
		out.discard()
		return err
	}
	if err := out.check(ctx); err != nil {
		out.discard()
		return err
	}
	if err := out.keep(); err != nil {
		return err
	}
	fmt.Fprintf(s.out, "%s: %d files, %.1f MB before compression\n", args[0], len(m.Files), float64(m.size())/1e6)
	for _, name := range missing {
		fmt.Fprintf(s.err, "labbox: %s is not in the backup: it does not lie below the box file\n", name)
	}
	fmt.Fprintln(s.err, "labbox: the file holds keys and password hashes: keep it where only you can read it")
	return nil
}

// check reads the backup once more before it is called one.
func (o *newOut) check(ctx context.Context) error {
	if _, err := o.Seek(0, io.SeekStart); err != nil {
		return err
	}
	_, err := readBackup(ctx, o, nil, func(_ backupFile, r io.Reader) error { return copyOut(io.Discard, r) })
	return err
}

func isDataDir(path string) bool {
	info, err := os.Stat(filepath.Join(path, "VERSION"))
	return err == nil && info.Mode().IsRegular()
}

// source is what goes into a backup: paths in it, in order, and where they are.
type source struct {
	order []string
	paths map[string]string
}

func (s *source) add(in, at string) {
	s.order = append(s.order, in)
	s.paths[in] = at
}

func (s *source) open(in string) (io.ReadCloser, error) { return os.Open(s.paths[in]) }

// data takes all files of a data directory.
func (s *source) data(root string) error {
	root, err := filepath.EvalSymlinks(root)
	if err != nil {
		return err
	}
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		switch {
		case err != nil:
			return err
		case filepath.Dir(rel) == "." && leftOut(rel), d.IsDir():
			return nil
		case !d.Type().IsRegular():
			return edge.Errorf(edge.CodeBadConfig, "%s is no plain file", path).WithHint("a backup takes files and directories only; move it elsewhere")
		}
		s.add(dataPart+filepath.ToSlash(rel), path)
		return nil
	})
}

// config takes a box file and the type files that it names, and says which of them
// lie elsewhere.
func (s *source) config(file string, m *backupManifest) (missing []string, err error) {
	box, ps := config.LoadBox(file)
	if err := ps.Err(); err != nil {
		return nil, err
	}
	m.Box, m.Config = box.Box, filepath.Base(file)
	s.add(configPart+m.Config, file)
	for _, d := range box.Devices {
		if !strings.HasSuffix(d.Type, ".yaml") && !strings.HasSuffix(d.Type, ".yml") {
			continue
		}
		in := configPart + filepath.ToSlash(filepath.Clean(d.Type))
		if _, have := s.paths[in]; have {
			continue
		}
		if !filepath.IsLocal(d.Type) {
			missing = append(missing, d.Type)
			continue
		}
		s.add(in, filepath.Join(filepath.Dir(file), d.Type))
	}
	return missing, nil
}

// sums reads every file once, for the manifest that goes before them.
func (s *source) sums(ctx context.Context) ([]backupFile, error) {
	var files []backupFile
	for _, in := range s.order {
		if err := errors.Join(ctx.Err(), checkPath(in)); err != nil {
			return nil, err
		}
		r, err := s.open(in)
		if err != nil {
			return nil, err
		}
		sum := sha256.New()
		n, err := io.Copy(sum, r)
		if err := errors.Join(err, r.Close()); err != nil {
			return nil, fmt.Errorf("%s: %w", in, err)
		}
		files = append(files, backupFile{in, n, hex.EncodeToString(sum.Sum(nil))})
	}
	return files, nil
}
