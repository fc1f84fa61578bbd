package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"labbox/edge/frame"
)

const (
	seatsEnv    = "LABBOX_TEST_SEATS" // "url code seats devices seconds": the test binary is a class full of browsers
	classSeats  = 300
	classBench  = 30
	classStorm  = 10 * time.Second
	classWatch  = 15 * time.Second
	classPerCPU = 120 // percent of one core: 60 of two
	classMiB    = 150
)

// classType is a device that can be driven, and has nothing to be made safe.
const classType = `schema: 1
type: talker
label: {en: Talker}
protocol: {lines: {format: json, max_line: 512}}
rate: 100
count: {from: n}
time: {from: t, unit: ms}
channels:
  - {id: a, label: {en: A}, unit: V}
  - {id: b, label: {en: B}, unit: V}
commands:
  - id: set
    label: {en: Set}
    params: [{id: x, label: {en: X}, range: [0, 10]}]
    send: {text: ["set ", $x]}
safe: {steps: [], text: {en: nothing moves}}
`

// seatsMain is a class of browsers: each loads the page, joins by the code, opens
// the websocket, watches one device and stands in its queue.
func seatsMain() bool {
	var url, code string
	var seats, devs, seconds int
	if n, _ := fmt.Sscanf(os.Getenv(seatsEnv), "%s %s %d %d %d", &url, &code, &seats, &devs, &seconds); n != 5 {
		return false
	}
	var (
		wg           sync.WaitGroup
		ready        sync.WaitGroup
		mu           sync.Mutex
		slowest      time.Duration
		failed       []string
		frames, lost atomic.Uint64
		end          = make(chan struct{})
		counting     atomic.Bool
	)
	began := time.Now()
	for i := range seats {
		ready.Add(1)
		wg.Go(func() {
			time.Sleep(time.Duration(i) * classStorm / time.Duration(seats))
			at := time.Now()
			ws, err := sit(url, code, fmt.Sprintf("Student %d", i), fmt.Sprintf("d%d", i%devs))
			mu.Lock()
			slowest = max(slowest, time.Since(at))
			if err != nil {
				failed = append(failed, err.Error())
			}
			mu.Unlock()
			ready.Done()
			if err != nil {
				return
			}
			defer ws.Close()
			go func() { <-end; ws.Close() }()
			watchSeat(ws, &counting, &frames, &lost)
		})
	}
	ready.Wait()
	fmt.Printf("joined %d failed %d slowest %d took %d\n", seats, len(failed), slowest.Milliseconds(), time.Since(began).Milliseconds())
	for _, f := range failed[:min(5, len(failed))] {
		fmt.Fprintln(os.Stderr, "seat:", f)
	}
	time.Sleep(2 * time.Second)
	counting.Store(true)
	time.Sleep(time.Duration(seconds) * time.Second)
	counting.Store(false)
	fmt.Printf("samples %d lost %d\n", frames.Load(), lost.Load())
	close(end)
	wg.Wait()
	return true
}

var linkedFile = regexp.MustCompile(`(?:href|src)="([^":]+\.\w+)"`)

// sit is what one browser does until its seat watches and waits.
func sit(url, code, name, device string) (*websocket.Conn, error) {
	jar, _ := cookiejar.New(nil)
	client := &http.Client{Jar: jar, Timeout: 20 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 2}}
	defer client.CloseIdleConnections()
	get := func(path string) ([]byte, error) {
		res, err := client.Get(url + path)
		if err != nil {
			return nil, err
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		if res.StatusCode != http.StatusOK {
			err = errors.Join(err, fmt.Errorf("%s: %s", path, res.Status))
		}
		return b, err
	}
	page, err := get("/")
	if err != nil {
		return nil, err
	}
	for _, m := range linkedFile.FindAllSubmatch(page, -1) {
		if _, err := get("/" + string(m[1])); err != nil {
			return nil, err
		}
	}
	res, err := client.Post(url+"/api/v1/seats", "application/json", strings.NewReader(fmt.Sprintf(`{"code":%q,"nickname":%q}`, code, name)))
	if err != nil {
		return nil, err
	}
	b, _ := io.ReadAll(res.Body)
	res.Body.Close()
	if res.StatusCode != http.StatusCreated {
		return nil, fmt.Errorf("join: %s %s", res.Status, b)
	}
	d := websocket.Dialer{Jar: jar, Subprotocols: []string{"lab.v1"}, HandshakeTimeout: 10 * time.Second}
	ws, _, err := d.Dial("ws"+strings.TrimPrefix(url, "http")+"/ws", http.Header{"Origin": {url}})
	if err != nil {
		return nil, err
	}
	for _, m := range []string{`{"op":"hello","v":1}`, `{"op":"subscribe","device":"` + device + `","id":1}`, `{"op":"take","device":"` + device + `","wait":true,"id":2}`} {
		if err := ws.WriteMessage(websocket.TextMessage, []byte(m)); err != nil {
			return nil, err
		}
	}
	_ = ws.SetReadDeadline(time.Now().Add(10 * time.Second))
	for answered := 0; answered < 2; {
		kind, b, err := ws.ReadMessage()
		if err != nil {
			return nil, err
		}
		var r struct {
			Re   int    `json:"re"`
			Op   string `json:"op"`
			Code string `json:"code"`
		}
		if kind == websocket.TextMessage && json.Unmarshal(b, &r) == nil && r.Re != 0 {
			if r.Op != "ok" {
				return nil, fmt.Errorf("request %d: %s", r.Re, r.Code)
			}
			answered++
		}
	}
	return ws, ws.SetReadDeadline(time.Time{})
}

// watchSeat counts the samples that one browser gets and those that it does not.
func watchSeat(ws *websocket.Conn, counting *atomic.Bool, samples, lost *atomic.Uint64) {
	var next uint64
	for {
		kind, b, err := ws.ReadMessage()
		if err != nil {
			return
		}
		for kind == websocket.BinaryMessage && len(b) > 0 {
			v, rest, err := frame.Parse(b)
			if err != nil {
				return
			}
			h := v.Header()
			if counting.Load() {
				samples.Add(uint64(h.Samples))
				if next != 0 && h.Seq > next {
					lost.Add(h.Seq - next)
				}
			}
			next, b = h.Next, rest
		}
	}
}

// A class of 300 phones: all of them load the page, join and stand in a queue
// within ten seconds; then everybody watches 30 devices at full rate. The devices
// and the browsers are other processes.
func TestClassOf300(t *testing.T) {
	if testing.Short() {
		t.Skip("long")
	}
	dir := t.TempDir()
	text := farBench(t, dir, classType, classBench, 0)
	b := startRelease(t, filepath.Join(dir, "data"), text)
	for i := range classBench {
		b.until(fmt.Sprintf("d%d", i), "live", isLive)
	}
	code := b.openClass(b.seat("Teacher"))

	room := exec.CommandContext(t.Context(), os.Args[0])
	room.Env = append(os.Environ(), fmt.Sprintf("%s=%s %s %d %d %d", seatsEnv, b.url, code, classSeats, classBench, int(classWatch.Seconds())))
	room.Stderr = os.Stderr
	said, err := room.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := room.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = room.Process.Kill(); _ = room.Wait() }()
	lines := bufio.NewScanner(said)
	var joined, failed, slowest, took int
	if !lines.Scan() {
		t.Fatal("the class ended")
	}
	if _, err := fmt.Sscanf(lines.Text(), "joined %d failed %d slowest %d took %d", &joined, &failed, &slowest, &took); err != nil {
		t.Fatal(lines.Text())
	}
	fmt.Printf("class: %d joined in %.1f s, slowest %d ms, %d failed\n", joined, float64(took)/1000, slowest, failed)
	if failed > 0 {
		t.Errorf("%d of %d could not join", failed, joined)
	}
	time.Sleep(2 * time.Second)
	cpu, began := cpuOf(t, []*box{b}), time.Now()
	time.Sleep(classWatch - 2*time.Second)
	used, length := cpuOf(t, []*box{b})-cpu, time.Since(began)
	rss := residentMiB(t, b)
	driven, waiting := 0, 0
	for i := range classBench {
		st := b.status(fmt.Sprintf("d%d", i))
		if st.Lease != nil {
			driven++
		}
		waiting += len(st.Queue)
	}
	var samples, lost uint64
	if !lines.Scan() {
		t.Fatal("the class ended")
	}
	if _, err := fmt.Sscanf(lines.Text(), "samples %d lost %d", &samples, &lost); err != nil {
		t.Fatal(lines.Text())
	}
	share := 100 * float64(used) / float64(length.Nanoseconds())
	fmt.Printf("class: %d seats on %d devices: %.0f %% of one core, %.0f MiB, %.0f samples/s to browsers, %d lost; %d drive, %d wait\n",
		classSeats, classBench, share, rss, float64(samples)/classWatch.Seconds(), lost, driven, waiting)
	if driven != classBench || waiting != classSeats-classBench {
		t.Errorf("%d drive and %d wait, want %d and %d", driven, waiting, classBench, classSeats-classBench)
	}
	if want := 0.9 * 100 * classSeats * classWatch.Seconds(); float64(samples) < want {
		t.Errorf("%d samples, want %.0f", samples, want)
	}
	if share > classPerCPU {
		t.Errorf("%.0f %% of one core, want %d at most", share, classPerCPU)
	}
	if rss > classMiB {
		t.Errorf("%.0f MiB, want %d at most", rss, classMiB)
	}
}

// residentMiB is the box's resident set.
func residentMiB(t testing.TB, b *box) float64 {
	t.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", b.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`VmRSS:\s+(\d+) kB`).FindSubmatch(raw)
	if m == nil {
		t.Fatal("no VmRSS")
	}
	kb, _ := strconv.ParseFloat(string(m[1]), 64)
	return kb / 1024
}
