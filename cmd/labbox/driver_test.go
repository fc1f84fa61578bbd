package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"labbox/edge"
)

// driverEnv makes the test binary a browser as far as the wire goes, in a process
// of its own: the box's address and a nickname.
const driverEnv = "LABBOX_TEST_DRIVER"

// startDriver returns once it drives and the heater is on.
func startDriver(t *testing.T, url, nickname string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), driverEnv+"="+url+" "+nickname)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	if sc := bufio.NewScanner(out); !sc.Scan() || sc.Text() != "drives" {
		t.Fatalf("the driver says %q", sc.Text())
	}
	return cmd
}

func driverMain() bool {
	url, nickname, ok := strings.Cut(os.Getenv(driverEnv), " ")
	if !ok {
		return false
	}
	jar, err := cookiejar.New(nil)
	watchersDie(err)
	body, err := json.Marshal(map[string]string{"nickname": nickname})
	watchersDie(err)
	res, err := (&http.Client{Jar: jar}).Post(url+"/api/v1/seats", "application/json", bytes.NewReader(body))
	watchersDie(err)
	watchersDie(res.Body.Close())
	ws, _, err := (&websocket.Dialer{Jar: jar, Subprotocols: []string{"lab.v1"}}).Dial("ws"+strings.TrimPrefix(url, "http")+"/ws", http.Header{"Origin": {url}})
	watchersDie(err)
	watchersDie(ws.WriteJSON(map[string]any{"op": "hello", "v": 1}))
	watchersDie(ws.WriteJSON(map[string]any{"op": "take", "device": "plate", "id": 1}))
	var fence uint64
	for {
		kind, b, err := ws.ReadMessage()
		watchersDie(err)
		if kind != websocket.TextMessage {
			continue
		}
		var m struct {
			Re      int
			Op      string
			Message string
			Tick    *edge.Tick
			Args    struct{ Lease edge.LeaseInfo }
		}
		watchersDie(json.Unmarshal(b, &m))
		switch {
		case m.Op == "error":
			watchersDie(fmt.Errorf("request %d: %s", m.Re, m.Message))
		case m.Re == 1:
			fence = m.Args.Lease.Fence
		case m.Re == 2:
			fmt.Println("drives")
		case m.Op == "tick" && fence > 0 && m.Tick != nil:
			watchersDie(ws.WriteJSON(map[string]any{"op": "cmd", "id": 2, "device": "plate", "name": "duty", "key": "on", "fence": fence,
				"args": map[string]any{"duty": 40}, "tick": m.Tick}))
			fence = 0
		}
	}
}
