package natsbus

import (
	"testing"

	"github.com/nats-io/nats.go/jetstream"
)

func startServer(t *testing.T, dir string) *Server {
	t.Helper()
	srv, err := Start(t.Context(), Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Close)
	return srv
}

func TestStreamSurvivesRestart(t *testing.T) {
	dir := t.TempDir()
	srv := startServer(t, dir)
	js, err := srv.JetStream()
	if err != nil {
		t.Fatal(err)
	}
	cfg := jetstream.StreamConfig{Name: "s", Subjects: []string{"s.>"}}
	if _, err := js.CreateOrUpdateStream(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	for range 100 {
		if _, err := js.Publish(t.Context(), "s.a", []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	if err := srv.Commit(t.Context(), "s"); err != nil {
		t.Fatal(err)
	}
	srv.Close()

	srv = startServer(t, dir)
	js, err = srv.JetStream()
	if err != nil {
		t.Fatal(err)
	}
	st, err := js.CreateOrUpdateStream(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if n := st.CachedInfo().State.Msgs; n != 100 {
		t.Fatalf("%d messages after restart, want 100", n)
	}
	if err := srv.Health(); err != nil {
		t.Fatal(err)
	}
}
