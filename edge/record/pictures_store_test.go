package record

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"labbox/edge"
	"labbox/edge/frame"
)

// Pictures count as what runs keep: they push out segments that nobody needs, then
// they are refused.
func TestPicturesShareTheSpace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		free := uint64(1 << 30)
		var mu sync.Mutex
		dir := t.TempDir()
		cfg := Config{Dir: dir, MaxBytes: 80_000, SegmentBytes: 4000, MinFree: 1 << 20, free: func(string) (uint64, error) {
			mu.Lock()
			defer mu.Unlock()
			return free, nil
		}}
		s := open(t, cfg)
		ctx := context.Background()
		f := newFeed(t, s)
		for range 1300 { // more than MaxBytes, of no run
			f.frame(s.cfg.Clock.Mono())
			time.Sleep(100 * time.Millisecond)
		}
		run := must[Run](t)(s.StartRun(ctx, RunMeta{Device: "roof"}))
		add := func(size int) error {
			return s.AddPicture(ctx, run.ID, door, s.cfg.Clock.Mono(), jpegOf(1, size), 0)
		}
		for range 5 {
			check(t, add(10_000))
		}
		if err := add(10_000); edge.CodeOf(err) != edge.CodeStoreFull {
			t.Errorf("over three quarters of MaxBytes: %v", err)
		}
		time.Sleep(2 * time.Second)
		s.mu.Lock()
		segments := int64(0)
		for _, seg := range s.tracks["pendulum"].segments {
			segments += seg.bytes
		}
		if segments > 34_000 || s.total != segments+s.pictureBytes || s.pictureBytes < 50_000 || s.pictureBytes > 51_000 {
			t.Errorf("%d bytes kept, %d of pictures", s.total, s.pictureBytes)
		}
		s.mu.Unlock()
		check(t, add(5000)) // a smaller one fits
		if _, err := s.StartRun(ctx, RunMeta{Device: "roof"}); err != nil {
			t.Errorf("a run while there is room: %v", err)
		}
		s.mu.Lock()
		all := s.pictureBytes
		s.cfg.MaxBytes, all = all, s.cfg.MaxBytes
		s.mu.Unlock()
		if _, err := s.StartRun(ctx, RunMeta{Device: "roof"}); edge.CodeOf(err) != edge.CodeStoreFull {
			t.Errorf("a run where pictures take all: %v", err)
		}
		s.mu.Lock()
		s.cfg.MaxBytes = all
		s.mu.Unlock()
		mu.Lock()
		free = 2<<20 + 3000
		mu.Unlock()
		time.Sleep(3500 * time.Millisecond)
		check(t, add(500))
		for n := 0; ; n++ { // what came since the last look at the disk counts
			err := add(500)
			if edge.CodeOf(err) == edge.CodeStoreFull && errors.Is(err, syscall.ENOSPC) {
				break
			}
			if check(t, err); n > 10 {
				t.Fatal("less is left free than is said")
			}
		}
		if s.lowSpace() {
			t.Error("pictures take the space that samples may have")
		}
		done := must[Run](t)(s.StopRun(ctx, run.ID, ana))
		if want := "pictures of door: some were not kept, there was no space"; !slices.Equal(done.Notices, []string{want}) {
			t.Errorf("notices %q", done.Notices)
		}
		check(t, s.Close())
		s = open(t, cfg) // the books are right again after a restart
		defer s.Close()
		s.mu.Lock()
		if s.pictureBytes != s.runs[run.ID].pictureBytes || s.pictureBytes < 55_000 {
			t.Errorf("%d bytes of pictures", s.pictureBytes)
		}
		s.mu.Unlock()
		check(t, s.DeleteRun(ctx, run.ID))
		s.mu.Lock()
		if s.pictureBytes != 0 {
			t.Errorf("%d bytes of pictures after their run", s.pictureBytes)
		}
		s.mu.Unlock()
	})
}

// A disk that is full in the middle of a picture costs that one alone.
func TestPictureOnAFullDisk(t *testing.T) {
	d := &disk{left: -1}
	clock := &handClock{mono: time.Second}
	dir := t.TempDir()
	s := open(t, Config{Dir: dir, Clock: clock, create: d.create})
	ctx := context.Background()
	run := must[Run](t)(s.StartRun(ctx, RunMeta{Device: "pendulum"}))
	want := map[string][]kept{}
	of := PictureOf{ID: "door", Name: "Name of door", Description: edge.Text{"en": "what door shows"}}
	for n := range uint64(30) {
		clock.set(clock.Mono() + 100*time.Millisecond)
		full := n%3 == 0
		if d.set(-1); full {
			d.set(100 * int(n))
		}
		k := kept{clock.Mono().Milliseconds() - 1000, jpegOf(n, 5000)}
		err := s.AddPicture(ctx, run.ID, of, clock.Mono(), k.jpeg, 0)
		if (edge.CodeOf(err) == edge.CodeStoreFull) != full {
			t.Fatalf("picture %d: %v", n, err)
		}
		if err == nil {
			want["door"] = append(want["door"], k)
		}
	}
	d.set(-1)
	checkPictures(t, s, run.ID, want)
	check(t, s.Close())
	s = open(t, Config{Dir: dir, Clock: clock})
	checkPictures(t, s, run.ID, want)
}

// Everything at once; it is the race detector's.
func TestPicturesConcurrently(t *testing.T) {
	s := open(t, Config{KeepFor: time.Minute})
	ctx := context.Background()
	var wg sync.WaitGroup
	fine := func(err error, codes ...edge.Code) {
		if err != nil && !slices.Contains(codes, edge.CodeOf(err)) {
			t.Error(err)
		}
	}
	for i := range 40 { // more than are kept in mind
		run := must[Run](t)(s.StartRun(ctx, RunMeta{Device: "pendulum"}))
		check(t, s.AddPicture(ctx, run.ID, door, 0, jpegOf(0, 100), 0))
		for _, camera := range []string{"door", "roof"} {
			wg.Go(func() {
				for n := range uint64(30) {
					fine(s.AddPicture(ctx, run.ID, PictureOf{ID: camera}, s.cfg.Clock.Mono(), jpegOf(n, 300), 0), edge.CodeUnknownRun)
				}
			})
			wg.Go(func() {
				for n := range 30 {
					p, err := s.PictureAt(ctx, run.ID, camera, time.Duration(n)*time.Millisecond)
					fine(err, edge.CodeUnknownCamera, edge.CodeUnknownRun, edge.CodeNoPicture)
					if err == nil && !bytes.HasPrefix(p.JPEG, []byte{0xFF, 0xD8}) {
						t.Error("no picture")
					}
					_, err = s.Pictures(ctx, run.ID)
					fine(err, edge.CodeUnknownRun)
				}
			})
		}
		wg.Go(func() {
			_, err := s.Run(ctx, run.ID)
			fine(err)
			_, err = s.StopRun(ctx, run.ID, ana)
			fine(err)
			if i%2 == 0 {
				fine(s.DeleteRun(ctx, run.ID))
			}
		})
	}
	wg.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	bytes := int64(0)
	for _, r := range s.runs {
		bytes += r.pictureBytes
		if r.pics.file != nil {
			t.Errorf("run %s has ended and is open for pictures", r.ID)
		}
	}
	if bytes != s.pictureBytes || len(s.inMind) > maxIndexed {
		t.Errorf("%d bytes of pictures, %d in the books, %d runs in mind", bytes, s.pictureBytes, len(s.inMind))
	}
}

// What a run has no room in mind for is read again.
func TestPicturesOfManyRuns(t *testing.T) {
	s := open(t, Config{Clock: &handClock{mono: time.Second}})
	ctx := context.Background()
	var ids []string
	for i := range maxIndexed + 8 {
		run := must[Run](t)(s.StartRun(ctx, RunMeta{Device: "pendulum"}))
		check(t, s.AddPicture(ctx, run.ID, door, time.Second, jpegOf(uint64(i), 100), 0))
		must[Run](t)(s.StopRun(ctx, run.ID, ana))
		ids = append(ids, run.ID)
	}
	for range 2 {
		for i, id := range ids {
			if p := must[edge.RunPicture](t)(s.PictureAt(ctx, id, "", 0)); !bytes.Equal(p.JPEG, jpegOf(uint64(i), 100)) {
				t.Fatalf("run %d has another's picture", i)
			}
		}
	}
	loaded := 0
	for _, id := range ids {
		if s.runs[id].pics.loaded {
			loaded++
		}
	}
	if loaded != maxIndexed {
		t.Errorf("%d indexes kept", loaded)
	}
}

const picturesEnv = "LABBOX_RECORD_PICTURES_DIR"

// picturesChild is the process that TestPicturesKill9 kills.
func picturesChild() bool {
	dir := os.Getenv(picturesEnv)
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
	s, err := Open(ctx, Config{Dir: dir, Box: "bench"})
	fail(err)
	fb := frame.NewBuilder(1, 1, 0, two, false)
	fb.Add(s.cfg.Clock.Mono(), nan, []float64{1, 2})
	fail(s.Frame("pendulum", fb.AppendFrame(nil)))
	run, err := s.StartRun(ctx, RunMeta{Device: "pendulum"})
	fail(err)
	for n := 0; ; n++ {
		fail(s.AddPicture(ctx, run.ID, door, s.cfg.Clock.Mono(), jpegOf(uint64(n), 20_000), 0))
		fmt.Println(run.ID, n)
	}
}

// Each picture that AddPicture took is there after kill -9.
func TestPicturesKill9(t *testing.T) {
	dir := t.TempDir()
	acked := map[string]int{}
	for round := range 10 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), picturesEnv+"="+dir)
		out, err := cmd.StdoutPipe()
		check(t, err)
		check(t, cmd.Start())
		lines, stop := bufio.NewScanner(out), 50+rand.IntN(400)
		for n := 0; lines.Scan(); n++ {
			id, text, _ := strings.Cut(lines.Text(), " ")
			if id == "error" {
				t.Errorf("round %d: %s", round, text)
			}
			var k int
			if _, err := fmt.Sscan(text, &k); err == nil {
				acked[id] = k + 1
			}
			if n == stop {
				check(t, cmd.Process.Kill())
			}
		}
		_ = cmd.Wait()
	}
	s := open(t, Config{Dir: dir})
	ctx := context.Background()
	if len(acked) != 10 {
		t.Fatalf("%d runs", len(acked))
	}
	for id, n := range acked {
		run := must[Run](t)(s.Run(ctx, id))
		all := must[[]edge.RunPictures](t)(s.Pictures(ctx, id))
		if run.State != StateInterrupted || len(all) != 1 || len(all[0].TimesMS) < n || all[0].Name != "Door" {
			t.Fatalf("%s is %s, with pictures of %d cameras; %d acknowledged", id, run.State, len(all), n)
		}
		for i, e := range s.runs[id].pics.cams[0].list {
			p, err := s.readPicture(s.runs[id], e)
			if err != nil || !bytes.Equal(p.JPEG, jpegOf(uint64(i), 20_000)) {
				t.Fatalf("picture %d of %d: %v", i, n, err)
			}
		}
	}
	t.Logf("%v pictures acknowledged, %+v", acked, s.Repairs())
}

// syncs counts how often files are synced.
type syncs struct {
	mu sync.Mutex
	n  map[string]int
}

type syncFile struct {
	segmentFile
	count func()
}

func (f syncFile) Datasync() error {
	f.count()
	return f.segmentFile.Datasync()
}

func (s *syncs) create(path string) (segmentFile, error) {
	f, err := createFile(path)
	return syncFile{f, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.n[path]++
	}}, err
}

func (s *syncs) of(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.n[path]
}

// Pictures are on the disk within a second, and when their run stops.
func TestPicturesAreSynced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &syncs{n: map[string]int{}}
		s := open(t, Config{create: d.create})
		defer s.Close()
		ctx := context.Background()
		run := must[Run](t)(s.StartRun(ctx, RunMeta{Device: "pendulum"}))
		path := s.picturePath(run.ID)
		time.Sleep(100 * time.Millisecond)
		for range 5 {
			check(t, s.AddPicture(ctx, run.ID, door, s.cfg.Clock.Mono(), jpegOf(1, 100), 0))
		}
		if n := d.of(path); n != 0 {
			t.Errorf("%d syncs: not one for each picture", n)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if n := d.of(path); n != 1 {
			t.Errorf("%d syncs after a second", n)
		}
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if n := d.of(path); n != 1 {
			t.Errorf("%d syncs although nothing has come", n)
		}
		check(t, s.AddPicture(ctx, run.ID, door, s.cfg.Clock.Mono(), jpegOf(1, 100), 0))
		must[Run](t)(s.StopRun(ctx, run.ID, ana))
		if n := d.of(path); n != 2 {
			t.Errorf("%d syncs when the run has stopped", n)
		}
	})
}
