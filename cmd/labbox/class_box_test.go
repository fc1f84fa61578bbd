package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// startRelease runs a box as it is released, for what is measured: the race
// detector, which the tests run with, costs many times as much.
func startRelease(t *testing.T, data, boxFile string) *box {
	t.Helper()
	name := filepath.Join(t.TempDir(), "box.yaml")
	if err := os.WriteFile(name, []byte(boxFile), 0o600); err != nil {
		t.Fatal(err)
	}
	exe := buildBinary(t, runtime.GOOS, runtime.GOARCH)
	return launch(t, exec.Command(exe, "run", "--listen", "127.0.0.1:0", "--data", data, "--config", name), 30*time.Second)
}

// seat joins without a code and without a websocket, as who sits at the box may.
func (b *box) seat(nickname string) *http.Client {
	b.t.Helper()
	jar, _ := cookiejar.New(nil)
	client := &http.Client{Jar: jar}
	b.call(client, "POST", "seats", fmt.Sprintf(`{"nickname":%q}`, nickname))
	return client
}

// openClass opens a class and returns its code.
func (b *box) openClass(teacher *http.Client) (code string) {
	b.t.Helper()
	var c struct {
		Code string `json:"code"`
	}
	if err := json.Unmarshal(b.call(teacher, "POST", "class", `{"title":"Physics"}`), &c); err != nil || len(c.Code) != 6 {
		b.t.Fatalf("class: %+v, %v", c, err)
	}
	return c.Code
}

// student joins the class by its code.
func (b *box) student(code, nickname string) *panel {
	b.t.Helper()
	jar, _ := cookiejar.New(nil)
	client := &http.Client{Jar: jar}
	b.call(client, "POST", "seats", fmt.Sprintf(`{"code":%q,"nickname":%q}`, code, nickname))
	return dialPanel(b.t, b.url, client)
}

// call is a request to the API that must succeed.
func (b *box) call(client *http.Client, method, path, body string) []byte {
	b.t.Helper()
	req, err := http.NewRequest(method, b.url+"/api/v1/"+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := client.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	answer, _ := io.ReadAll(res.Body)
	if res.StatusCode >= 300 {
		b.t.Fatalf("%s %s: %s %s", method, path, res.Status, answer)
	}
	return answer
}

// labboxSays runs labbox and returns what it prints.
func labboxSays(t *testing.T, code int, args ...string) string {
	t.Helper()
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), "LABBOX_AS_MAIN=1")
	out, err := cmd.Output()
	if got := cmd.ProcessState.ExitCode(); got != code {
		t.Fatalf("labbox %s: exit code %d, want %d: %v\n%s", strings.Join(args, " "), got, code, err, out)
	}
	return string(out)
}
