//go:build unix

package web_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"labbox/edge/frame"
)

// The load: 1 kHz x 4 channels to 300 panels.
const (
	benchPanels  = 300
	benchHz      = 1000
	benchSamples = 4000
	peerSamples  = 300
	clientsEnv   = "LABBOX_BENCH_CLIENTS"
)

// BenchmarkFanOut compares the hub with a peer that marshals JSON and writes once
// per client and sample. The clients are another process. Run it with
//
//	go test -run '^$' -bench FanOut -benchtime 1x ./web
//
// cpu-ns/sample is the CPU of the whole server process per sample and client.
func BenchmarkFanOut(b *testing.B) {
	var hub, single, peer float64
	b.Run("hub/batch=10", func(b *testing.B) { hub = benchHub(b, 10) })
	b.Run("hub/batch=1", func(b *testing.B) { single = benchHub(b, 1) })
	b.Run("peer", func(b *testing.B) { peer = benchPeer(b) })
	if hub > 0 && single > 0 && peer > 0 {
		fmt.Printf("peer/hub: %.1fx with 10 samples a frame, %.1fx with one\n", peer/hub, peer/single)
	}
}

func benchHub(b *testing.B, batch int) (ns float64) {
	for b.Loop() {
		l := newLab(b)
		c := startClients(b, l.addr, "hub", benchSamples)
		cpu, begun := cpuTime(b), time.Now()
		for from := 0; from < benchSamples; from += batch {
			if d := time.Until(begun.Add(time.Duration(from+batch) * time.Second / benchHz)); d > 0 {
				time.Sleep(d)
			}
			l.owner.sample("pendulum", from, batch)
		}
		c.finish(b)
		ns = float64(cpuTime(b)-cpu) / benchSamples / benchPanels
	}
	b.ReportMetric(ns, "cpu-ns/sample")
	b.ReportMetric(0, "ns/op")
	return ns
}

func benchPeer(b *testing.B) (ns float64) {
	for b.Loop() {
		var (
			mu      sync.Mutex
			clients []*websocket.Conn
		)
		up := websocket.Upgrader{Subprotocols: []string{"lab.v1"}}
		hs := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ws, err := up.Upgrade(w, r, nil)
			if err != nil {
				return
			}
			mu.Lock()
			clients = append(clients, ws)
			mu.Unlock()
		})}
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			b.Fatal(err)
		}
		go func() { _ = hs.Serve(ln) }()
		c := startClients(b, ln.Addr().String(), "peer", peerSamples)
		type sample struct {
			Seq   int                `json:"seq"`
			TUS   int64              `json:"t_us"`
			Value map[string]float64 `json:"values"`
		}
		cpu := cpuTime(b)
		for i := range peerSamples {
			x := float64(i)
			for _, ws := range clients {
				m, _ := json.Marshal(sample{i, int64(i) * 1000, map[string]float64{"angle": x, "speed": x + 0.125, "power": x + 0.25, "temp": x + 0.375}})
				if err := ws.WriteMessage(websocket.TextMessage, m); err != nil {
					b.Fatal(err)
				}
			}
		}
		c.finish(b)
		ns = float64(cpuTime(b)-cpu) / peerSamples / benchPanels
		for _, ws := range clients {
			_ = ws.Close()
		}
		_ = hs.Close()
	}
	b.ReportMetric(ns, "cpu-ns/sample")
	b.ReportMetric(0, "ns/op")
	return ns
}

func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// clients is the other process.
type clients struct {
	cmd *exec.Cmd
	out *bufio.Scanner
}

func startClients(b *testing.B, addr, mode string, samples int) *clients {
	b.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s %s %d", clientsEnv, addr, mode, samples))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	c := &clients{cmd: cmd, out: bufio.NewScanner(out)}
	c.want(b, "ready")
	runtime.GC()
	return c
}

func (c *clients) want(b *testing.B, line string) {
	b.Helper()
	if !c.out.Scan() || c.out.Text() != line {
		b.Fatalf("clients say %q, want %q", c.out.Text(), line)
	}
}

func (c *clients) finish(b *testing.B) {
	b.Helper()
	c.want(b, "all")
	if err := c.cmd.Wait(); err != nil {
		b.Fatal(err)
	}
}

// benchClients is the clients' process: it connects, says ready, and all once
// every client has got every sample in order.
func benchClients() bool {
	var addr, mode string
	var samples int
	if n, _ := fmt.Sscanf(os.Getenv(clientsEnv), "%s %s %d", &addr, &mode, &samples); n != 3 {
		return false
	}
	var ready, done sync.WaitGroup
	for range benchPanels {
		ready.Add(1)
		done.Go(func() {
			ws, _, err := (&websocket.Dialer{Subprotocols: []string{"lab.v1"}}).Dial("ws://"+addr+"/ws", nil)
			die(err)
			if mode == "hub" {
				die(ws.WriteMessage(websocket.TextMessage, []byte(`{"op":"hello","v":1}`)))
				die(ws.WriteMessage(websocket.TextMessage, []byte(`{"op":"subscribe","device":"pendulum","id":1}`)))
				for {
					_, b, err := ws.ReadMessage()
					die(err)
					if strings.HasPrefix(string(b), `{"re":1,"op":"ok"`) {
						break
					}
				}
			}
			ready.Done()
			for next := 0; next < samples; {
				kind, b, err := ws.ReadMessage()
				die(err)
				if mode == "peer" {
					next++
					continue
				}
				for kind == websocket.BinaryMessage && len(b) > 0 {
					v, rest, err := frame.Parse(b)
					die(err)
					if v.Header().Seq != uint64(next) || v.Header().Lost != 0 {
						die(fmt.Errorf("sample %d came when %d was due", v.Header().Seq, next))
					}
					next, b = int(v.Header().Next), rest
				}
			}
		})
	}
	ready.Wait()
	fmt.Println("ready")
	done.Wait()
	fmt.Println("all")
	return true
}

func die(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "client:", err)
		os.Exit(1)
	}
}
