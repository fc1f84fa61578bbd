package audit

import (
	"sync/atomic"
	"testing"
	"time"

	"labbox/edge"
)

// fullDisk is a log with one event that waits for room, and two that came after.
func fullDisk(t *testing.T) (l *Log, dir string, full *atomic.Bool) {
	t.Helper()
	dir, full = t.TempDir(), &atomic.Bool{}
	l = open(t, Config{Dir: dir, SyncEvery: time.Millisecond, open: func(path string) (file, error) {
		f, err := openFile(path)
		return failing{file: f, full: full}, err
	}})
	flush(t, l)
	full.Store(true)
	l.Note(command(1))
	if err := l.Sync(t.Context()); edge.CodeOf(err) != edge.CodeStoreFull {
		t.Fatalf("sync: %v", err)
	}
	l.Note(command(2))
	l.Note(command(3))
	for end := time.Now().Add(10 * time.Second); len(l.wake) > 0 && time.Now().Before(end); time.Sleep(time.Millisecond) {
	}
	return l, dir, full
}

const allThree = "audit.started command command command"

// A box that stops once there is room again leaves nothing behind in its memory.
func TestCloseWritesWhatCameWhileTheDiskWasFull(t *testing.T) {
	l, dir, full := fullDisk(t)
	full.Store(false)
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	mustHold(t, dir)
	if got := codes(records(t, dir)); got != allThree {
		t.Errorf("records: %s", got)
	}
}

// What came while the disk was full is written with the first that works, not with
// the next event.
func TestRoomAgainWritesAll(t *testing.T) {
	_, dir, full := fullDisk(t)
	full.Store(false)
	got := ""
	for end := time.Now().Add(4 * time.Second); got != allThree && time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		got = codes(records(t, dir))
	}
	if got != allThree {
		t.Errorf("records: %s", got)
	}
}
