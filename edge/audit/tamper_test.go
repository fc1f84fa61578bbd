package audit

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// written makes a log of n events in several files, closed.
func written(t testing.TB, n int) (dir string, head Head) {
	t.Helper()
	dir = t.TempDir()
	l := open(t, Config{Dir: dir, Box: "bench", FileBytes: 4000})
	for i := range n {
		l.Note(refused(fmt.Sprint("s", i/40), i))
		if i%8 == 0 {
			flush(t, l)
		}
	}
	// The newest file holds something: one that was just begun can go unnoticed.
	for i := n; ; i++ {
		flush(t, l)
		files, err := list(dir)
		if err != nil {
			t.Fatal(err)
		}
		if files[len(files)-1].size > 0 {
			break
		}
		l.Note(refused(fmt.Sprint("s", i/40), i))
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return dir, l.Head()
}

func copyDir(t testing.TB, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

// Any change of any byte, line or file is found; nothing else is.
func TestTamperedLogIsFound(t *testing.T) {
	dir, head := written(t, 60)
	mustHold(t, dir, head)
	other, _ := written(t, 60)
	files, err := list(dir)
	files = slices.DeleteFunc(files, func(f logFile) bool { return f.size == 0 })
	if err != nil || len(files) < 4 {
		t.Fatal(len(files), err)
	}
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		bad := filepath.Join(t.TempDir(), fmt.Sprint(n))
		copyDir(t, dir, bad)
		at := rapid.IntRange(0, len(files)-1).Draw(rt, "file")
		path := filepath.Join(bad, filepath.Base(files[at].path))
		old, err := os.ReadFile(path)
		if err != nil {
			rt.Fatal(err)
		}
		rows := bytes.SplitAfter(old, []byte("\n"))
		rows = rows[:len(rows)-1]
		row := func(name string) int { return rapid.IntRange(0, len(rows)-1).Draw(rt, name) }
		b := slices.Clone(old)
		what := rapid.SampledFrom([]string{"byte", "delete line", "swap", "cut", "forge", "replace", "delete file", "insert", "twice", "all"}).Draw(rt, "what")
		switch what {
		case "byte":
			i := rapid.IntRange(0, len(b)-1).Draw(rt, "at")
			b[i] ^= byte(rapid.IntRange(1, 255).Draw(rt, "xor"))
		case "delete line":
			i := row("line")
			b = bytes.Join(slices.Delete(slices.Clone(rows), i, i+1), nil)
		case "swap":
			i, j := row("one"), row("two")
			if i == j {
				return
			}
			rows[i], rows[j] = rows[j], rows[i]
			b = bytes.Join(rows, nil)
		case "cut":
			b = b[:rapid.IntRange(0, len(b)-1).Draw(rt, "to")]
		case "forge": // a record with a good hash of its own, and no place in the chain
			i := row("line")
			h, _, _, err := parseRecord(bytes.TrimSuffix(rows[i], []byte("\n")))
			if err != nil {
				rt.Fatal(err)
			}
			h.Hash[3] ^= 1
			forged, _ := appendRecord(nil, h, appendEvent(nil, command(1)))
			b = bytes.Join(slices.Insert(slices.Clone(rows), i+1, forged), nil)
		case "replace": // by a file of another log
			if b, err = os.ReadFile(filepath.Join(other, filepath.Base(files[at].path))); err != nil {
				rt.Skip("the other log has no such file")
			}
		case "insert":
			i := rapid.IntRange(0, len(b)).Draw(rt, "at")
			b = slices.Insert(b, i, rapid.SliceOfN(rapid.Byte(), 1, 5).Draw(rt, "bytes")...)
			if at == len(files)-1 && i == len(old) && b[len(b)-1] != '\n' {
				return // as a crash leaves it, see TestTornEnd
			}
		case "twice":
			i := row("line")
			b = bytes.Join(slices.Insert(slices.Clone(rows), i, rows[i]), nil)
		case "all": // a whole chain made anew from here on; only a head elsewhere tells
			h := Head{N: files[at].first - 1}
			b = nil
			for range rows {
				b, h = appendRecord(b, h, appendEvent(nil, command(1)))
			}
		}
		if what == "delete file" {
			err = os.Remove(path)
		} else if bytes.Equal(b, old) {
			return
		} else {
			err = os.WriteFile(path, b, 0o600)
		}
		if err != nil {
			rt.Fatal(err)
		}
		r := check(t, bad, head)
		if r.OK() {
			rt.Fatalf("%s of %s is not found", what, path)
		}
		if what == "byte" && at == len(files)-1 && b[len(b)-1] != '\n' {
			return // the last line has no end: it is as a crash leaves it, and the head tells
		}
		if f := r.Findings[0]; f.File == "" && what != "cut" && what != "delete file" && what != "delete line" && what != "replace" {
			rt.Fatalf("%s: no place in %v", what, r.Findings)
		}
	})
}

// Whoever makes the whole chain anew, its head too, is found by a head from
// elsewhere only.
func TestChainMadeAnew(t *testing.T) {
	dir, head := written(t, 10)
	files, _ := list(dir)
	for _, f := range files {
		_ = os.Remove(f.path)
	}
	var b []byte
	var h Head
	for i := range int(head.N) {
		b, h = appendRecord(b, h, appendEvent(nil, command(i)))
	}
	if err := os.WriteFile(fileName(dir, 1), b, 0o600); err != nil {
		t.Fatal(err)
	}
	if r := check(t, dir); r.OK() {
		t.Error("head.json does not tell")
	}
	if err := writeHead(dir, h); err != nil {
		t.Fatal(err)
	}
	mustHold(t, dir) // no chain can tell
	if r := check(t, dir, head); r.OK() || !strings.Contains(fmt.Sprint(r.Findings), "is another record") {
		t.Errorf("findings: %v", r.Findings)
	}
}

// The box goes on over a broken log in a new file, says what it found, and verify
// never forgets.
func TestBrokenLogGoesOn(t *testing.T) {
	for name, damage := range map[string]func(t *testing.T, dir string, files []logFile){
		"cut": func(t *testing.T, _ string, files []logFile) {
			if err := os.Truncate(files[len(files)-1].path, 200); err != nil {
				t.Fatal(err)
			}
		},
		"last file gone": func(_ *testing.T, _ string, files []logFile) { _ = os.Remove(files[len(files)-1].path) },
		"all gone": func(_ *testing.T, _ string, files []logFile) {
			for _, f := range files {
				_ = os.Remove(f.path)
			}
		},
		"edited": func(t *testing.T, _ string, files []logFile) {
			edit(t, files[len(files)-1].path, func(b []byte) []byte { return bytes.Replace(b, []byte(`"rate"`), []byte(`"late"`), 1) })
		},
		"forged end": func(t *testing.T, _ string, files []logFile) {
			edit(t, files[len(files)-1].path, func(b []byte) []byte {
				b, _ = appendRecord(b, Head{N: 60}, appendEvent(nil, command(1)))
				return b
			})
		},
		"junk line": func(t *testing.T, _ string, files []logFile) {
			edit(t, files[len(files)-1].path, func(b []byte) []byte { return append(b, "junk\n"...) })
		},
		"head": func(t *testing.T, dir string, _ []logFile) {
			if err := os.WriteFile(filepath.Join(dir, headName), []byte("{}"), 0o600); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir, head := written(t, 30)
			files, _ := list(dir)
			damage(t, dir, files)
			if r := check(t, dir); r.OK() {
				t.Fatal("not found before the start")
			}
			for range 2 {
				l := open(t, Config{Dir: dir})
				l.Note(command(1))
				if err := l.Close(); err != nil {
					t.Fatal(err)
				}
				if h := l.Head(); h.N <= head.N {
					t.Errorf("record %d again", h.N)
				}
			}
			r := check(t, dir)
			if !strings.Contains(fmt.Sprint(r.Findings), "the box found the log broken") {
				t.Errorf("findings: %v", r.Findings)
			}
			list := records(t, dir)
			if got := codes(list[len(list)-5:]); got != "audit.broken audit.started command audit.started command" {
				t.Errorf("records: %s", got)
			}
		})
	}
}

func edit(t *testing.T, path string, fn func([]byte) []byte) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, fn(slices.Clone(b)), 0o600); err != nil {
		t.Fatal(err)
	}
}

// What a crash leaves is cut off, the log says so, and verify accepts it: before
// and after.
func TestTornEnd(t *testing.T) {
	dir, end := written(t, 30)
	files, _ := list(dir)
	last := files[len(files)-1].path
	whole, err := os.ReadFile(last)
	if err != nil {
		t.Fatal(err)
	}
	line, _ := appendRecord(nil, end, appendEvent(nil, refused("s1", 1)))
	for name, rest := range map[string][]byte{"one byte": line[:1], "half": line[:len(line)/2], "no newline": line[:len(line)-1],
		"zeros": make([]byte, 512), "half and zeros": append(slices.Clone(line[:50]), make([]byte, 700)...)} {
		t.Run(name, func(t *testing.T) {
			torn := t.TempDir()
			copyDir(t, dir, torn)
			path := filepath.Join(torn, filepath.Base(last))
			if err := os.WriteFile(path, append(slices.Clone(whole), rest...), 0o600); err != nil {
				t.Fatal(err)
			}
			if r := mustHold(t, torn); r.Torn != len(rest) {
				t.Errorf("torn %d, want %d", r.Torn, len(rest))
			}
			l := open(t, Config{Dir: torn})
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			mustHold(t, torn)
			list := records(t, torn)
			if got := codes(list[len(list)-2:]); got != "audit.torn audit.started" {
				t.Errorf("records: %s", got)
			}
			if n := list[len(list)-2].Event.Args["bytes"]; n != float64(len(rest)) {
				t.Errorf("bytes %v", n)
			}
		})
	}
}

// A crash just after a file was begun.
func TestNewFileWithoutRecords(t *testing.T) {
	dir, head := written(t, 10)
	if err := os.WriteFile(fileName(dir, head.N+1), []byte(`{"ha`), 0o600); err != nil {
		t.Fatal(err)
	}
	mustHold(t, dir)
	l := open(t, Config{Dir: dir})
	_ = l.Close()
	r := mustHold(t, dir)
	if r.Head.N != head.N+2 {
		t.Errorf("head %v", r.Head)
	}
}
