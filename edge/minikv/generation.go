package minikv

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"labbox/edge/durable"
	"labbox/edge/natsbus"
)

// generation is one stream that holds the log from a snapshot on. Its message n
// has sequence n, so that one that is missing is noticed.
type generation struct {
	srv    *natsbus.Server
	js     jetstream.JetStream
	name   string // of the store
	max    int64
	number uint64
	last   uint64 // sequence of the last message
	bytes  int64
}

// manifest is the file beside the streams that says which generation counts.
type manifest struct {
	Format     int    `json:"format"`
	Generation uint64 `json:"generation"`
	Last       uint64 `json:"last"` // the log is at least this long
}

const manifestFormat = 1

func (g *generation) prefix() string { return "MINIKV_" + g.name + "_" }
func (g *generation) stream() string { return g.prefix() + strconv.FormatUint(g.number, 10) }
func (g *generation) subject() string {
	return "$MINIKV." + g.name + "." + strconv.FormatUint(g.number, 10)
}

func (g *generation) path() string {
	return filepath.Join(g.srv.StoreDir(), "minikv-"+g.name+".json")
}

// create makes the stream exist. Created anew with the same settings over
// damaged meta files, it brings its messages back.
func (g *generation) create(ctx context.Context) (jetstream.Stream, error) {
	return g.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: g.stream(), Subjects: []string{g.subject()}, Description: "log of a minikv store",
		Storage: jetstream.FileStorage, Retention: jetstream.LimitsPolicy, Discard: jetstream.DiscardNew,
		MaxBytes: g.max, MaxMsgs: -1, MaxMsgsPerSubject: -1, Replicas: 1, DenyDelete: true,
	})
}

func (g *generation) append(ctx context.Context, rec []byte) error {
	ack, err := g.js.Publish(ctx, g.subject(), rec, jetstream.WithExpectLastSequence(g.last), jetstream.WithRetryAttempts(0))
	if err != nil {
		return err
	}
	g.last = ack.Sequence
	g.bytes += int64(len(rec)) + 64
	return nil
}

func (g *generation) commit(ctx context.Context) error { return g.srv.Commit(ctx, g.stream()) }

// grown says that the log is worth writing anew.
func (g *generation) grown(s *Store) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return g.bytes > s.cfg.CompactBytes+2*s.used || g.last > compactMessages
}

const compactMessages = 100_000

func (g *generation) readManifest() (manifest, error) {
	b, err := os.ReadFile(g.path())
	if errors.Is(err, fs.ErrNotExist) {
		return manifest{}, nil
	}
	if err != nil {
		return manifest{}, err
	}
	var m manifest
	if err := json.Unmarshal(b, &m); err != nil || m.Format == 0 || m.Generation == 0 {
		return manifest{}, nil //nolint:nilerr // damaged: the streams themselves must tell
	}
	if m.Format != manifestFormat {
		return manifest{}, fmt.Errorf("%s has format %d, this labbox knows %d", g.path(), m.Format, manifestFormat)
	}
	return m, nil
}

// writeManifest replaces the file by one that is on the disk before it has the name.
func (g *generation) writeManifest() (err error) {
	b, err := json.Marshal(manifest{Format: manifestFormat, Generation: g.number, Last: g.last})
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(g.path()), ".minikv-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	if _, err := f.Write(b); err != nil {
		_ = f.Close()
		return err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), g.path()); err != nil {
		return err
	}
	return durable.Names(filepath.Dir(g.path()))
}

// others returns the numbers of the store's generations that exist.
func (g *generation) others(ctx context.Context) ([]uint64, error) {
	var found []uint64
	names := g.js.StreamNames(ctx)
	for name := range names.Name() {
		if n, ok := strings.CutPrefix(name, g.prefix()); ok {
			if n, err := strconv.ParseUint(n, 10, 64); err == nil {
				found = append(found, n)
			}
		}
	}
	return found, names.Err()
}

func (g *generation) drop(ctx context.Context, number uint64) error {
	old := *g
	old.number = number
	err := g.js.DeleteStream(ctx, old.stream())
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil
	}
	return err
}

func (g *generation) close(clean bool) {
	if clean {
		_ = g.writeManifest() // it only makes the next check sharper
	}
}
