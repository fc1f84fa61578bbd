package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"labbox/edge"
)

// browserBox is the stack as a browser sees it.
func (s *stack) browserBox(t *testing.T) *box {
	return &box{t: t, url: "http://" + s.published() + "/lab"}
}

// compose.yaml without containers: the demo through nginx on a sub-path, two web
// processes without sticky sessions, one of which stops in the middle of the lesson.
func TestComposeWithoutContainers(t *testing.T) {
	if testing.Short() {
		t.Skip("-short")
	}
	web := openBrowser(t)
	s := newStack(t, (*stack).nginx)
	s.start()
	b := s.browserBox(t)
	for _, d := range []string{"pendulum", "aeropendulum"} {
		b.until(d, "live", isLive)
	}
	code := s.openClass(t, b)
	root := &box{t: t, url: "http://" + s.published()} // a tab names paths from the root
	t.Run("panel", func(t *testing.T) { composeLesson(t, s, web.as(t).tab(root, desktop), code) })
	t.Run("frames", func(t *testing.T) { composeFrames(t, s, code) })
	t.Run("addresses", func(t *testing.T) { composeAddresses(t, s, "nginx") })
	t.Run("caddy", func(t *testing.T) {
		s.running["proxy"].end()
		s.running["proxy"] = s.caddy()
		s.awaitProxy()
		composeFrames(t, s, code)
		composeAddresses(t, s, "caddy")
	})
	t.Run("secrets", func(t *testing.T) { composeSecrets(t, s) })
}

var consoleCode = regexp.MustCompile(`(?m)^teacher code (\S+)$`)

// openClass makes the first teacher by the code on the console of a web process, opens
// a class and returns its code. Behind a proxy nobody sits at the bench.
func (s *stack) openClass(t *testing.T, b *box) string {
	t.Helper()
	var code []string
	eventually(t, 10*time.Second, "a code on the console", func() bool {
		code = consoleCode.FindStringSubmatch(s.running["web-a"].log.String())
		return code != nil
	})
	jar, _ := cookiejar.New(nil)
	teacher := &http.Client{Jar: jar}
	if status, body := (&panel{t: t, url: b.url, http: teacher}).post("/api/v1/seats", `{"nickname":"Eve"}`); status != http.StatusNotFound {
		t.Fatalf("a seat without a code: %d %s", status, body)
	}
	b.call(teacher, "POST", "teacher", fmt.Sprintf(`{"code":%q,"name":"Ms Roy","password":"correct horse"}`, code[1]))
	return b.openClass(teacher)
}

// back starts a web process again and waits until the proxy, which left it out,
// gives it requests: a foreign origin is refused, and that is in the log.
func (s *stack) back(name string) {
	s.t.Helper()
	s.run(name)
	s.healthy(name)
	for i := range 1000 {
		origin := fmt.Sprintf("http://%s-%d.example", name, i)
		if res, _ := s.refused("http://"+s.published(), origin); res != nil && strings.Contains(s.running[name].log.String(), origin) {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	s.t.Fatalf("the proxy leaves %s out", name)
}

// refused sends a request of another site's page, from an address of its own.
func (s *stack) refused(base, origin string) (*http.Response, string) {
	req, _ := http.NewRequest(http.MethodPost, base+"/lab/api/v1/seats", strings.NewReader("{}"))
	req.Header.Set("Origin", origin)
	req.Header.Set("X-Forwarded-For", "198.51.100.7")
	res, err := from("127.0.0.9").Do(req)
	if err != nil {
		return nil, err.Error()
	}
	body, _ := io.ReadAll(res.Body)
	res.Body.Close()
	return res, string(body)
}

// composeLesson is a lesson in which both web processes are restarted.
func composeLesson(t *testing.T, s *stack, ann *tab, code string) {
	ann.allow("status of 401") // nobody yet
	ann.open("/lab/join/" + code)
	ann.until("the question for a name", `document.querySelector('dialog input[name=nickname]')`)
	ann.write("dialog input[name=nickname]", "Ann")
	ann.press("dialog button.primary", "")
	ann.untilText("header .who", "Ann")
	ann.until("both devices live", `document.querySelectorAll('li.device .chip.ok').length === 2`)
	ann.press("a.cover[href='d/pendulum']", "")
	ann.until("a plot with a trace", `globalThis.plotted > 0`)
	if at := js[string](ann, `location.pathname`); at != "/lab/d/pendulum" {
		t.Errorf("the panel is at %s", at)
	}
	ann.press("button", "Take control")
	ann.untilText(".turn", "You are driving")
	ann.write("form[aria-label=Drive] input[type=text]", "120")
	ann.press("form[aria-label=Drive] button", "Send")
	ann.untilText("form[aria-label=Drive] .result", "Confirmed")
	recordAndDownload(t, ann)
	ann.shoot("compose")
	// Whichever process the panel hangs on: it moves to the other and back.
	ann.allow("WebSocket connection", "Failed to load resource")
	for _, name := range []string{"web-a", "web-b"} {
		s.running[name].end()
		if code := s.running[name].cmd.ProcessState.ExitCode(); code != 0 {
			t.Errorf("%s ended with %d", name, code)
		}
		strokes := js[int](ann, `globalThis.strokes`)
		ann.until("the plot goes on without "+name, fmt.Sprintf(`globalThis.strokes > %d`, strokes+20))
		ann.untilText(".turn", "You are driving")
		s.back(name)
	}
	ann.write("form[aria-label=Drive] input[type=text]", "60")
	ann.press("form[aria-label=Drive] button", "Send")
	ann.untilText("form[aria-label=Drive] .result", "Confirmed")
	ann.press("button", "Release")
	ann.untilText(".turn", "Nobody is driving")
	ann.shoot("compose-moved")
}

// composeFrames: binary frames, a stop that is told with 1001, and the other process.
func composeFrames(t *testing.T, s *stack, code string) {
	p := s.browserBox(t).student(code, "Bob")
	p.ok(map[string]any{"op": "subscribe", "device": "pendulum"})
	flow := func(p *panel) {
		t.Helper()
		for end := time.Now().Add(15 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			if n, gaps := p.samples(); n > 100 {
				if gaps != 0 {
					t.Errorf("%d gaps", gaps)
				}
				return
			}
			if time.Now().After(end) {
				t.Fatal("no samples")
			}
		}
	}
	flow(p)
	moves := 0
	for _, name := range []string{"web-a", "web-b"} {
		s.running[name].end()
		select {
		case <-p.closed:
			p.mu.Lock()
			bye := p.bye
			p.mu.Unlock()
			if bye != 1001 {
				t.Errorf("the socket closed with %d", bye)
			}
			p = dialPanel(t, p.url, p.http) // with the same seat
			moves++
			p.ok(map[string]any{"op": "subscribe", "device": "pendulum"})
			flow(p)
		case <-time.After(time.Second): // it hangs on the other one
		}
		s.back(name)
	}
	if moves == 0 {
		t.Error("the socket survived both processes")
	}
}

var remotes = regexp.MustCompile(`"remote":"([0-9.]+):?\d*"`)

// composeAddresses: the log has the browser's address, not the proxy's, and not the
// one that a browser claims.
func composeAddresses(t *testing.T, s *stack, proxy string) {
	ask := func(base, origin string) {
		t.Helper()
		if res, body := s.refused(base, origin); res == nil || res.StatusCode != http.StatusForbidden || !strings.Contains(body, string(edge.CodeBadOrigin)) {
			t.Error(body)
		}
	}
	through, past := proxy+".example", "past-"+proxy+".example"
	ask("http://"+s.published(), "http://"+through)
	ask("http://127.0.0.1:"+s.port("web-a", "8080"), "http://"+past)
	var log string
	eventually(t, 10*time.Second, "both refusals are logged", func() bool { // the log comes by a pipe
		log = s.running["web-a"].log.String() + s.running["web-b"].log.String()
		return strings.Contains(log, "//"+through) && strings.Contains(log, "//"+past)
	})
	for _, origin := range []string{through, past} {
		found := regexp.MustCompile(`.*//` + regexp.QuoteMeta(origin) + `.*`).FindString(log)
		if m := remotes.FindStringSubmatch(found); m == nil || m[1] != "127.0.0.9" {
			t.Errorf("the refusal of %s is logged as %q", origin, found)
		}
	}
	if strings.Contains(log, "198.51.100.7") {
		t.Error("a browser's own claim is in the log")
	}
}

// composeSecrets: no log has a password.
func composeSecrets(t *testing.T, s *stack) {
	for _, name := range []string{"broker_password", "store_password"} {
		text, err := os.ReadFile(s.secrets[name])
		if err != nil || len(text) != 48 {
			t.Fatalf("%s: %d bytes, %v", name, len(text), err)
		}
		for service, c := range s.running {
			if strings.Contains(c.log.String(), string(text)) {
				t.Errorf("the log of %s has the %s", service, name)
			}
		}
	}
	made := filepath.Dir(s.secrets["broker_password"])
	if info, err := os.Stat(made); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	if err := exec.Command("../../docs/deploy/secrets.sh", made).Run(); err == nil {
		t.Error("secrets.sh replaces passwords that are in use")
	}
}
