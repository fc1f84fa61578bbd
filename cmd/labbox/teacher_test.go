package main

import (
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"labbox/edge/class"
)

// consoleBox is a box whose console is read.
func consoleBox(t *testing.T, data string, args ...string) (*box, *lockedBuffer) {
	t.Helper()
	cmd := exec.Command(os.Args[0], append([]string{"run", "--mdns", "off", "--data", data}, args...)...)
	cmd.Env = append(os.Environ(), "LABBOX_AS_MAIN=1")
	b := &box{t: t, log: &lockedBuffer{}, cmd: cmd}
	cmd.Stdout, cmd.Stderr = b.log, b.log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.kill)
	b.url = onConsole(t, b.log, `(?m)^listening (\S+)$`)
	return b, b.log
}

// onConsole waits for a line on the console and returns what is in its parentheses.
func onConsole(t *testing.T, log *lockedBuffer, line string) string {
	t.Helper()
	var m []string
	eventually(t, 20*time.Second, line, func() bool {
		m = regexp.MustCompile(line).FindStringSubmatch(log.String())
		return m != nil
	})
	return m[1]
}

// The first teacher comes in by the code on the console; who has lost the password, by
// one of labbox teacher reset, beside a box that runs.
func TestTeacherByTheConsole(t *testing.T) {
	data := t.TempDir()
	b, log := consoleBox(t, data, "--listen", "127.0.0.1:0")
	code := onConsole(t, log, `(?m)^teacher code (\S+)$`)
	if page := onConsole(t, log, `(?m)^teacher page (\S+)$`); page != b.url+"/teacher" {
		t.Error(page)
	}
	come := func(body string) *http.Client {
		t.Helper()
		jar, _ := cookiejar.New(nil)
		client := &http.Client{Jar: jar}
		b.call(client, "POST", "teacher", body)
		return client
	}
	first := come(fmt.Sprintf(`{"code":%q,"name":"Ms Roy","password":"correct horse"}`, code))
	if out := labboxSays(t, 0, "teacher", "list", "--data", data); out != "operator\tMs Roy\tdemo\n" {
		t.Errorf("%q", out)
	}
	out := labboxSays(t, 0, "teacher", "reset", "--data", data)
	reset := strings.TrimSpace(strings.TrimPrefix(out, "teacher code "))
	if st, err := os.Stat(filepath.Join(data, class.ResetFile)); err != nil || st.Mode().Perm() != 0o600 {
		t.Error(st, err)
	}
	come(fmt.Sprintf(`{"code":%q,"name":"ms roy","password":"battery staple"}`, reset))
	if res, err := first.Get(b.url + "/api/v1/teachers"); err != nil || res.StatusCode != http.StatusUnauthorized {
		t.Error("the session with the old password goes on:", res, err)
	} else {
		res.Body.Close()
	}
	if err := b.stop(); err != nil {
		t.Fatal(err)
	}
	b, log = consoleBox(t, data, "--listen", "127.0.0.1:0")
	b.openClass(come(`{"name":"Ms Roy","password":"battery staple"}`))
	if strings.Contains(log.String(), "teacher code") {
		t.Error("a code for a first teacher, and there is one")
	}
	labboxSays(t, exitUsage, "teacher", "fly")
	labboxSays(t, exitUsage, "teacher", "reset", "--data", filepath.Join(data, "nowhere"))
}

// What a class joins by is on the console, too.
func TestClassOnTheConsole(t *testing.T) {
	b, log := consoleBox(t, t.TempDir(), "--listen", "0.0.0.0:0")
	onConsole(t, log, `(?m)^(teacher) code`) // the addresses come before
	if !strings.Contains(log.String(), "\naddress ") {
		t.Skip("this machine has no network but loopback")
	}
	teacher := b.seat("Ms Roy")
	code := b.openClass(teacher)
	if url := onConsole(t, log, `(?m)^class (\S+)$`); !strings.HasSuffix(url, "/join/"+code) || !strings.Contains(log.String(), "address "+strings.TrimSuffix(url, "/join/"+code)+"\n") {
		t.Error(url)
	}
	if strings.Contains(log.String(), "█") {
		t.Error("a QR code where no terminal is")
	}
}
