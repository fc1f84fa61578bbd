package minikv_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"labbox/edge"
	"labbox/edge/minikv"
	"labbox/edge/natsbus"
)

// The crash tests run this test binary again as a box that writes until it is
// killed; crashDir in its environment is the box's directory.
const crashDir = "LABBOX_MINIKV_CRASH_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDir); dir != "" {
		if err := writeUntilKilled(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

const crashWriters = 12

// A writer's work is numbered. Its state after n steps is known, so whoever
// knows the last step that was acknowledged knows what must be there: that
// state, or the next one.
type crashState struct {
	value, twin string // "" stands for no such key
	fence       uint64
}

const crashCycle = 6

func (s crashState) step(w, n int) crashState {
	v := crashValue(w, n)
	switch n % crashCycle {
	case 0, 1: // Set, Swap
		s.value = v
	case 2: // a script sets two keys at once
		s.value, s.twin = v, v
	case 3:
		s.fence = uint64(n)
	case 4:
		s.value = ""
	case 5: // a transaction sets two keys at once
		s.value, s.twin = v, v
	}
	return s
}

func crashValue(w, n int) string {
	return fmt.Sprintf("%d:%d:%s", w, n, strings.Repeat("x", (w*131+n*977)%4000))
}

func crashKey(w int, part string) string { return edge.Key("crash", part, strconv.Itoa(w)) }

func doCrashStep(ctx context.Context, kv edge.KV, c *redis.Client, w, n int) error {
	k, twin, v := crashKey(w, "value"), crashKey(w, "twin"), crashValue(w, n)
	switch n % crashCycle {
	case 0:
		return kv.Set(ctx, k, []byte(v), time.Duration(w%2)*time.Hour)
	case 1:
		ok, err := kv.Swap(ctx, k, []byte(crashValue(w, n-1)), []byte(v), 0)
		if err == nil && !ok {
			err = fmt.Errorf("swap found another value")
		}
		return err
	case 2:
		return c.Eval(ctx, `redis.call('SET',KEYS[1],ARGV[1]) return redis.call('SET',KEYS[2],ARGV[1])`, []string{k, twin}, v).Err()
	case 3:
		_, err := kv.Raise(ctx, crashKey(w, "fence"), uint64(n))
		return err
	case 4:
		_, err := kv.Delete(ctx, k)
		return err
	default:
		_, err := c.TxPipelined(ctx, func(p redis.Pipeliner) error {
			p.Set(ctx, k, v, time.Hour)
			p.Set(ctx, twin, v, 0)
			return nil
		})
		return err
	}
}

// writeUntilKilled reads the step at which each writer goes on from stdin and
// reports every acknowledged step on stdout.
func writeUntilKilled(dir string) error {
	var from [crashWriters]int
	for w := range from {
		if _, err := fmt.Fscan(os.Stdin, &from[w]); err != nil {
			return err
		}
	}
	ctx := context.Background()
	srv, err := natsbus.Start(ctx, natsbus.Config{Dir: dir})
	if err != nil {
		return err
	}
	s, err := minikv.Open(ctx, minikv.Config{Server: srv, CompactBytes: 64 << 10})
	if err != nil {
		return err
	}
	if err := s.Health(); err != nil {
		return err
	}
	fmt.Println("ready 0")
	failed := make(chan error)
	for w := range crashWriters {
		kv := s.KV()
		c := redis.NewClient(&redis.Options{Addr: "minikv", Dialer: s.Dialer(), MaxRetries: -1, Protocol: 2})
		go func() {
			for n := from[w]; ; n++ {
				if err := doCrashStep(ctx, kv, c, w, n); err != nil {
					failed <- fmt.Errorf("writer %d step %d: %w", w, n, err)
					return
				}
				fmt.Println(w, n) // one write call: whole lines
			}
		}()
	}
	return <-failed
}

// crashRun is a box that is killed again and again.
type crashRun struct {
	acked [crashWriters]int // the last acknowledged step, -1 for none
	state [crashWriters]crashState
	next  [crashWriters]int
	total int
}

func newCrashRun() *crashRun {
	r := &crashRun{}
	for w := range r.acked {
		r.acked[w] = -1
	}
	return r
}

// write starts a box on dir, lets it write for d after it is ready (or after the
// first acknowledged write, so that a busy machine writes something too), and
// calls end, which must end it.
func (r *crashRun) write(t *testing.T, dir string, d time.Duration, afterFirst bool, end func(*os.Process)) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), crashDir+"="+dir)
	var errs strings.Builder
	cmd.Stderr = &errs
	cmd.Stdin = strings.NewReader(strings.Trim(fmt.Sprint(r.next), "[]"))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines, ready := bufio.NewReader(out), false
	var once sync.Once
	stop := func() { once.Do(func() { end(cmd.Process) }) }
	watchdog := time.AfterFunc(60*time.Second, stop)
	defer watchdog.Stop()
	for {
		line, err := lines.ReadString('\n')
		if err == io.EOF {
			break // half a line was not acknowledged to anybody
		}
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(line, "ready") {
			ready = true
			if !afterFirst {
				defer time.AfterFunc(d, stop).Stop()
			}
			continue
		}
		if afterFirst {
			afterFirst = false
			defer time.AfterFunc(d, stop).Stop()
		}
		var w, n int
		if _, err := fmt.Sscan(line, &w, &n); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		r.acked[w] = n
		r.total++
	}
	_ = cmd.Wait()
	if !ready || errs.Len() > 0 {
		t.Fatalf("the box did not run: %s", errs.String())
	}
}

// check opens what was left in dir and looks for every acknowledged write.
func (r *crashRun) check(t *testing.T, dir string) {
	t.Helper()
	ctx := t.Context()
	srv, err := natsbus.Start(ctx, natsbus.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	s, err := minikv.Open(ctx, minikv.Config{Server: srv})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Health(); err != nil {
		t.Errorf("health: %v", err)
	}
	kv := s.KV()
	defer kv.Close()
	for w := range crashWriters {
		want := r.state[w]
		for n := r.next[w]; n <= r.acked[w]; n++ {
			want = want.step(w, n)
		}
		step := max(r.acked[w]+1, r.next[w])
		vals, err := kv.GetMany(ctx, crashKey(w, "value"), crashKey(w, "twin"), crashKey(w, "fence"))
		if err != nil {
			t.Fatal(err)
		}
		got := crashState{value: string(vals[0]), twin: string(vals[1])}
		got.fence, _ = strconv.ParseUint(string(vals[2]), 10, 64)
		if after := want.step(w, step); got != want && got != after {
			t.Errorf("writer %d, step %d acknowledged: found %.20q %.20q %d, want %.20q %.20q %d or %.20q %.20q %d", w, r.acked[w],
				got.value, got.twin, got.fence, want.value, want.twin, want.fence, after.value, after.twin, after.fence)
		}
		r.state[w] = got
		r.next[w] = (step/crashCycle + 1) * crashCycle // a new cycle fits any state
	}
}

// TestKill kills a box that writes at random moments and finds every
// acknowledged write again.
func TestKill(t *testing.T) {
	const kills = 20
	dir, r := t.TempDir(), newCrashRun()
	for n := range kills {
		d := time.Duration(rand.IntN(250)) * time.Millisecond
		r.write(t, dir, d, n%4 != 0, func(p *os.Process) { _ = p.Kill() })
		r.check(t, dir)
		if t.Failed() {
			return
		}
	}
	if r.total < kills*3/4 {
		t.Errorf("only %d writes were acknowledged", r.total)
	}
	t.Logf("%d kills, %d acknowledged writes, none lost", kills, r.total)
}
