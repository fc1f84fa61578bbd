package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"labbox/edge"
)

// postJSON sends JSON as a page of the box does.
func (p *panel) postJSON(path, body string) (status int, text string) {
	p.t.Helper()
	req, err := http.NewRequest(http.MethodPost, p.url+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Origin", p.url)
	res, err := p.http.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

func (p *panel) offset() time.Duration {
	p.t.Helper()
	var box struct {
		OffsetMS int64 `json:"clock_offset_ms"`
	}
	if err := json.Unmarshal([]byte(fetch(p.t, p.http, p.url+"/api/v1/box")), &box); err != nil {
		p.t.Fatal(err)
	}
	return time.Duration(box.OffsetMS) * time.Millisecond
}

// A calendar that jumps a year forward and back, during a turn and a run: the turn
// goes on, the run's samples are in order and as many, and only dates change. The
// offset outlives the box.
func TestCalendarJumps(t *testing.T) {
	data := t.TempDir()
	b := startBox(t, data, "")
	b.until("pendulum", "live", isLive)
	ann := b.panel("Ann") // the first seat of a bench without accounts is a teacher's
	const year = 365 * 24 * time.Hour
	set := func(off time.Duration) {
		t.Helper()
		if code, body := ann.postJSON("/api/v1/clock", fmt.Sprintf(`{"wall_ms":%d}`, time.Now().Add(off).UnixMilli())); code != http.StatusOK {
			t.Fatalf("clock: %d %s", code, body)
		}
		if got := ann.offset(); (got - off).Abs() > 5*time.Second {
			t.Fatalf("the offset is %v, want %v", got, off)
		}
	}
	for _, off := range []time.Duration{60 * year, -60 * year} {
		if code, body := ann.postJSON("/api/v1/clock", fmt.Sprintf(`{"wall_ms":%d}`, time.Now().Add(off).UnixMilli())); code == http.StatusOK || !strings.Contains(body, string(edge.CodeOutOfRange)) {
			t.Errorf("%v: %d %s", off, code, body)
		}
	}
	began := time.Now()
	var started struct{ Run edge.Run }
	if err := json.Unmarshal(ann.ok(map[string]any{"op": "run.start", "device": "pendulum", "name": "years"}), &started); err != nil {
		t.Fatal(err)
	}
	fence := ann.take("pendulum")
	for _, off := range []time.Duration{0, year, -year, 0} {
		set(off)
		if r := ann.command("pendulum", "drive", fence, map[string]any{"power": 10}); r.Op != "ok" {
			t.Fatalf("drive after a jump to %v: %s %s", off, r.Code, r.Msg)
		}
		before := b.status("pendulum").Counts.Samples
		st := b.until("pendulum", "more samples", func(st edge.Status) bool { return st.Counts.Samples > before+20 })
		if st.Lease == nil || st.Lease.Fence != fence || st.Lease.Away || st.Safe == edge.SafeUnconfirmed {
			t.Fatalf("the lease after a jump to %v: %+v", off, st.Lease)
		}
	}
	set(year)
	var ended struct{ Run edge.Run }
	if err := json.Unmarshal(ann.ok(map[string]any{"op": "run.stop", "device": "pendulum", "run": started.Run.ID}), &ended); err != nil {
		t.Fatal(err)
	}
	if got, most := time.Duration(ended.Run.LengthMS)*time.Millisecond, time.Since(began)+time.Second; got <= 0 || got > most {
		t.Errorf("the run is %v long, %v have passed", got, most)
	}
	text := fetch(t, ann.http, b.url+"/api/v1/runs/"+started.Run.ID+".csv")
	in := csv.NewReader(strings.NewReader(text))
	in.Comment, in.FieldsPerRecord = '#', -1
	rows, err := in.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	col, last, n := slices.Index(rows[0], "box_time_s"), -1.0, 0
	for _, row := range rows[1:] {
		x, err := strconv.ParseFloat(row[max(col, 0)], 64)
		if err != nil {
			continue
		}
		if n++; x < last {
			t.Fatalf("%v s stands after %v s", x, last)
		}
		last = x
	}
	// The last of them may have been on its way when the run was counted.
	if col < 0 || uint64(n) < ended.Run.Samples || uint64(n) > ended.Run.Samples+5 || n < 60 || last > time.Since(began).Seconds()+1 {
		t.Errorf("%d samples up to %v s, the run says %d; columns %v", n, last, ended.Run.Samples, rows[0])
	}
	if err := b.stop(); err != nil {
		t.Fatal(err)
	}
	again := startBoxAt(t, strings.TrimPrefix(b.url, "http://"), data, "")
	ann.url = again.url
	if got := ann.offset(); (got - year).Abs() > 5*time.Second {
		t.Errorf("after a restart the offset is %v", got)
	}
	var runs struct{ Runs []edge.Run }
	if err := json.Unmarshal([]byte(fetch(t, ann.http, again.url+"/api/v1/runs?device=pendulum")), &runs); err != nil || len(runs.Runs) != 1 {
		t.Errorf("runs: %+v %v", runs, err)
	}
	if err := again.stop(); err != nil {
		t.Fatal(err)
	}
	if out := mustRun(t, "audit", "show", "--data", data); strings.Count(out, "  clock  by ") != 5 {
		t.Errorf("the audit log of the clock:\n%s", out)
	}
	mustRun(t, "audit", "verify", "--data", data)
}

func TestSavedOffsetIsChecked(t *testing.T) {
	f := &runFlags{data: t.TempDir()}
	for _, c := range []struct {
		saved string
		want  time.Duration
	}{{`{"offset_ms":1000}`, time.Second}, {`{"offset_ms":9000000000000000}`, 0}, {`x`, 0}, {`{"offset_ms":-2000}`, -2 * time.Second}} {
		p, err := f.open(t.Context(), mustBox(t, f), discard)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.kv.Set(context.Background(), clockKey("demo"), []byte(c.saved), 0); err != nil {
			t.Fatal(err)
		}
		p.close()
		if p, err = f.open(t.Context(), mustBox(t, f), discard); err != nil {
			t.Fatal(err)
		}
		if got := p.system.Offset(); got != c.want {
			t.Errorf("%s: offset %v, want %v", c.saved, got, c.want)
		}
		p.close()
	}
}
