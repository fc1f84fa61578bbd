package audit

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// BenchmarkNote: one record noted and written to a file, against encoding/json
// and one write per record, in the same run.
func BenchmarkNote(b *testing.B) {
	const n = 4000 // of a turn; below what the queue holds
	dir := b.TempDir()
	l := open(b, Config{Dir: dir})
	e := refused("s1", 1)
	e.Code = "command"
	f, err := os.Create(filepath.Join(dir, "plain"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	plain := json.NewEncoder(f)
	var noted, ours, theirs time.Duration
	rounds := 0
	before := l.Head().N
	for b.Loop() {
		rounds++
		began := time.Now()
		for range n {
			l.Note(e)
		}
		noted += time.Since(began)
		flush(b, l)
		ours += time.Since(began)
		began = time.Now()
		for range n {
			if err := plain.Encode(e); err != nil {
				b.Fatal(err)
			}
		}
		if err := f.Sync(); err != nil {
			b.Fatal(err)
		}
		theirs += time.Since(began)
	}
	if got := l.Head().N - before; got != uint64(n*rounds) {
		b.Fatalf("%d of %d records are there", got, n*rounds)
	}
	total := float64(n * rounds)
	files, _ := list(dir)
	size := int64(0)
	for _, f := range files {
		size += f.size
	}
	own, _ := f.Stat()
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(noted)/total, "ns/note")
	b.ReportMetric(float64(ours)/total, "ns/record")
	b.ReportMetric(float64(theirs)/total, "ns/json")
	b.ReportMetric(float64(ours)/float64(theirs), "ratio")
	b.ReportMetric(float64(size)/float64(l.Head().N), "B/record")
	b.ReportMetric(float64(own.Size())/total, "B/json")
}

// BenchmarkVerify: how fast a log is checked.
func BenchmarkVerify(b *testing.B) {
	dir := b.TempDir()
	l := open(b, Config{Dir: dir, FileBytes: 1 << 20})
	for i := range 5000 {
		l.Note(command(i))
	}
	flush(b, l)
	_ = l.Close()
	for b.Loop() {
		mustHold(b, dir)
	}
	b.ReportMetric(float64(b.Elapsed())/float64(b.N)/float64(l.Head().N), "ns/record")
}
