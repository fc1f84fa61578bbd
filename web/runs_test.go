package web_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"labbox/edge"
)

var doorPicture = edge.RunPicture{Camera: "door", Picture: edge.Picture{JPEG: []byte("\xff\xd8 a picture \xff\xd9"), At: 1500 * time.Microsecond, WallMS: 77, Seq: 3}}

// A picture is asked for by its camera, or by who would rather have an image.
func TestRunPicture(t *testing.T) {
	l := newLab(t)
	s := l.join("Ana")
	l.runs.frames = [][]byte{l.owner.encode("pendulum", 0, 10, 0)}
	const path = "/api/v1/runs/r1/frames"
	if a := s.send("GET", path+"?camera=", ""); a.status != 503 || a.code() != edge.CodeNoPicture {
		t.Errorf("of a run without: %d %s", a.status, a.body)
	}
	l.runs.picture = doorPicture
	for _, c := range []struct {
		query, accept string
		image         bool
	}{
		{"?camera=door&t=1234", "", true},
		{"?camera=&t=1234", "application/octet-stream", true},
		{"?t=1234", "image/avif,image/webp,image/*,*/*;q=0.8", true},
		{"?t=1234", "image/jpeg", true},
		{"?t=1234", "*/*;q=0.1, IMAGE/JPEG ; Q=0.2", true},
		{"?t=1234", "*/*", false},
		{"?t=1234", "", false},
		{"?t=1234", "image/jpeg, */*", false},
		{"?t=1234", "image/jpeg;q=0, application/json", false},
		{"?t=1234", "image/jpeg;q=junk", false},
	} {
		for _, method := range []string{"GET", "HEAD"} {
			a := s.send(method, path+c.query, "", "Accept", c.accept)
			want, length := string(doorPicture.JPEG), ""
			if !c.image {
				want = string(l.runs.frames[0])
			}
			if method == "HEAD" {
				length, want = fmt.Sprint(len(want)), ""
			}
			h := a.header
			if a.status != 200 || a.body != want || h.Get("Cache-Control") != "no-store" || h.Get("Vary") != "Accept" {
				t.Errorf("%s %+v: %d %q %v", method, c, a.status, a.body, h)
			}
			if c.image && (h.Get("Content-Type") != "image/jpeg" || h.Get("Lab-Time-Ms") != "1234" || h.Get("Lab-Camera") != "door" ||
				h.Get("Lab-Time-Us") != "1500" || h.Get("Lab-Wall-Ms") != "77" || h.Get("Lab-Seq") != "3" || length != "" && h.Get("Content-Length") != length) {
				t.Errorf("%s %+v: %v", method, c, h)
			}
		}
	}
	if a := s.send("GET", path+"?camera=roof", ""); a.status != 404 || a.code() != edge.CodeUnknownCamera {
		t.Errorf("another camera: %d %s", a.status, a.body)
	}
	if a := s.send("GET", path+"?camera=door", "", "Sec-Fetch-Site", "cross-site"); a.code() != edge.CodeBadOrigin {
		t.Errorf("for another site's page: %d", a.status)
	}
	if a := s.send("GET", path+"?camera=door&t=-20", ""); a.status != 200 || a.header.Get("Lab-Time-Ms") != "-20" {
		t.Errorf("before the start: %d %s", a.status, a.body)
	}
}

func TestRunFramesQuery(t *testing.T) {
	l := newLab(t)
	s := l.join("Ana")
	for query, want := range map[string]edge.FramesAsk{
		"":                              {},
		"t=250&len=200":                 {From: 250 * time.Millisecond, Length: 200 * time.Millisecond},
		"t=5&len=0":                     {From: 5 * time.Millisecond, Length: 1},
		"zero=first&t=1":                {From: time.Millisecond},
		"zero=start&t=-2000&max_hz=0.5": {From: -2 * time.Second, FromStart: true, MaxHz: 0.5},
		"max_hz=1000":                   {MaxHz: 1000},
	} {
		if a := s.send("GET", "/api/v1/runs/r1/frames?"+query, ""); a.status != 200 || l.runs.ask != want {
			t.Errorf("%s: %d %s, asked %+v", query, a.status, a.body, l.runs.ask)
		}
	}
	for _, query := range []string{"t=-1", "t=x", "t=1.5", "t=9999999999999999", "zero=start&t=-9999999999999999", "len=-1", "len=x", "zero=end",
		"max_hz=0", "max_hz=-1", "max_hz=NaN", "max_hz=1e9", "max_hz=Inf", "max_hz=x", "camera=door&max_hz=1", "camera=door&len=5", "camera=door&zero=start", "camera=door&t=x"} {
		for _, method := range []string{"GET", "HEAD"} {
			if a := s.send(method, "/api/v1/runs/r1/frames?"+query, ""); a.status != 400 || method == "GET" && a.code() != edge.CodeBadRequest {
				t.Errorf("%s %s: %d %s", method, query, a.status, a.body)
			}
		}
	}
}

// The detail of a run holds names: of who started it, of notes, of events.
func TestRunDetailHidesNames(t *testing.T) {
	l := newLab(t)
	ms, code := l.teach(`{"alias":"Gast"}`)
	ana, bo := l.student(code, "Ana"), l.student(code, "Bo")
	ref := edge.SeatRef{ID: ana.ID, Name: "Ana"}
	event, err := json.Marshal(edge.Event{Box: boxName, Device: "pendulum", Code: "lease", Actor: &edge.Actor{Seat: ana.ID, Name: "Ana"},
		Args: map[string]any{"what": "taken", "holder": "Ana", "to": "Bo", "by": "Ana"}})
	if err != nil {
		t.Fatal(err)
	}
	l.runs.run.By = ref
	l.runs.detail = edge.RunDetail{FirstMS: -40, Contract: json.RawMessage(`{"type":"pendulum"}`), Annotations: []edge.RunNote{{TimeMS: 5, Text: "now", By: ref}},
		Events: []edge.RunEvent{{TimeMS: 7, Event: event}}, Pictures: []edge.RunPictures{{Camera: "door", Name: "Door", TimesMS: []int64{1, 2}}}}
	read := func(s *seat) (string, edge.RunDetail) {
		t.Helper()
		a := s.send("GET", "/api/v1/runs/r1/detail", "")
		var d edge.RunDetail
		if err := json.Unmarshal([]byte(a.body), &d); err != nil || a.status != 200 || a.header.Get("Cache-Control") != "no-store" {
			t.Fatal(a, err)
		}
		return a.body, d
	}
	b, d := read(ana)
	if strings.Count(b, `"Ana"`) != 5 || strings.Count(b, `"Bo"`) != 1 || d.FirstMS != -40 || d.Annotations[0].TimeMS != 5 || d.Events[0].TimeMS != 7 ||
		d.Pictures[0].TimesMS[1] != 2 || string(d.Contract) != `{"type":"pendulum"}` {
		t.Errorf("%s", b)
	}
	if a := bo.send("GET", "/api/v1/runs/r1/detail", ""); a.status != 403 {
		t.Errorf("somebody else's: %d", a.status)
	}
	if a := ms.send("PATCH", "/api/v1/class", `{"hide_names":true}`); a.status != 200 {
		t.Fatal(a)
	}
	l.eventually("names are hidden", func() bool { return l.class(ana).HideNames })
	for _, s := range []*seat{ana, ms} {
		if b, d := read(s); strings.Contains(b, `"Ana"`) || strings.Contains(b, `"Bo"`) || !strings.HasPrefix(d.Annotations[0].By.Name, "Gast") || d.Pictures[0].Name != "Door" {
			t.Errorf("hidden: %s", b)
		}
	}
	if a := ana.send("HEAD", "/api/v1/runs/r1/detail", ""); a.status != 200 || a.body != "" {
		t.Errorf("HEAD: %d %q", a.status, a.body)
	}
	if a := ana.send("GET", "/api/v1/runs/nope/detail", ""); a.status != 404 {
		t.Errorf("no such run: %d", a.status)
	}
}

// Who may not see pictures starts no run that keeps them.
func TestRunWithPicturesIsForTheClass(t *testing.T) {
	l := newOpenLab(t)
	const body = `{"device":"pendulum","pictures":{"cameras":["door"],"rate_hz":2}}`
	joined := l.direct("192.168.1.9:5", "POST", "/api/v1/seats", `{"nickname":"Guest"}`) // a student's seat
	if joined.status != 201 {
		t.Fatal(joined)
	}
	cookie := l.seatOf(joined).cookie
	if a := l.direct("192.168.1.9:5", "POST", "/api/v1/runs", body, "Cookie", cookie); a.status != 403 || a.code() != edge.CodeForbidden {
		t.Errorf("by a nickname alone: %d %s", a.status, a.body)
	}
	_, token, _ := strings.Cut(cookie, "=")
	p, _ := l.open(nil, "token", token)
	if m := p.ask(map[string]any{"op": "run.start", "device": "pendulum", "pictures": map[string]any{}}); m["code"] != string(edge.CodeForbidden) {
		t.Errorf("by the websocket: %v", m)
	}
	if m := p.ask(map[string]any{"op": "run.start", "device": "pendulum"}); m["op"] != "ok" {
		t.Errorf("without pictures: %v", m)
	}
	if asked := l.asked(edge.VerbRunStart); len(asked) != 1 || asked[0].Run.Pictures != nil {
		t.Errorf("the owner was asked %+v", asked)
	}
	_, code := l.teach(`{}`)
	ana := l.student(code, "Ana")
	if a := ana.send("POST", "/api/v1/runs", body); a.status != http.StatusCreated {
		t.Errorf("of the class: %d %s", a.status, a.body)
	}
	asked := l.asked(edge.VerbRunStart)
	if len(asked) != 2 || asked[1].Run.Pictures == nil || asked[1].Run.Pictures.RateHz != 2 || asked[1].Run.Pictures.Cameras[0] != "door" {
		t.Errorf("%+v", asked)
	}
}

// A web process without devices asks the owner for what is wanted, no more.
func TestPeerAsksForParts(t *testing.T) {
	kv := newKV()
	s := newStation(t, kv, "secret")
	p := peerOf(t, kv)
	s.runs.detail = edge.RunDetail{FirstMS: -3, Events: []edge.RunEvent{}}
	if d, err := p.Detail(t.Context(), "r1"); err != nil || d.FirstMS != -3 || d.Run.ID != "r1" {
		t.Errorf("%+v, %v", d, err)
	}
	if _, err := p.Detail(t.Context(), "nope"); edge.CodeOf(err) != edge.CodeUnknownRun {
		t.Errorf("the detail of none: %v", err)
	}
	if _, err := p.Picture(t.Context(), "r1", "", 0); edge.CodeOf(err) != edge.CodeNoPicture {
		t.Errorf("no picture: %v", err)
	}
	s.runs.picture = doorPicture
	got, err := p.Picture(t.Context(), "r1", "door", -7*time.Millisecond)
	want := doorPicture
	want.TimeMS = -7
	if err != nil || fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
	if _, err := p.Picture(t.Context(), "r1", "../x&y", 0); edge.CodeOf(err) != edge.CodeUnknownCamera {
		t.Errorf("another camera: %v", err)
	}
	for _, ask := range []edge.FramesAsk{{}, {From: time.Second, Length: time.Millisecond}, {From: -5 * time.Second, FromStart: true, MaxHz: 0.25}, {Length: 1}} {
		if err := p.Frames(t.Context(), "r1", ask, func([]byte) error { return nil }); err != nil || s.runs.ask != ask {
			t.Errorf("asked for %+v, the owner heard %+v: %v", ask, s.runs.ask, err)
		}
	}
	res, err := http.Get(s.URL + "/owner/v1/runs/r1/picture")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != 401 {
		t.Errorf("without the token: %d", res.StatusCode)
	}
}
