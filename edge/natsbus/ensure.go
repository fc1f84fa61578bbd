package natsbus

import (
	"context"

	"github.com/nats-io/nats.go/jetstream"
)

// Ensure makes the stream exist with this configuration, durably, and returns
// it. Call it at every boot, for old streams too: it brings back a stream whose
// meta files were damaged, and compares what came back with the manifest.
func (s *Server) Ensure(ctx context.Context, cfg jetstream.StreamConfig) (jetstream.Stream, error) {
	js, err := s.JetStream()
	if err != nil {
		return nil, err
	}
	st, err := js.CreateOrUpdateStream(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return st, s.Commit(ctx, cfg.Name)
}
