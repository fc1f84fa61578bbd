package natsbus

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
)

func makeStream(t *testing.T, srv *Server, cfg jetstream.StreamConfig, n int) {
	t.Helper()
	if _, err := srv.Ensure(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	js, err := srv.JetStream()
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if _, err := js.Publish(t.Context(), cfg.Subjects[0], fmt.Appendf(nil, "%064d", i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := srv.record(false); err != nil { // what the watch does every second
		t.Fatal(err)
	}
}

func flip(t *testing.T, path string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// asKilled copies the directory of a running server: what kill -9 leaves.
func asKilled(t *testing.T, dir string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return to
}

func streamConfigs() map[string]jetstream.StreamConfig {
	return map[string]jetstream.StreamConfig{
		"keep":  {Name: "s", Subjects: []string{"s"}, MaxBytes: 8 << 20, Discard: jetstream.DiscardNew},
		"queue": {Name: "s", Subjects: []string{"s"}, MaxBytes: 8 << 20, Retention: jetstream.WorkQueuePolicy},
		"last":  {Name: "s", Subjects: []string{"s"}, MaxMsgsPerSubject: 1000},
	}
}

// A flipped byte costs the rest of its block, and that is said with figures.
func TestDamagedBlock(t *testing.T) {
	for name, cfg := range streamConfigs() {
		for _, killed := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s killed=%v", name, killed), func(t *testing.T) {
				dir := t.TempDir()
				srv := startServer(t, dir)
				makeStream(t, srv, cfg, 1000)
				if killed {
					dir = asKilled(t, dir)
				} else {
					srv.Close()
				}
				flip(t, filepath.Join(dir, "jetstream/$G/streams/s/msgs/1.blk"))
				srv = startServer(t, dir)
				d := srv.Damage()
				if len(d) != 1 || d[0].Stream != "s" || d[0].Want.Msgs != 1000 || d[0].Have.Msgs < 400 || d[0].Have.Msgs > 600 || d[0].Dropped == 0 {
					t.Fatalf("damage reported: %v", d)
				}
				if !strings.Contains(d[0].String(), "should be 1000") {
					t.Fatal(d[0])
				}
			})
		}
	}
}

// Damage in the middle of a queue, where later messages hide it.
func TestDamagedOldBlock(t *testing.T) {
	dir := t.TempDir()
	srv := startServer(t, dir)
	cfg := streamConfigs()["queue"]
	cfg.MaxBytes = 120 << 10 // blocks of 32 KiB
	makeStream(t, srv, cfg, 1000)
	dir = asKilled(t, dir)
	flip(t, filepath.Join(dir, "jetstream/$G/streams/s/msgs/1.blk"))
	d := startServer(t, dir).Damage()
	if len(d) != 1 || d[0].Have.LastSeq != 1000 || d[0].Have.Msgs >= 1000 || d[0].Dropped == 0 {
		t.Fatalf("damage reported: %v", d)
	}
}

// No alarm where nothing is wrong: stopped, killed, worked off since the
// manifest was written.
func TestNoFalseAlarm(t *testing.T) {
	for name, cfg := range streamConfigs() {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			srv := startServer(t, dir)
			makeStream(t, srv, cfg, 3000)
			copied := asKilled(t, dir)
			srv.Close()
			for _, d := range []string{dir, copied} {
				if found := startServer(t, d).Damage(); len(found) != 0 {
					t.Fatal(found)
				}
			}
		})
	}
	t.Run("worked off", func(t *testing.T) {
		dir := t.TempDir()
		srv := startServer(t, dir)
		cfg := streamConfigs()["queue"]
		makeStream(t, srv, cfg, 1000)
		js, err := srv.JetStream()
		if err != nil {
			t.Fatal(err)
		}
		st, err := js.Stream(t.Context(), "s")
		if err != nil {
			t.Fatal(err)
		}
		for seq := uint64(1); seq <= 700; seq++ { // faster than the manifest is written
			if err := st.DeleteMsg(t.Context(), seq); err != nil {
				t.Fatal(err)
			}
		}
		if found := startServer(t, asKilled(t, dir)).Damage(); len(found) != 0 {
			t.Fatal(found)
		}
	})
}

// Damaged meta files hide a stream; Ensure brings all of it back.
func TestHiddenStream(t *testing.T) {
	dir := t.TempDir()
	srv := startServer(t, dir)
	cfg := streamConfigs()["keep"]
	makeStream(t, srv, cfg, 100)
	srv.Close()
	flip(t, filepath.Join(dir, "jetstream/$G/streams/s/meta.inf"))
	srv = startServer(t, dir)
	if d := srv.Damage(); len(d) != 1 || !d[0].Hidden || d[0].Want.Msgs != 100 {
		t.Fatalf("damage reported: %v", d)
	}
	srv.Close() // a second start without Ensure must not forget
	srv = startServer(t, dir)
	if d := srv.Damage(); len(d) != 1 || !d[0].Hidden {
		t.Fatalf("damage reported at the second start: %v", d)
	}
	st, err := srv.Ensure(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if n := st.CachedInfo().State.Msgs; n != 100 {
		t.Fatalf("%d messages came back, want 100", n)
	}
	if d := srv.Damage(); len(d) != 0 {
		t.Fatalf("still reported: %v", d)
	}
}

func TestBadManifest(t *testing.T) {
	dir := t.TempDir()
	srv := startServer(t, dir)
	makeStream(t, srv, streamConfigs()["keep"], 10)
	srv.Close()
	if err := os.WriteFile(filepath.Join(dir, manifestName), []byte(`{"version":1,`), 0o600); err != nil {
		t.Fatal(err)
	}
	srv = startServer(t, dir)
	if d := srv.Damage(); len(d) != 0 {
		t.Fatal(d)
	}
	srv.Close()
	if m, err := readManifest(dir); err != nil || !m.Exact || m.Streams["s"].Msgs != 10 {
		t.Fatalf("manifest after a start with a bad one: %+v, %v", m, err)
	}
}

func FuzzManifest(f *testing.F) {
	f.Add([]byte(`{"version":1,"exact":true,"streams":{"s":{"msgs":10,"first_seq":1,"last_seq":10}}}`))
	f.Add([]byte(`{"version":2,"streams":{}}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if m, err := parseManifest(b); m.Streams == nil || err == nil && m.Version != manifestVersion {
			t.Fatalf("%q gave %+v, %v", b, m, err)
		}
	})
}
