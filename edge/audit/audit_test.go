package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"labbox/edge"
)

func open(t testing.TB, cfg Config) *Log {
	t.Helper()
	l, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func flush(t testing.TB, l *Log) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := l.Sync(ctx); err != nil {
		t.Fatal(err)
	}
}

func refused(seat string, n int) *edge.Event {
	return &edge.Event{Box: "bench", Device: "plate", Seq: uint64(n), Code: "refused",
		Actor: &edge.Actor{Seat: seat, Name: "Zoë <b>", Role: edge.RoleStudent, Via: "panel"},
		Args:  map[string]any{"command": "drive", "verdict": "rate", "fence": uint64(7), "args": edge.Args{"power": edge.Number(4.5), "mode": edge.Word("up")}}}
}

func command(n int) *edge.Event {
	return &edge.Event{Box: "bench", Device: "plate", Seq: uint64(n), MonoUS: 12, WallMS: 34, Code: "command", Args: map[string]any{"n": n}}
}

func records(t testing.TB, dir string) (list []Record) {
	t.Helper()
	if err := Walk(t.Context(), dir, func(r *Record) error {
		c := *r
		c.Raw = bytes.Clone(r.Raw)
		list = append(list, c)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return list
}

func check(t testing.TB, dir string, kept ...Head) Report {
	t.Helper()
	r, err := Verify(t.Context(), dir, kept...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func mustHold(t testing.TB, dir string, kept ...Head) Report {
	t.Helper()
	r := check(t, dir, kept...)
	if !r.OK() {
		t.Fatalf("findings: %v", r.Findings)
	}
	return r
}

func codes(list []Record) string {
	var out []string
	for _, r := range list {
		out = append(out, r.Event.Code)
	}
	return strings.Join(out, " ")
}

func TestWhatIsNotedIsThere(t *testing.T) {
	defer goleak.VerifyNone(t)
	dir := t.TempDir()
	l := open(t, Config{Dir: dir, Box: "bench", Version: "1.2"})
	want := refused("s1", 3)
	l.Note(want)
	flush(t, l)
	r := mustHold(t, dir) // while it runs
	if r.Records != 2 || r.First != 1 || r.Head != l.Head() {
		t.Errorf("report %+v, head %v", r, l.Head())
	}
	list := records(t, dir)
	if got := codes(list); got != "audit.started refused" {
		t.Fatalf("records: %s", got)
	}
	got, _ := json.Marshal(list[1].Event)
	if exp, _ := json.Marshal(want); !jsonEqual(t, got, exp) {
		t.Errorf("got  %s\nwant %s", got, exp)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = open(t, Config{Dir: dir})
	l.Note(command(1))
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if r := mustHold(t, dir); r.Records != 4 {
		t.Errorf("report %+v", r)
	}
	if got := codes(records(t, dir)); got != "audit.started refused audit.started command" {
		t.Errorf("records: %s", got)
	}
	var out bytes.Buffer
	if err := Export(t.Context(), dir, &out); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(file, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	if r, err := VerifyFile(t.Context(), file, l.Head()); err != nil || !r.OK() || r.Records != 4 {
		t.Errorf("exported: %+v %v", r, err)
	}
}

func jsonEqual(t testing.TB, a, b []byte) bool {
	t.Helper()
	var x, y any
	if err := json.Unmarshal(a, &x); err != nil {
		t.Fatalf("%s: %v", a, err)
	}
	if err := json.Unmarshal(b, &y); err != nil {
		t.Fatalf("%s: %v", b, err)
	}
	a, _ = json.Marshal(x)
	b, _ = json.Marshal(y)
	return bytes.Equal(a, b)
}

// A refused flood of one seat's becomes one record a second; others, and what
// goes out, stay whole.
func TestFloodOfOneSeat(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		l := open(t, Config{Dir: dir, Box: "bench", Clock: edge.NewSystemClock()})
		for i := range 1000 {
			l.Note(refused("loud", i))
			l.Note(command(i))
			if i < 20 {
				l.Note(refused("quiet", i))
			}
		}
		time.Sleep(1500 * time.Millisecond)
		l.Note(refused("loud", 1000))
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	})
	mustHold(t, dir)
	n := map[string]int{}
	for _, r := range records(t, dir) {
		k := r.Event.Code
		if a := r.Event.Actor; a != nil {
			k += " " + a.Seat
		}
		n[k]++
		if r.Event.Code == codeMore {
			got, _ := json.Marshal(r.Event.Args)
			if string(got) != `{"code":"refused","first":"rate","n":950}` || r.Event.Actor.Seat != "loud" || r.Event.Device != "plate" {
				t.Errorf("more: %s %+v", got, r.Event)
			}
		}
	}
	want := map[string]int{"audit.started": 1, "refused loud": 51, "refused quiet": 20, "command": 1000, "audit.more loud": 1}
	if fmt.Sprint(n) != fmt.Sprint(want) {
		t.Errorf("records %v, want %v", n, want)
	}
}

func TestManySeatsStayBounded(t *testing.T) {
	th := throttle{floods: map[who]*flood{}}
	for i := range 100_000 {
		th.admit(refused(fmt.Sprint("seat ", i), i), 0)
	}
	if len(th.floods) > maxFlood+1 {
		t.Errorf("%d seats are remembered", len(th.floods))
	}
	if more := th.sweep(0, true); len(more) != 1 || len(th.floods) != 0 {
		t.Errorf("%d records of more, %d left", len(more), len(th.floods))
	}
}

// Nobody can write the log's own records.
func TestOwnCodesAreTheLogs(t *testing.T) {
	dir := t.TempDir()
	l := open(t, Config{Dir: dir})
	l.Note(&edge.Event{Code: codeBroken, Args: map[string]any{"found": "x"}})
	l.Note(&edge.Event{Code: "note", Args: map[string]any{"code": codeBroken, "text": `"code":"audit.broken"`}})
	flush(t, l)
	mustHold(t, dir)
	if got := codes(records(t, dir)); got != "audit.started note.audit.broken note" {
		t.Errorf("records: %s", got)
	}
}

func TestSizeIsBounded(t *testing.T) {
	dir := t.TempDir()
	l := open(t, Config{Dir: dir, FileBytes: 4000, MaxBytes: 20_000})
	for i := range 400 {
		l.Note(command(i))
		if i%10 == 0 {
			flush(t, l)
		}
	}
	flush(t, l)
	files, err := list(dir)
	if err != nil {
		t.Fatal(err)
	}
	total := int64(0)
	for _, f := range files {
		total += f.size
	}
	if total > 30_000 || len(files) < 3 {
		t.Errorf("%d files with %d bytes", len(files), total)
	}
	r := mustHold(t, dir, l.Head())
	if r.First == 1 || !r.Dropped {
		t.Errorf("report %+v", r)
	}
	_ = l.Close()
	l = open(t, Config{Dir: dir, FileBytes: 4000, MaxBytes: 20_000})
	_ = l.Close()
	mustHold(t, dir)
	// Stopping and starting wrote more, which may have dropped the oldest.
	if files, err = list(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(files[0].path); err != nil {
		t.Fatal(err)
	}
	if r := check(t, dir); r.OK() || !strings.Contains(r.Findings[0].What, "does not say that the ones before were dropped") {
		t.Errorf("the oldest file is gone: %v", r.Findings)
	}
}

// A year's jump of the calendar deletes nothing; real age does.
func TestAge(t *testing.T) {
	dir := t.TempDir()
	l := open(t, Config{Dir: dir, FileBytes: 1000})
	for i := range 30 {
		l.Note(command(i))
		flush(t, l)
	}
	_ = l.Close()
	files, _ := list(dir)
	old := time.Now().Add(-2 * 365 * 24 * time.Hour)
	for _, f := range files[:2] {
		if err := os.Chtimes(f.path, old, old); err != nil {
			t.Fatal(err)
		}
	}
	w := writer{log: &Log{cfg: Config{Clock: edge.NewSystemClock(), MaxAge: time.Hour}}, born: time.Now().Add(-time.Hour)}
	files, _ = list(dir)
	if w.older(files[0]) {
		t.Error("old although the calendar was set since the start")
	}
	w.born = time.Now()
	if !w.older(files[0]) || w.older(files[3]) {
		t.Error("age is not seen")
	}
	l = open(t, Config{Dir: dir, FileBytes: 1000})
	_ = l.Close()
	left, _ := list(dir)
	if left[0].first != files[2].first {
		t.Errorf("begins with %d, want %d", left[0].first, files[2].first)
	}
	mustHold(t, dir)
}

func TestEventsAreBounded(t *testing.T) {
	for name, e := range map[string]*edge.Event{
		"args":    {Code: "command", Args: map[string]any{"x": strings.Repeat("é\"", 1<<20)}},
		"many":    {Code: "command", Args: map[string]any{"x": make([]int, 1<<16)}},
		"name":    {Code: strings.Repeat("c", 1<<20), Actor: &edge.Actor{Name: strings.Repeat("\x00", 10<<20), Seat: strings.Repeat("é", 1<<20)}},
		"nothing": {},
		"nan":     {Code: "x", Args: map[string]any{"x": edge.Args{"y": edge.Number(nan())}, "z": nan(), "f": func() {}}},
	} {
		b := appendEvent(nil, e)
		line, _ := appendRecord(nil, Head{N: 1<<63 - 1}, b)
		if len(line) > maxLine {
			t.Errorf("%s: %d bytes", name, len(line))
		}
		if _, _, _, err := parseRecord(line[:len(line)-1]); err != nil {
			t.Errorf("%s: %v: %.200s", name, err, line)
		}
	}
}

func nan() float64 { z := 0.0; return z / z }

func TestHeadText(t *testing.T) {
	h := Head{N: 12, Hash: Hash{1, 2, 0xff}}
	if got, err := ParseHead(h.String()); err != nil || got != h {
		t.Errorf("%v %v", got, err)
	}
	for _, s := range []string{"", "12", "12:", "x:" + h.Hash.String(), "12:" + strings.ToUpper(h.Hash.String()), h.String() + "0"} {
		if _, err := ParseHead(s); edge.CodeOf(err) != edge.CodeBadRequest {
			t.Errorf("%q: %v", s, err)
		}
	}
}

func TestHeadIsToldElsewhere(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var told []Head
		l := open(t, Config{Dir: dir, Copy: func(_ context.Context, h Head) error {
			mu.Lock()
			defer mu.Unlock()
			told = append(told, h)
			return nil
		}})
		for i := range 20 {
			l.Note(command(i))
			time.Sleep(time.Second)
		}
		mu.Lock()
		n := len(told)
		mu.Unlock()
		if n < 3 || n > 5 {
			t.Errorf("told %d times in 20 s", n)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if len(told) == 0 || told[len(told)-1] != l.Head() {
			t.Errorf("told %v, head %v", told, l.Head())
		}
		if h, err := readHead(dir); err != nil || h != l.Head() {
			t.Errorf("beside: %v %v", h, err)
		}
	})
}

func mustJSON(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
