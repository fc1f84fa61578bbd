package record

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"labbox/edge"
)

var door = PictureOf{ID: "door", Name: "Door", Description: edge.Text{"en": "the door"}}

// jpegOf makes bytes that pass for a JPEG and that nobody else makes.
func jpegOf(n uint64, size int) []byte {
	b := make([]byte, max(size, 12))
	r := rand.New(rand.NewPCG(n, 7))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	b[0], b[1] = 0xFF, 0xD8
	binary.LittleEndian.PutUint64(b[2:], n)
	return b
}

// kept is what a test knows of a picture.
type kept struct {
	ms   int64
	jpeg []byte
}

// wantAt is the newest at or before ms, else the first.
func wantAt(list []kept, ms int64) kept {
	best := list[0]
	for _, k := range list {
		if k.ms <= ms {
			best = k
		}
	}
	return best
}

func checkPictures(t *testing.T, s *Store, id string, want map[string][]kept) {
	t.Helper()
	ctx := context.Background()
	all := must[[]edge.RunPictures](t)(s.Pictures(ctx, id))
	if len(all) != len(want) {
		t.Fatalf("pictures of %d cameras, want %d", len(all), len(want))
	}
	for _, p := range all {
		list := want[p.Camera]
		var times []int64
		for _, k := range list {
			times = append(times, k.ms)
		}
		if !slices.Equal(p.TimesMS, times) || p.Name != "Name of "+p.Camera || p.Description["en"] != "what "+p.Camera+" shows" || p.Bytes == 0 || p.Ended != "" {
			t.Fatalf("%+v, want %v", p, times)
		}
		for ms := times[0] - 3; ms < times[len(times)-1]+3; ms += 1 + ms%2 {
			got, err := s.PictureAt(ctx, id, p.Camera, time.Duration(ms)*time.Millisecond)
			k := wantAt(list, ms)
			if err != nil || got.TimeMS != k.ms || !bytes.Equal(got.JPEG, k.jpeg) || got.Camera != p.Camera {
				t.Fatalf("%s at %d: %v, picture of %d, want that of %d", p.Camera, ms, err, got.TimeMS, k.ms)
			}
		}
	}
}

// What was kept is found at its moment: while the run records, after it, and after a
// restart, in a run that went on over one, too.
func TestPicturesAreFound(t *testing.T) {
	for seed := range uint64(10) {
		r := rand.New(rand.NewPCG(seed, 5))
		clock := &handClock{mono: time.Second}
		cfg := Config{Dir: t.TempDir(), Clock: clock, Continue: true}
		s := open(t, cfg)
		ctx := context.Background()
		run := must[Run](t)(s.StartRun(ctx, RunMeta{Device: "pendulum", By: ana}))
		zero := clock.Wall()
		want := map[string][]kept{}
		for n := range uint64(60) {
			clock.set(clock.Mono() + time.Duration(r.IntN(40_000))*time.Microsecond)
			id := []string{"door", "bench", "roof"}[r.IntN(3)]
			k := kept{floorMS(clock.Wall().Sub(zero)), jpegOf(n, r.IntN(3000))}
			of := PictureOf{ID: id, Name: "Name of " + id, Description: edge.Text{"en": "what " + id + " shows"}}
			check(t, s.AddPicture(ctx, run.ID, of, clock.Mono(), k.jpeg, 0))
			want[id] = append(want[id], k)
			if r.IntN(15) == 0 {
				check(t, s.Close())
				s = open(t, cfg)
			}
		}
		checkPictures(t, s, run.ID, want)
		first := must[edge.RunPicture](t)(s.PictureAt(ctx, run.ID, "", 0))
		live := must[Run](t)(s.Run(ctx, run.ID))
		if first.Camera != live.Cameras[0] || first.Seq != 1 || first.WallMS != zero.UnixMilli()+first.TimeMS {
			t.Errorf("the first: %+v of %v", first, live.Cameras)
		}
		done := must[Run](t)(s.StopRun(ctx, run.ID, ana))
		checkPictures(t, s, run.ID, want)
		check(t, s.Close())
		s = open(t, Config{Dir: cfg.Dir, Clock: clock})
		checkPictures(t, s, run.ID, want)
		again := must[Run](t)(s.Run(ctx, run.ID))
		st := must[os.FileInfo](t)(os.Stat(s.picturePath(run.ID)))
		if !slices.Equal(again.Cameras, live.Cameras) || len(again.Cameras) != len(want) || again.Bytes != st.Size() || done.Bytes != st.Size() {
			t.Errorf("%+v, then %+v; the file has %d bytes", done, again, st.Size())
		}
	}
}

func TestPictureRefused(t *testing.T) {
	clock := &handClock{mono: time.Second}
	s := open(t, Config{Clock: clock})
	ctx := context.Background()
	run := must[Run](t)(s.StartRun(ctx, RunMeta{Device: "pendulum"}))
	other := must[Run](t)(s.StartRun(ctx, RunMeta{Device: "pendulum"}))
	add := func(id string, of PictureOf, jpeg []byte, max int64) edge.Code {
		return edge.CodeOf(s.AddPicture(ctx, id, of, clock.Mono(), jpeg, max))
	}
	at := func(id, camera string) edge.Code {
		_, err := s.PictureAt(ctx, id, camera, 0)
		return edge.CodeOf(err)
	}
	small := jpegOf(1, 100)
	for what, got := range map[string][2]edge.Code{
		"no such run":  {add("nope", door, small, 0), edge.CodeUnknownRun},
		"no JPEG":      {add(run.ID, door, []byte("GIF89a"), 0), edge.CodeBadValue},
		"too large":    {add(run.ID, door, jpegOf(1, maxPicture+1), 1<<40), edge.CodeTooLarge},
		"bad camera":   {add(run.ID, PictureOf{ID: "../x"}, small, 0), edge.CodeBadName},
		"none, any":    {at(run.ID, ""), edge.CodeNoPicture},
		"none, door":   {at(run.ID, "door"), edge.CodeNoPicture},
		"none, no run": {at("nope", "door"), edge.CodeUnknownRun},
	} {
		if got[0] != got[1] {
			t.Errorf("%s: %s, want %s", what, got[0], got[1])
		}
	}
	if r := must[Run](t)(s.Run(ctx, run.ID)); len(r.Cameras) != 0 {
		t.Errorf("cameras %v before the first picture", r.Cameras)
	}
	check(t, s.AddPicture(ctx, run.ID, door, clock.Mono(), small, 1000))
	if got := at(run.ID, "roof"); got != edge.CodeUnknownCamera {
		t.Errorf("another camera: %s", got)
	}
	// The room of one camera is used up; said once, and of this camera alone.
	check(t, s.AddPicture(ctx, run.ID, PictureOf{ID: "roof"}, clock.Mono(), small, 1000))
	for range 3 {
		if got := add(run.ID, door, jpegOf(2, 900), 1000); got != edge.CodeTooLarge {
			t.Fatalf("over the cap: %s", got)
		}
	}
	if got := add(run.ID, door, small, 1000); got != edge.CodeTooLarge {
		t.Errorf("a small one after that: %s", got)
	}
	check(t, s.AddPicture(ctx, run.ID, PictureOf{ID: "roof"}, clock.Mono(), small, 1000))
	r := must[Run](t)(s.Run(ctx, run.ID))
	pics := must[[]edge.RunPictures](t)(s.Pictures(ctx, run.ID))
	if len(r.Notices) != 1 || r.Notices[0] != "pictures of door: no more were kept, 0.001 MB are full" ||
		pics[0].Ended != EndedFull || pics[1].Ended != "" || len(pics[0].TimesMS) != 1 || len(pics[1].TimesMS) != 2 {
		t.Errorf("notices %q, %+v", r.Notices, pics)
	}
	_, err := s.StopRun(ctx, run.ID, ana)
	check(t, err)
	if got := add(run.ID, PictureOf{ID: "roof"}, small, 0); got != edge.CodeUnknownRun {
		t.Errorf("after its end: %s", got)
	}
	check(t, s.DeleteRun(ctx, run.ID))
	if got := add(run.ID, PictureOf{ID: "roof"}, small, 0); got != edge.CodeUnknownRun {
		t.Errorf("after its deletion: %s", got)
	}
	if _, err := os.Stat(s.picturePath(run.ID)); !os.IsNotExist(err) {
		t.Errorf("the pictures of a deleted run: %v", err)
	}
	check(t, s.Close())
	if got := add(other.ID, door, small, 0); got != edge.CodeStoreDown {
		t.Errorf("after Close: %s", got)
	}
}

// Pictures of no run go, those of a run that cannot be read stay.
func TestOrphanPictures(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Config{Dir: dir})
	ctx := context.Background()
	var ids []string
	for range 3 {
		run := must[Run](t)(s.StartRun(ctx, RunMeta{Device: "pendulum"}))
		check(t, s.AddPicture(ctx, run.ID, door, s.cfg.Clock.Mono(), jpegOf(1, 500), 0))
		ids = append(ids, run.ID)
	}
	check(t, s.Close())
	check(t, os.Remove(s.runPath(ids[0])))
	check(t, os.WriteFile(s.runPath(ids[1]), []byte("{"), 0o600))
	check(t, os.WriteFile(s.picturesDir()+"/notes.txt", []byte("mine"), 0o600))
	s = open(t, Config{Dir: dir})
	for i, want := range []bool{false, true, true} {
		if _, err := os.Stat(s.picturePath(ids[i])); (err == nil) != want {
			t.Errorf("file %d: %v", i, err)
		}
	}
	if _, err := os.Stat(s.picturesDir() + "/notes.txt"); err != nil || s.Repairs().OrphanPictures != 1 {
		t.Errorf("%v, %+v", err, s.Repairs())
	}
}

// picturesFile makes a run of n pictures and returns the store's directory, the run
// and the file's bytes.
func picturesFile(t testing.TB, n int) (dir, id, path string, whole []byte) {
	t.Helper()
	dir = t.TempDir()
	clock := &handClock{mono: time.Second}
	s := open(t, Config{Dir: dir, Clock: clock})
	run := must[Run](t)(s.StartRun(context.Background(), RunMeta{Device: "pendulum"}))
	for i := range n {
		check(t, s.AddPicture(context.Background(), run.ID, door, clock.Mono(), jpegOf(uint64(i), 100+i), 0))
		clock.set(clock.Mono() + time.Second)
	}
	check(t, s.Close())
	path = s.picturePath(run.ID)
	return dir, run.ID, path, must[[]byte](t)(os.ReadFile(path))
}

// readAll asks for the picture of each second and returns how many there are; one that
// is there must be right.
func readAll(t *testing.T, dir, id string, n int) (found int) {
	t.Helper()
	s := open(t, Config{Dir: dir, Clock: &handClock{mono: time.Hour}})
	defer s.Close()
	for i := range n {
		p, err := s.PictureAt(context.Background(), id, "door", time.Duration(i)*time.Second)
		if edge.CodeOf(err) == edge.CodeNoPicture {
			continue
		}
		check(t, err)
		k := uint64(p.TimeMS / 1000)
		if !bytes.Equal(p.JPEG, jpegOf(k, 100+int(k))) {
			t.Fatalf("picture %d is not what was kept", k)
		}
		if k == uint64(i) {
			found++
		}
	}
	if all := must[[]edge.RunPictures](t)(s.Pictures(context.Background(), id)); len(all) != 1 || len(all[0].TimesMS) != found {
		t.Fatalf("%d pictures read, told of: %+v", found, all)
	}
	return found
}

// A flipped byte costs one picture at most, and never gives a wrong one.
func TestDamagedPicture(t *testing.T) {
	dir, id, path, whole := picturesFile(t, 6)
	pads := 0
	for at := range whole {
		if at > 500 && at%13 != 0 { // the header, the camera, two pictures
			continue
		}
		bad := bytes.Clone(whole)
		bad[at] ^= 0x10
		check(t, os.WriteFile(path, bad, 0o600))
		switch found := readAll(t, dir, id, 6); {
		case found < 5:
			t.Fatalf("byte %d: %d pictures left", at, found)
		case found == 6:
			pads++ // padding, the header, the camera's record
		}
	}
	if pads > 300 {
		t.Errorf("%d of %d bytes are not looked at", pads, len(whole))
	}
}

// A run that was cut off at any byte keeps all that is whole, and goes on from there.
func TestTornPictures(t *testing.T) {
	dir, id, path, whole := picturesFile(t, 4)
	var ends []int
	sc := &picScanner{r: bytes.NewReader(whole), end: int64(len(whole))}
	for {
		h, _, ok, err := sc.next()
		check(t, err)
		if !ok {
			break
		}
		if h.kind == picPicture {
			ends = append(ends, int(sc.good))
		}
	}
	run := must[[]byte](t)(os.ReadFile(dir + "/runs/" + id + ".json"))
	for cut := 0; cut <= len(whole); cut += 5 {
		for _, zeros := range []int{0, 300} { // as a power cut may leave a file
			check(t, os.WriteFile(path, append(bytes.Clone(whole[:cut]), make([]byte, zeros)...), 0o600))
			check(t, os.WriteFile(dir+"/runs/"+id+".json", run, 0o600)) // as if it recorded still
			want := 0
			for _, end := range ends {
				if cut >= end {
					want++
				}
			}
			if found := readAll(t, dir, id, 4); found != want && !(zeros > 0 && found == want+1) { // padding is zeros
				t.Fatalf("cut at %d, %d zeros: %d pictures, want %d", cut, zeros, found, want)
			}
			left := must[[]byte](t)(os.ReadFile(path))
			if want > 0 && want < len(ends) && len(left) != ends[want-1] && len(left) != ends[want] {
				t.Fatalf("cut at %d, %d zeros: %d bytes are left, want %d", cut, zeros, len(left), ends[want-1])
			}
		}
	}
}

// The power goes: the last picture has its head and zeros. Nobody is told of it.
func TestPictureOfZeros(t *testing.T) {
	dir, id, path, whole := picturesFile(t, 4)
	last := bytes.LastIndex(whole, jpegOf(3, 103))
	clear(whole[last+20:])
	check(t, os.WriteFile(path, whole, 0o600))
	s := open(t, Config{Dir: dir, Clock: &handClock{mono: time.Hour}})
	if all := must[[]edge.RunPictures](t)(s.Pictures(context.Background(), id)); !slices.Equal(all[0].TimesMS, []int64{0, 1000, 2000}) {
		t.Errorf("%v", all[0].TimesMS)
	}
}

// What looks like a record inside of a picture is none, however the file is damaged.
func TestPictureInAPicture(t *testing.T) {
	dir := t.TempDir()
	clock := &handClock{mono: time.Second}
	s := open(t, Config{Dir: dir, Clock: clock})
	ctx := context.Background()
	run := must[Run](t)(s.StartRun(ctx, RunMeta{Device: "pendulum"}))
	evil := append([]byte{0xFF, 0xD8, 0, 0, 0, 0, 0, 0}, appendPic(nil, picHead{kind: picPicture, size: 16, boot: s.boot, at: clock.mono, salt: 4711}, jpegOf(5, 16))...)
	for _, jpeg := range [][]byte{jpegOf(1, 100), evil, jpegOf(2, 100)} {
		check(t, s.AddPicture(ctx, run.ID, door, clock.Mono(), jpeg, 0))
	}
	check(t, s.Close())
	whole := must[[]byte](t)(os.ReadFile(s.picturePath(run.ID)))
	whole[bytes.Index(whole, evil)-1] ^= 1 // its head
	check(t, os.WriteFile(s.picturePath(run.ID), whole, 0o600))
	s = open(t, Config{Dir: dir, Clock: clock})
	if all := must[[]edge.RunPictures](t)(s.Pictures(ctx, run.ID)); len(all[0].TimesMS) != 2 {
		t.Errorf("%d pictures", len(all[0].TimesMS))
	}
}

// What a camera took just before the start is at a negative time; ms count down.
func TestPictureBeforeTheStart(t *testing.T) {
	s := open(t, Config{Clock: &handClock{mono: time.Minute}})
	ctx := context.Background()
	run := must[Run](t)(s.StartRun(ctx, RunMeta{Device: "pendulum"}))
	for n, off := range []time.Duration{-1500 * time.Microsecond, -500 * time.Microsecond, 700 * time.Microsecond} {
		check(t, s.AddPicture(ctx, run.ID, door, time.Minute+off, jpegOf(uint64(n), 100), 0))
	}
	all := must[[]edge.RunPictures](t)(s.Pictures(ctx, run.ID))
	if !slices.Equal(all[0].TimesMS, []int64{-2, -1, 0}) {
		t.Fatalf("%v", all[0].TimesMS)
	}
	for n, ms := range all[0].TimesMS {
		if p := must[edge.RunPicture](t)(s.PictureAt(ctx, run.ID, "door", time.Duration(ms)*time.Millisecond)); !bytes.Equal(p.JPEG, jpegOf(uint64(n), 100)) {
			t.Errorf("at %d ms: the picture of %d ms", ms, p.TimeMS)
		}
	}
	s.runs[run.ID].pics.cams[0].list = make([]pictureAt, maxPictures)
	if err := s.AddPicture(ctx, run.ID, door, time.Minute, jpegOf(1, 100), 0); edge.CodeOf(err) != edge.CodeTooLarge {
		t.Errorf("one more than an index holds: %v", err)
	}
}

// A run that goes on after a crash cuts the torn tail and adds behind it.
func TestPicturesGoOn(t *testing.T) {
	dir, id, path, whole := picturesFile(t, 4)
	cfg := Config{Dir: dir, Clock: &handClock{mono: 10 * time.Second}, Continue: true}
	run := must[[]byte](t)(os.ReadFile(dir + "/runs/" + id + ".json"))
	for cut := 0; cut <= len(whole); cut += 11 {
		check(t, os.WriteFile(path, whole[:cut], 0o600))
		check(t, os.WriteFile(dir+"/runs/"+id+".json", run, 0o600)) // as if it recorded still
		s := open(t, cfg)
		before := 0
		if all := must[[]edge.RunPictures](t)(s.Pictures(context.Background(), id)); len(all) > 0 {
			before = len(all[0].TimesMS)
		}
		check(t, s.AddPicture(context.Background(), id, door, 11*time.Second, jpegOf(99, 777), 0))
		check(t, s.Close())
		s = open(t, cfg)
		all := must[[]edge.RunPictures](t)(s.Pictures(context.Background(), id))
		p := must[edge.RunPicture](t)(s.PictureAt(context.Background(), id, "", time.Hour))
		if len(all) != 1 || len(all[0].TimesMS) != before+1 || all[0].Name != "Door" || !bytes.Equal(p.JPEG, jpegOf(99, 777)) || s.Repairs().TornBytes != 0 {
			t.Fatalf("cut at %d: %+v, %d bytes at %d ms, %+v", cut, all, len(p.JPEG), p.TimeMS, s.Repairs())
		}
		check(t, s.Close())
	}
}

func FuzzPictureFile(f *testing.F) {
	_, _, _, whole := picturesFile(f, 3)
	f.Add(whole)
	f.Add(whole[:len(whole)-9])
	f.Add(append(bytes.Clone(whole[100:]), whole...))
	f.Add([]byte{})
	var h picHead
	h.kind, h.size = picPicture, maxPicture
	f.Add(appendPic(nil, h, nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		rd := bytes.NewReader(b)
		x, err := indexPictures(context.Background(), rd, int64(len(b)), window{Zero: key{1, 0}})
		if err != nil {
			return // another format
		}
		if x.size > int64(len(b)) || len(x.cams) > maxRunCameras {
			t.Fatalf("%d of %d bytes, %d cameras", x.size, len(b), len(x.cams))
		}
		for _, c := range x.cams {
			for _, e := range c.list {
				if _, jpeg, err := readPic(rd, e.off, int(e.size)); err == nil && len(jpeg) != int(e.size) {
					t.Fatal(fmt.Sprint("picture of ", len(jpeg), " bytes, ", e.size, " in the index"))
				}
			}
		}
	})
}
