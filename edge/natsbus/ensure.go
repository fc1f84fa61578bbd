package natsbus

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"maps"

	"github.com/nats-io/nats.go/jetstream"
)

// stampKey is in a stream's metadata: a hash of the configuration asked for.
const stampKey = "labbox.config"

// Ensure makes the stream exist with this configuration, durably, and returns
// it. Call it at every boot, for old streams too: it brings back a stream whose
// meta files were damaged, and compares what came back with the manifest.
//
// A stream that has this configuration already is left alone: an update, even
// to the same, rewrites its meta files, and that would have to be synced again.
func (s *Server) Ensure(ctx context.Context, cfg jetstream.StreamConfig) (jetstream.Stream, error) {
	js, err := s.JetStream()
	if err != nil {
		return nil, err
	}
	plain, err := json.Marshal(cfg)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(plain)
	stamp := hex.EncodeToString(sum[:16])
	st, err := js.Stream(ctx, cfg.Name)
	if err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, err
	}
	if err != nil || st.CachedInfo().Config.Metadata[stampKey] != stamp {
		cfg.Metadata = maps.Clone(cfg.Metadata)
		if cfg.Metadata == nil {
			cfg.Metadata = map[string]string{}
		}
		cfg.Metadata[stampKey] = stamp
		if st, err = js.CreateOrUpdateStream(ctx, cfg); err != nil {
			return nil, err
		}
	}
	if err := s.Commit(ctx, cfg.Name); err != nil {
		return nil, err
	}
	s.mu.Lock()
	_, missed := s.expect[cfg.Name]
	s.mu.Unlock()
	if missed {
		return st, s.record(false) // compares
	}
	return st, nil
}
