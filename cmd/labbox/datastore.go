package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"labbox/edge"
	"labbox/edge/minikv"
	"labbox/edge/natsbus"
)

// brokerDir is where a data directory holds broker and store.
const brokerDir = "broker"

// withStore opens the store in a data directory that no labbox uses.
func withStore(ctx context.Context, data string, fn func(edge.KV) error) error {
	srv, err := natsbus.Start(ctx, natsbus.Config{Dir: filepath.Join(data, brokerDir), Logger: discard})
	if err != nil {
		return err
	}
	defer srv.Close()
	store, err := minikv.Open(ctx, minikv.Config{Server: srv, Logger: discard, Clock: edge.NewSystemClock()})
	if err != nil {
		return err
	}
	defer store.Close()
	if err := store.Health(); err != nil {
		return err
	}
	kv := store.KV()
	defer kv.Close()
	return fn(kv)
}

// peekStore reads the store of a data directory and changes nothing there: it
// looks at a copy of the store's log, so that the box may go on.
func peekStore(ctx context.Context, data string, fn func(edge.KV) error) (err error) {
	tmp, err := os.MkdirTemp("", "labbox-store-") // 0700: there are password hashes inside
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	from, to := filepath.Join(data, brokerDir), filepath.Join(tmp, brokerDir)
	names, err := filepath.Glob(filepath.Join(from, "minikv-*.json"))
	if err != nil || len(names) == 0 {
		return errors.Join(err, fmt.Errorf("%s: %w", from, fs.ErrNotExist))
	}
	for _, name := range names { // these first: the log is at least as long as they say
		if err := copyFile(name, filepath.Join(to, filepath.Base(name))); err != nil {
			return err
		}
	}
	streams := filepath.Join("jetstream", "$G", "streams")
	entries, err := os.ReadDir(filepath.Join(from, streams))
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !e.IsDir() || !strings.HasPrefix(e.Name(), "MINIKV_") {
			continue
		}
		if err := copyTree(filepath.Join(from, streams, e.Name()), filepath.Join(to, streams, e.Name())); err != nil {
			return err
		}
	}
	return withStore(ctx, tmp, fn)
}

// copyTree copies the files below from; one that goes meanwhile is left out.
func copyTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if err := copyFile(path, filepath.Join(to, rel)); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	})
}

func copyFile(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// boxes are the names of the boxes that a store knows.
func boxes(ctx context.Context, kv edge.KV) ([]string, error) {
	const root = "lab:1:{"
	keys, err := kv.Keys(ctx, root)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, k := range keys { // sorted
		name, _, ok := strings.Cut(strings.TrimPrefix(k, root), "}:")
		if ok && edge.CheckName(name) == nil && (len(names) == 0 || names[len(names)-1] != name) {
			names = append(names, name)
		}
	}
	return names, nil
}
