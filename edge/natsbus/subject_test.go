package natsbus

import (
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"labbox/edge"
	"labbox/edge/fanout"
)

// FuzzMatches compares our matcher, which serves local subscribers, with the
// server's, which serves all others.
func FuzzMatches(f *testing.F) {
	for _, p := range []string{">", "*", "a", "a.*", "a.>", "*.b", "a.*.c", "*.>", "a..b", ">.a", "a*"} {
		for _, s := range []string{"a", "a.b", "a.b.c", "b", "", "a.", "é", "a b"} {
			f.Add(p, s)
		}
	}
	f.Fuzz(func(t *testing.T, pattern, subject string) {
		if fanout.CheckSubject(subject) == nil && (!server.IsValidLiteralSubject(subject) || fanout.CheckPattern(subject) != nil) {
			t.Fatalf("subject %q", subject)
		}
		if fanout.CheckPattern(pattern) == nil && !server.IsValidSubject(pattern) {
			t.Fatalf("pattern %q", pattern)
		}
		if fanout.CheckSubject(subject) != nil || fanout.CheckPattern(pattern) != nil {
			return
		}
		// SubjectsCollide asks whether any subject matches both.
		if got, want := fanout.Matches(pattern, subject), server.SubjectsCollide(pattern, subject); got != want {
			t.Fatalf("%q matches %q: %v, the server says %v", pattern, subject, got, want)
		}
	})
}

func TestTooLarge(t *testing.T) {
	srv := startServer(t, t.TempDir())
	bus := newBus(t, srv)
	data := make([]byte, defaultMaxPayload+1)
	if err := bus.Publish(t.Context(), "a.b", data); edge.CodeOf(err) != edge.CodeTooLarge {
		t.Errorf("publish: %v", err)
	}
	q := edge.Queue{Name: "q", MaxTries: 1, AckWait: 1e9, Dedup: 1e9, MaxBytes: 1 << 20}
	if err := bus.Declare(t.Context(), q); err != nil {
		t.Fatal(err)
	}
	if err := bus.Enqueue(t.Context(), "q", "1", data); edge.CodeOf(err) != edge.CodeTooLarge {
		t.Errorf("enqueue: %v", err)
	}
	for _, id := range []string{"", "a b", "a\nb", strings.Repeat("a", 256)} {
		if err := bus.Enqueue(t.Context(), "q", id, nil); edge.CodeOf(err) != edge.CodeBadName {
			t.Errorf("id %.10q: %v", id, err)
		}
	}
	q.Name, q.MaxBytes = "huge", 1<<40
	if err := bus.Declare(t.Context(), q); edge.CodeOf(err) != edge.CodeStoreFull {
		t.Errorf("declare more than the broker may take: %v", err)
	}
}
