package main

import (
	"bufio"
	"context"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// A lesson on a computer without any network: a namespace with nothing but
// loopback. The box's system calls and the page's requests are watched: nothing
// tries to leave, and nobody asks for a name.
func TestOffline(t *testing.T) {
	needPeer(t, "unshare", "util-linux")
	needPeer(t, "ip", "iproute2")
	needPeer(t, "strace", "strace")
	needPeer(t, "chromium", "chromium")
	if out, err := exec.Command("unshare", "-rn", "ip", "link", "set", "lo", "up").CombinedOutput(); err != nil {
		t.Skipf("network namespaces are forbidden: %v %s", err, out)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "unshare", "-rn", "--kill-child", os.Args[0], "-test.run=^TestOfflineInside$", "-test.v")
	cmd.Env = append(os.Environ(), "LABBOX_OFFLINE=1")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestOfflineInside") {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestOfflineInside runs inside the namespace of TestOffline.
func TestOfflineInside(t *testing.T) {
	if os.Getenv("LABBOX_OFFLINE") != "1" {
		t.Skip("runs as the child of TestOffline")
	}
	if out, err := exec.Command("ip", "link", "set", "lo", "up").CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	if out, err := exec.Command("ip", "route", "show", "table", "main").Output(); err != nil || len(out) != 0 {
		t.Fatalf("this namespace has a route: %s (%v)", out, err)
	}
	t.Run("the watch sees who tries to leave", func(t *testing.T) {
		dir := t.TempDir()
		for _, url := range []string{"http://192.0.2.1", "http://labbox.example"} {
			trace := filepath.Join(dir, "trace")
			cmd := watched(trace, "health", url)
			_ = cmd.Run()
			if len(attempts(t, trace)) == 0 {
				t.Errorf("%s: nothing seen", url)
			}
		}
	})
	trace := filepath.Join(t.TempDir(), "trace")
	b := launch(t, watched(trace, "run", "--listen", ":0", "--data", t.TempDir(), "--open"), time.Minute)
	for _, d := range []string{"pendulum", "aeropendulum"} {
		b.until(d, "live", isLive)
	}
	ann := openBrowser(t).tab(b, phone)
	walk(t, ann, b)
	if ann.requests < 10 {
		t.Errorf("only %d requests of the page were seen", ann.requests)
	}
	ann.do(chromedp.Navigate("about:blank")) // or it complains that the box is gone
	if err := b.stop(); err != nil {
		t.Errorf("exit: %v", err)
	}
	for _, a := range attempts(t, trace) {
		t.Errorf("tried to leave: %s", a)
	}
}

// walk is a lesson in short: look, join, drive, stop.
func walk(t *testing.T, ann *tab, b *box) {
	t.Helper()
	ann.open("/")
	ann.until("both devices live", `document.querySelectorAll('li.device .chip.ok').length === 2`)
	ann.join("Ann")
	ann.open("/d/pendulum")
	ann.until("a plot with a trace", `globalThis.plotted > 0`)
	ann.press("button", "Take control")
	ann.untilText(".turn", "You are driving")
	ann.write("form[aria-label=Drive] input[type=text]", "90")
	ann.press("form[aria-label=Drive] button", "Send")
	ann.untilText("form[aria-label=Drive] .result", "Confirmed")
	ann.press(".bar .estop", "")
	ann.untilText(".callout.bad", "Pressed by Ann")
	if b.status("pendulum").Stopped == nil {
		t.Error("the stop is not latched")
	}
}

// watched is a box whose calls to others, and whose looks at how names are found,
// are written to a file.
func watched(trace string, args ...string) *exec.Cmd {
	args = append([]string{"-D", "-f", "-qq", "-s", "200", "--signal=none", "-e", "trace=connect,sendto,sendmsg,sendmmsg,openat,open",
		"-o", trace, os.Args[0]}, args...)
	cmd := exec.Command("strace", args...)
	cmd.Env = append(os.Environ(), "LABBOX_AS_MAIN=1", "LABBOX_OFFLINE=")
	return cmd
}

// attempts are the lines of a trace that speak to others than this computer, or
// look for a name.
func attempts(t *testing.T, trace string) (out []string) {
	t.Helper()
	f, err := os.Open(trace)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := 0
	sc := bufio.NewScanner(f)
	sc.Buffer(nil, 1<<20)
	for ; sc.Scan(); lines++ {
		if leaves(sc.Text()) {
			out = append(out, sc.Text())
		}
	}
	if lines == 0 {
		t.Fatal("strace has seen nothing at all")
	}
	return out
}

var (
	toAddress = regexp.MustCompile(`sin_port=htons\((\d+)\), sin_addr=inet_addr\("([^"]+)"\)`)
	toSixth   = regexp.MustCompile(`sin6_port=htons\((\d+)\).*inet_pton\(AF_INET6, "([^"]+)"`)
	resolver  = regexp.MustCompile(`"/etc/(resolv\.conf|nsswitch\.conf|hosts|host\.conf)"|nscd/socket|systemd/resolve|io\.systemd\.Resolve`)
)

func leaves(line string) bool {
	if resolver.MatchString(line) {
		return true
	}
	for _, re := range []*regexp.Regexp{toAddress, toSixth} {
		if m := re.FindStringSubmatch(line); m != nil {
			a, err := netip.ParseAddr(m[2])
			if err != nil || m[1] == "53" || !a.Unmap().IsLoopback() {
				return true
			}
		}
	}
	return false
}

func TestLeaves(t *testing.T) {
	for line, want := range map[string]bool{
		`7 connect(9, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("192.0.2.1")}, 16) = -1 ENETUNREACH (Network is unreachable)`:   true,
		`7 connect(9, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("127.0.0.1")}, 16) = 0`:                                         false,
		`7 connect(9, {sa_family=AF_INET, sin_port=htons(53), sin_addr=inet_addr("127.0.0.53")}, 16) = 0`:                                        true,
		`7 connect(9, {sa_family=AF_INET6, sin6_port=htons(80), sin6_flowinfo=htonl(0), inet_pton(AF_INET6, "2001:db8::1", &sin6_addr), x}, 28)`: true,
		`7 connect(9, {sa_family=AF_INET6, sin6_port=htons(80), sin6_flowinfo=htonl(0), inet_pton(AF_INET6, "::1", &sin6_addr), x}, 28)`:         false,
		`7 sendto(9, "x", 1, 0, {sa_family=AF_INET, sin_port=htons(5353), sin_addr=inet_addr("224.0.0.251")}, 16)`:                               true,
		`7 openat(AT_FDCWD, "/etc/resolv.conf", O_RDONLY|O_CLOEXEC) = 3`:                                                                         true,
		`7 openat(AT_FDCWD, "/proc/sys/net/core/somaxconn", O_RDONLY|O_CLOEXEC) = 3`:                                                             false,
	} {
		if leaves(line) != want {
			t.Errorf("%v for %s", !want, line)
		}
	}
}
