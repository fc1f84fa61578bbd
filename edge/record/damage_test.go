package record

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"labbox/edge"
	"labbox/edge/frame"
)

// recorded makes a directory with one finished run of 200 samples in 20 frames
// and returns the run and its only segment.
func recorded(t testing.TB) (dir string, run Run, segment string) {
	t.Helper()
	dir = t.TempDir()
	clock := &handClock{}
	s := open(t, Config{Dir: dir, Clock: clock})
	check(t, s.Contract("pendulum", info))
	run = must[Run](t)(s.StartRun(context.Background(), RunMeta{Device: "pendulum", Name: "drop", By: ana}))
	fb := frame.NewBuilder(1, 1, 0, two, true)
	for i := range 200 {
		clock.set(time.Duration(i) * time.Millisecond)
		fb.Add(clock.Mono(), float64(i)*1000, []float64{float64(i), float64(i) / 2})
		if i%10 == 9 {
			check(t, s.Frame("pendulum", fb.AppendFrame(nil)))
		}
	}
	run = must[Run](t)(s.StopRun(context.Background(), run.ID, ana))
	check(t, s.Close())
	files := must[[]string](t)(filepath.Glob(filepath.Join(dir, "segments", "pendulum", "*.seg")))
	if len(files) != 1 || run.Samples != 200 {
		t.Fatalf("%d segments, %+v", len(files), run)
	}
	return dir, run, files[0]
}

// reopened opens dir and returns the CSV's data rows.
func reopened(t testing.TB, dir, id string) (*Store, [][]string) {
	t.Helper()
	s := open(t, Config{Dir: dir, Clock: &handClock{mono: time.Hour}})
	all := rows(t, exportCSV(t, s, id))
	if head := strings.Join(all[0], ","); head != "seq,box_time_s,device_time_s,angle_deg,power_W,gap" {
		t.Errorf("header row %s", head)
	}
	return s, all[1:]
}

func recordsOf(t testing.TB, path string) (recs []rec, whole []byte) {
	t.Helper()
	whole = must[[]byte](t)(os.ReadFile(path))
	sc := newScanner(bytes.NewReader(whole), 0, int64(len(whole)))
	for {
		r, ok, err := sc.next()
		check(t, err)
		if !ok {
			return recs, whole
		}
		r.payload = bytes.Clone(r.payload)
		recs = append(recs, r)
	}
}

// TestFlippedByteLosesOneRecord flips one byte at every offset of one record,
// and of others now and then.
func TestFlippedByteLosesOneRecord(t *testing.T) {
	dir, run, path := recorded(t)
	recs, whole := recordsOf(t, path)
	frames := slices.DeleteFunc(slices.Clone(recs), func(r rec) bool { return r.kind != kindFrame })
	if len(frames) != 20 {
		t.Fatalf("%d frames", len(frames))
	}
	from, to := int(frames[7].off), int(frames[8].off)
	for at := 0; at < len(whole); at++ {
		if (at < from || at >= to) && at%41 != 0 {
			continue
		}
		bad := bytes.Clone(whole)
		bad[at] ^= 0x40
		check(t, os.WriteFile(path, bad, 0o600))
		s, got := reopened(t, dir, run.ID)
		samples, gaps := 0, 0
		for i, row := range got {
			if row[0] != "" {
				samples++
				continue
			}
			gaps++
			if last := row[len(row)-1]; last != "10 damaged" && !(last == "unknown damaged" && (i == 0 || i == len(got)-1)) {
				t.Errorf("byte %d: gap row %q", at, last)
			}
		}
		if samples < 190 || samples < 200 != (gaps == 1) {
			if !(samples == 190 && gaps == 0 && got[0][0] == "10") { // the first frame: nothing before it
				t.Fatalf("byte %d: %d samples, %d gaps", at, samples, gaps)
			}
		}
		check(t, s.Close())
	}
	check(t, os.WriteFile(path, whole, 0o600))
}

func TestTornTail(t *testing.T) {
	dir, run, path := recorded(t)
	recs, whole := recordsOf(t, path)
	last := recs[len(recs)-2] // the last frame; the end follows
	for cut := int(last.off) + 1; cut < len(whole); cut += 7 {
		check(t, os.WriteFile(path, whole[:cut], 0o600))
		s, got := reopened(t, dir, run.ID)
		want := 190
		if int64(cut) >= last.off+int64(headSize+pad8(len(last.payload))) {
			want = 200
		}
		if s.Repairs().TornSegments != 1 || len(got) != want {
			t.Fatalf("cut at %d: %+v, %d rows, want %d", cut, s.Repairs(), len(got), want)
		}
		check(t, s.Close())
		s, again := reopened(t, dir, run.ID) // mended once and for all
		if s.Repairs().TornSegments != 0 || len(again) != want {
			t.Fatalf("cut at %d, second time: %+v, %d rows", cut, s.Repairs(), len(again))
		}
		check(t, s.Close())
	}
}

// TestInterruptedRun ends a run that nobody stopped, or goes on with it.
func TestInterruptedRun(t *testing.T) {
	for _, goOn := range []bool{false, true} {
		dir, clock := t.TempDir(), &handClock{}
		cfg := Config{Dir: dir, Clock: clock, Continue: goOn}
		s := open(t, cfg)
		check(t, s.Contract("pendulum", info))
		run := must[Run](t)(s.StartRun(context.Background(), RunMeta{Device: "pendulum", By: ana}))
		clock.set(90 * time.Second)
		fb := frame.NewBuilder(1, 1, 0, two, false)
		fb.Add(time.Minute, nan, []float64{1, 2})
		check(t, s.Frame("pendulum", fb.AppendFrame(nil)))
		check(t, s.Close())
		clock.set(2 * time.Minute)
		s = open(t, cfg)
		check(t, s.Contract("pendulum", info))
		fb = frame.NewBuilder(2, 1, 0, two, false)
		fb.Add(clock.Mono(), nan, []float64{3, 4})
		check(t, s.Frame("pendulum", fb.AppendFrame(nil)))
		check(t, s.Sync(context.Background()))
		got := must[Run](t)(s.Run(context.Background(), run.ID))
		text := exportCSV(t, s, run.ID)
		if goOn {
			if got.State != StateRecording || got.Samples != 2 || got.Gaps != 1 || !strings.Contains(text, "unknown restart") ||
				!strings.Contains(text, "\r\n0,120,,3,4,\r\n") {
				t.Errorf("continued: %+v\n%s", got, text)
			}
		} else if got.State != StateInterrupted || got.LengthMS != 60000 || got.Samples != 1 || got.Gaps != 0 || len(got.Notices) != 1 {
			t.Errorf("interrupted: %+v\n%s", got, text)
		}
		check(t, s.Close())
	}
}

func TestErrors(t *testing.T) {
	s := open(t, Config{})
	ctx := context.Background()
	long := strings.Repeat("x", maxName+1)
	_, errRun := s.Run(ctx, "nope")
	_, errStop := s.StopRun(ctx, "../x", ana)
	_, errName := s.StartRun(ctx, RunMeta{Device: "pendulum", Name: long})
	_, errUTF := s.StartRun(ctx, RunMeta{Device: "pendulum", Name: "\xff"})
	_, errBack := s.StartRun(ctx, RunMeta{Device: "pendulum", PreTrigger: 2 * time.Hour})
	_, errDevice := s.StartRun(ctx, RunMeta{Device: "../etc"})
	mm := frame.NewDecimator(1)
	fb := frame.NewBuilder(1, 1, 0, two, false)
	fb.Add(0, nan, nil)
	v, _, _ := frame.Parse(fb.AppendFrame(nil))
	mm.Add(v)
	for i, c := range []struct {
		err  error
		want edge.Code
	}{
		{errRun, edge.CodeUnknownRun}, {errStop, edge.CodeUnknownRun}, {errName, edge.CodeTooLarge}, {errUTF, edge.CodeTooLarge},
		{errBack, edge.CodeOutOfRange}, {errDevice, edge.CodeBadName},
		{s.DeleteRun(ctx, "nope"), edge.CodeUnknownRun}, {s.Annotate(ctx, "nope", 0, "x", ana), edge.CodeUnknownRun},
		{s.Frame("pendulum", []byte("junk")), edge.CodeContract}, {s.Frame("UPPER", nil), edge.CodeBadName},
		{s.Frame("pendulum", mm.AppendFrame(nil, time.Hour)), edge.CodeContract},
		{s.Event("pendulum", []byte("{"), 0), edge.CodeTooLarge},
		{s.ExportCSV(ctx, "nope", nil, CSVOptions{}), edge.CodeUnknownRun},
	} {
		if edge.CodeOf(c.err) != c.want {
			t.Errorf("%d: %v, want %s", i, c.err, c.want)
		}
	}
	check(t, s.Close())
	if _, err := s.StartRun(ctx, RunMeta{Device: "pendulum"}); edge.CodeOf(err) != edge.CodeStoreDown {
		t.Errorf("after Close: %v", err)
	}
	if !errors.Is(s.Frames(ctx, "nope", nil), &edge.Error{Code: edge.CodeUnknownRun}) {
		t.Error("frames of no run")
	}
}

// seedSegment is a small segment made in memory.
func seedSegment(t testing.TB) []byte {
	h := must[[]byte](t)(json.Marshal(header{Format: format, Device: "pendulum", Number: 9, Boot: 1, Salt: 7, Contract: info}))
	fb := frame.NewBuilder(1, 1, 0, two, true)
	b := appendRecord(nil, kindHeader, 0, h)
	for i := range 3 {
		fb.Lose(uint32(i))
		fb.Add(time.Duration(i), 0, []float64{1, 2})
		b = appendRecord(b, kindFrame, time.Duration(i), fb.AppendFrame(nil))
	}
	b = appendRecord(b, kindGap, 3, []byte(`{"lost":3,"reason":"disk"}`))
	b = appendRecord(b, kindEvent, 3, []byte(`{}`))
	b = appendEnd(b, span{0, 3, 3, true})
	for at, i := 0, uint64(0); at < len(b); i++ {
		stamp(b[at:], 7, i)
		at += recordSize(b[at:])
	}
	return b
}

// FuzzScanner: whatever the bytes, the reader ends, and gives only records whose
// checksums hold.
func FuzzScanner(f *testing.F) {
	b := seedSegment(f)
	f.Add(b)
	f.Add(b[:len(b)-30])
	f.Add(b[16:])
	f.Fuzz(func(t *testing.T, b []byte) {
		sc := newScanner(bytes.NewReader(b), 0, int64(len(b)))
		end := int64(0)
		for {
			r, ok, err := sc.next()
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				return
			}
			if r.off < end || r.off+int64(headSize+len(r.payload)) > int64(len(b)) {
				t.Fatalf("record at %d after %d", r.off, end)
			}
			end = sc.off
			if crc(r.payload) != crc(b[r.off+headSize:r.off+headSize+int64(len(r.payload))]) {
				t.Fatal("payload")
			}
		}
	})
}

// reseal makes the checksums of the records at the start of b good again, so
// that what is behind them is tried too.
func reseal(b []byte) {
	for len(b) >= headSize && binary.LittleEndian.Uint32(b) == marker {
		n := recordSize(b)
		if n > len(b) {
			return
		}
		resum(b, b[headSize:headSize+int(binary.LittleEndian.Uint32(b[12:]))])
		binary.LittleEndian.PutUint32(b[4:], crc(b[8:headSize]))
		b = b[n:]
	}
}

// FuzzSegment puts any bytes in a segment's place: opening and exporting go on.
func FuzzSegment(f *testing.F) {
	if st, err := os.Stat("/dev/shm"); err == nil && st.IsDir() {
		f.Setenv("TMPDIR", "/dev/shm") // each try syncs several files
	}
	b := seedSegment(f)
	f.Add(b, 100, byte(1))
	f.Add(b[:len(b)/2], 3, byte(0))
	f.Fuzz(func(t *testing.T, b []byte, at int, x byte) {
		b = bytes.Clone(b)
		dir := t.TempDir()
		s := open(t, Config{Dir: dir})
		run := must[Run](t)(s.StartRun(context.Background(), RunMeta{Device: "pendulum"}))
		check(t, s.Close())
		path := filepath.Join(dir, "segments", "pendulum", "0000000009.seg")
		check(t, os.MkdirAll(filepath.Dir(path), 0o700))
		if len(b) > 0 {
			b[uint(at)%uint(len(b))] ^= x
		}
		reseal(b)
		check(t, os.WriteFile(path, b, 0o600))
		s = open(t, Config{Dir: dir})
		exportCSV(t, s, run.ID)
		check(t, s.Close())
	})
}
