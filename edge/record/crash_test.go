package record

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"labbox/edge/frame"
)

const childEnv = "LABBOX_RECORD_CRASH_DIR"

// childMain is the process that TestKill9 kills: it records 1000 samples a
// second and starts and stops runs, and says on stdout what was acknowledged.
func childMain() bool {
	dir := os.Getenv(childEnv)
	if dir == "" {
		return false
	}
	ctx := context.Background()
	fail := func(err error) {
		if err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
	}
	s, err := Open(ctx, Config{Dir: dir, Box: "bench", SegmentBytes: 20_000})
	fail(err)
	fail(s.Contract("pendulum", info))
	long, err := s.StartRun(ctx, RunMeta{Device: "pendulum", Name: "long"})
	fail(err)
	fmt.Println("started", long.ID)

	go func() {
		for {
			r, err := s.StartRun(ctx, RunMeta{Device: "pendulum", Name: "short"})
			fail(err)
			fmt.Println("started", r.ID)
			fail(s.Annotate(ctx, r.ID, s.cfg.Clock.Mono(), "here", ana))
			fmt.Println("noted", r.ID)
			_, err = s.StopRun(ctx, r.ID, ana)
			fail(err)
			fmt.Println("stopped", r.ID)
		}
	}()
	fb := frame.NewBuilder(1, 1, 0, two, false)
	tick := time.NewTicker(5 * time.Millisecond)
	for n := 0; ; {
		<-tick.C
		for range 5 {
			fb.Add(s.cfg.Clock.Mono(), nan, []float64{float64(n), float64(n)})
			n++
		}
		fail(s.Frame("pendulum", fb.AppendFrame(nil)))
		if n%50 == 0 {
			fail(s.Sync(ctx))
			fmt.Println("synced", long.ID, n)
		}
	}
}

// TestKill9 kills a recording process at random moments: everything it was told
// is kept must be there, whole, and the directory must open again.
func TestKill9(t *testing.T) {
	dir, rounds := t.TempDir(), 20
	started, noted, stopped := map[string]bool{}, map[string]bool{}, map[string]bool{}
	synced := map[string]int{}
	acks := 0
	for round := range rounds {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), childEnv+"="+dir)
		out := must[interface {
			Read([]byte) (int, error)
			Close() error
		}](t)(cmd.StdoutPipe())
		check(t, cmd.Start())
		first := make(chan struct{})
		killed := make(chan struct{})
		go func() {
			defer close(killed)
			<-first
			time.Sleep(time.Duration(rand.IntN(400)) * time.Millisecond) // the random moment
			_ = cmd.Process.Kill()
		}()
		lines := bufio.NewScanner(out)
		for n := 0; lines.Scan(); n++ {
			if n == 0 {
				close(first)
			}
			f := strings.Fields(lines.Text())
			if len(f) < 2 || f[0] == "error" {
				t.Errorf("round %d: child says %q", round, lines.Text())
				continue
			}
			acks++
			switch f[0] {
			case "started":
				started[f[1]] = true
			case "noted":
				noted[f[1]] = true
			case "stopped":
				stopped[f[1]] = true
			case "synced":
				var n int
				if _, err := fmt.Sscan(f[2], &n); err == nil {
					synced[f[1]] = n
				}
			}
		}
		<-killed
		_ = cmd.Wait()
	}
	s := open(t, Config{Dir: dir})
	ctx := context.Background()
	if s.Repairs().LostSegments > 0 || s.Repairs().DamagedBytes > 0 {
		t.Errorf("%+v", s.Repairs())
	}
	for id := range started {
		r, err := s.Run(ctx, id)
		if err != nil {
			t.Errorf("acknowledged start of %s: %v", id, err)
			continue
		}
		if r.State == StateRecording || stopped[id] && r.State != StateDone {
			t.Errorf("run %s is %s, stopped %v", id, r.State, stopped[id])
		}
		if noted[id] && len(r.Annotations) != 1 {
			t.Errorf("run %s has lost its note", id)
		}
		next := uint64(0)
		long := r.Name == "long"
		err = s.Frames(ctx, id, func(b []byte) error {
			v, _, err := frame.Parse(b)
			if err != nil {
				return err
			}
			if h := v.Header(); (next != 0 || long) && h.Seq != next || h.Lost != 0 {
				return fmt.Errorf("seq %d after %d", h.Seq, next)
			}
			for i := range v.Header().Samples {
				if v.Value(0, i) != float64(v.Header().Seq)+float64(i) {
					return fmt.Errorf("wrong value at %d", v.Header().Seq)
				}
			}
			next = v.Header().Next
			return nil
		})
		if err != nil || next < uint64(synced[id]) {
			t.Errorf("run %s: samples to %d of %d acknowledged: %v", id, next, synced[id], err)
		}
	}
	t.Logf("%d kills, %d acknowledgements, %d runs, %+v", rounds, acks, len(started), s.Repairs())
	if len(started) < rounds || len(synced) < rounds/4 {
		t.Errorf("only %d runs and %d sync points were acknowledged", len(started), len(synced))
	}
}
