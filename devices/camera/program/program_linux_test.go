package program

import (
	"bytes"
	"context"
	"image"
	"image/jpeg"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"labbox/devices/camera/source"
	"labbox/edge"
)

func TestMain(m *testing.M) {
	if os.Getenv("LABBOX_TEST_PROGRAM") != "" {
		child()
		return
	}
	goleak.VerifyTestMain(m)
}

func picture(t testing.TB) []byte {
	t.Helper()
	img := image.NewGray(image.Rect(0, 0, 64, 48))
	for i := range img.Pix {
		img.Pix[i] = byte(i * i >> 3)
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func file(t testing.TB, b []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "pictures")
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// logged is a log that can be read.
type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// shell opens a script as a source, and looks at the end that nothing of it is left.
func shell(t *testing.T, script string, change func(*Options)) source.Stream {
	t.Helper()
	o := Options{Args: []string{"sh", "-c", script}, Max: 1 << 20, First: 10 * time.Second, Stall: 10 * time.Second, Grace: 5 * time.Second}
	if change != nil {
		change(&o)
	}
	src, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	before := descriptors(t)
	st, err := src.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
		group := st.(*stream).cmd.Process.Pid
		for end := time.Now().Add(10 * time.Second); living(t, group); time.Sleep(5 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal("its group lives")
			}
		}
		if n := descriptors(t); n != before {
			t.Errorf("%d descriptors, %d before", n, before)
		}
		if c := children(t); c != "" {
			t.Errorf("children are left: %s", c)
		}
	})
	return st
}

func lostBy(t *testing.T, err error, why source.Why, says string) {
	t.Helper()
	e := edge.AsError(err)
	if err == nil || e.Code != edge.CodeNoPicture || e.Args["why"] != string(why) || !strings.Contains(e.Message, says) {
		t.Fatalf("%v (%v), want %s and %q", err, e.Args["why"], why, says)
	}
}

func next(t *testing.T, st source.Stream, want []byte) {
	t.Helper()
	if got, err := st.Next(); err != nil || !bytes.Equal(got, want) {
		t.Fatalf("%d bytes, want %d: %v", len(got), len(want), err)
	}
}

func TestPictures(t *testing.T) {
	p := picture(t)
	name := file(t, p)
	st := shell(t, "cat "+name+" "+name+" "+name, nil)
	for range 3 {
		next(t, st, p)
	}
	_, err := st.Next()
	lostBy(t, err, source.Ended, "sh ended (exit status 0)")
}

func TestParts(t *testing.T) {
	p := picture(t)
	st := shell(t, "cat "+file(t, []byte("--x\r\nContent-Type: image/jpeg\r\n\r\n"+string(p)+"\r\n--x--\r\n")), nil)
	next(t, st, p)
	_, err := st.Next()
	lostBy(t, err, source.Ended, "")
}

func TestEnds(t *testing.T) {
	big := append(picture(t)[:640], bytes.Repeat([]byte{1}, 2<<20)...)
	for _, c := range []struct {
		name, script string
		why          source.Why
		says         string
		change       func(*Options)
	}{
		{"at once", "echo no camera >&2; exit 3", source.Ended, "sh ended (exit status 3): no camera", nil},
		{"killed", "kill -9 $$", source.Ended, "signal: killed", nil},
		{"hangs", "exec sleep 1000", source.Stalled, "sh gives nothing", func(o *Options) { o.First = 50 * time.Millisecond }},
		{"says something and hangs", "echo waiting >&2; exec sleep 1000", source.Stalled, "gives nothing: waiting", func(o *Options) { o.First = time.Second }},
		{"hangs within a picture", "head -c 300 " + file(t, picture(t)) + "; exec sleep 1000", source.Stalled, "", func(o *Options) { o.Stall = 50 * time.Millisecond }},
		{"ends within a picture", "head -c 300 " + file(t, picture(t)), source.Ended, "", nil},
		{"closes its output and lives", "exec >&-; exec sleep 1000", source.Ended, "sh ended its output", nil},
		{"text", "echo this is no picture", source.NotJPEG, "", nil},
		{"text without end", "exec yes", source.NotJPEG, "", nil},
		{"too large", "cat " + file(t, big) + "; exec sleep 1000", source.TooLarge, "", nil},
		{"100 MB", "head -c 640 " + file(t, big) + "; head -c 100000000 /dev/zero; exec sleep 1000", source.TooLarge, "", nil},
		{"wants to read", "exec cat", source.Ended, "exit status 0", nil},
		{"ignores SIGTERM", "trap '' TERM; while :; do sleep 0.05; done", source.Stalled, "", func(o *Options) { o.First, o.Grace = 300*time.Millisecond, 50*time.Millisecond }},
		{"is stopped", "kill -STOP $$", source.Stalled, "", func(o *Options) { o.First, o.Grace = 300*time.Millisecond, 50*time.Millisecond }},
		{"leaves children", "sleep 1000 & sleep 1000 & exit 0", source.Ended, "exit status 0", nil},
		{"leaves a child in a session of its own", "setsid sleep 3 & sleep 0.1", source.Ended, "sh ended (exit status 0)",
			func(o *Options) { o.First = 5 * time.Second }},
		{"is explained", "echo sorry: no >&2; exit 1", source.Busy, "sorry: no", func(o *Options) {
			o.Explain = func(lines []string) (source.Why, string) { return source.Busy, strings.Join(lines, "|") }
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			st := shell(t, c.script, c.change)
			_, err := st.Next()
			lostBy(t, err, c.why, c.says)
			if _, err := st.Next(); err == nil {
				t.Error("a picture after the end")
			}
		})
	}
}

// TestClose: whatever the program does, Close ends it, all of it, in time.
func TestClose(t *testing.T) {
	p := picture(t)
	name := file(t, p)
	for _, c := range []struct{ name, script string }{
		{"between pictures", "cat " + name + "; exec sleep 1000"},
		{"with children", "cat " + name + "; sleep 1000 & sleep 1000 & wait"},
		{"that ignores SIGTERM, with a child that does", "trap '' TERM; cat " + name + "; (while :; do sleep 0.05; done) & while :; do sleep 0.05; done"},
		{"while it floods both outputs", "yes >&2 & cat " + name + "; while :; do cat " + name + "; done"},
	} {
		t.Run(c.name, func(t *testing.T) {
			st := shell(t, c.script, func(o *Options) { o.Grace = 200 * time.Millisecond })
			next(t, st, p)
			waiting := make(chan error)
			go func() {
				for {
					if _, err := st.Next(); err != nil {
						waiting <- err
						return
					}
				}
			}()
			began := time.Now()
			if err := st.Close(); err != nil {
				t.Error(err)
			}
			if d := time.Since(began); d > 3*time.Second {
				t.Errorf("%v", d)
			}
			if err := <-waiting; err == nil {
				t.Error("no error")
			}
		})
	}
}

func TestContext(t *testing.T) {
	src, err := New(Options{Args: []string{"sleep", "1000"}, Max: 1000})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	st, err := src.Open(ctx)
	if err != nil {
		t.Fatal(err)
	}
	go cancel()
	if _, err := st.Next(); err == nil {
		t.Error("a picture")
	}
	if err := st.Close(); err != nil {
		t.Error(err)
	}
	if _, err := src.Open(ctx); err == nil {
		t.Error("started after its end")
	}
}

func TestMissing(t *testing.T) {
	src, err := New(Options{Args: []string{"labbox-no-such-program", "secret"}, Max: 1000, Install: "apt install it"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = src.Open(t.Context())
	lostBy(t, err, source.Unsupported, "labbox-no-such-program is not installed")
	if edge.AsError(err).Hint != "apt install it" || strings.Contains(src.String(), "secret") {
		t.Error(edge.AsError(err).Hint, src)
	}
	src, _ = New(Options{Args: []string{file(t, nil)}, Max: 1000})
	if _, err = src.Open(t.Context()); err == nil {
		t.Error("a file that is no program was started")
	}
	if _, err := New(Options{}); err == nil {
		t.Error("no program")
	}
}

// TestFlood: what a program writes to standard error costs neither pictures, nor memory,
// nor the log, and shows nothing secret.
func TestFlood(t *testing.T) {
	p := picture(t)
	var log logged
	st := shell(t, `i=0; while [ $i -lt 3000 ]; do i=$((i+1)); echo "line $i 'p&w' rtsp://me:other@host/x" >&2; done; head -c 5000000 /dev/zero >&2; echo >&2; echo last >&2; cat `+file(t, p), func(o *Options) {
		o.Secrets, o.Logger = []string{"p&w", ""}, slog.New(slog.NewTextHandler(&log, nil))
	})
	next(t, st, p)
	_, err := st.Next()
	lostBy(t, err, source.Ended, ": last")
	if n := strings.Count(log.String(), "\n"); n != logLines+1 {
		t.Errorf("%d lines in the log:\n%s", n, log.String())
	}
	for _, s := range append(st.(*stream).tail.lines(), log.String()) {
		if strings.Contains(s, "p&w") || strings.Contains(s, "other") {
			t.Errorf("a secret: %.200s", s)
		}
	}
	if !strings.Contains(log.String(), "rtsp://***@host/x") {
		t.Error(log.String())
	}
}

// What a program says of being ended is no trouble.
func TestEndIsQuiet(t *testing.T) {
	p := picture(t)
	var log logged
	st := shell(t, `trap 'echo Broken pipe >&2; exit' TERM; echo begins >&2; cat `+file(t, p)+`; while :; do sleep 0.02; done`, func(o *Options) {
		o.Logger = slog.New(slog.NewTextHandler(&log, nil))
	})
	next(t, st, p)
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	if s := log.String(); !strings.Contains(s, "begins") || strings.Contains(s, "Broken") {
		t.Errorf("the log:\n%s", s)
	}
}

func TestEnvironment(t *testing.T) {
	t.Setenv("LABBOX_SECRET", "do-not-pass")
	st := shell(t, "env >&2", func(o *Options) { o.Env = []string{"CAMERA=1"} })
	_, err := st.Next()
	lostBy(t, err, source.Ended, "")
	env := strings.Join(st.(*stream).tail.lines(), "\n")
	if strings.Contains(env, "do-not-pass") || !strings.Contains(env, "CAMERA=1") || !strings.Contains(env, "PATH=") {
		t.Error(env)
	}
}

func TestInput(t *testing.T) {
	p := picture(t)
	st := shell(t, "exec cat", func(o *Options) { o.Input = p })
	next(t, st, p)
	_, err := st.Next()
	lostBy(t, err, source.Ended, "")
	src, _ := New(Options{Args: []string{"cat"}, Max: 1000, Input: make([]byte, maxInput+1)})
	if _, err := src.Open(t.Context()); err == nil {
		t.Error("an input that a pipe may not hold")
	}
}
