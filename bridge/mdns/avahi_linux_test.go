package mdns

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Avahi, in a room made of two network namespaces and a cable: it has our name
// first, so we take the next; then it finds us.
func TestAvahi(t *testing.T) {
	if os.Getenv("LABBOX_IN_ROOM") == "1" {
		besideAvahi(t)
		return
	}
	for what, pkg := range map[string]string{"avahi-daemon": "avahi-daemon", "unshare": "util-linux", "nsenter": "util-linux", "ip": "iproute2"} {
		if _, err := exec.LookPath(what); err == nil {
			continue
		}
		if _, err := os.Stat("/usr/sbin/" + what); err == nil {
			continue
		}
		if os.Getenv("LABBOX_REQUIRE_PEERS") == "1" {
			t.Fatalf("no %s (Debian package %s)", what, pkg)
		}
		t.Skipf("no %s (Debian package %s)", what, pkg)
	}
	if out, err := exec.Command("unshare", "-nm", "sh", "-c", "mount -t tmpfs none /run && ip link add lan0 type veth peer name lan1").CombinedOutput(); err != nil {
		t.Skipf("network namespaces are forbidden, or this is not root, whom avahi's daemon wants: %v %s", err, out)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "unshare", "-nm", "--kill-child", os.Args[0], "-test.run=^TestAvahi$", "-test.v")
	cmd.Env = append(os.Environ(), "LABBOX_IN_ROOM=1", "PATH="+os.Getenv("PATH")+":/usr/sbin:/sbin")
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Error(err)
	}
}

func besideAvahi(t *testing.T) {
	run := func(args ...string) {
		t.Helper()
		if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%q: %v %s", args, err, out)
		}
	}
	run("mount", "-t", "tmpfs", "none", "/run")
	run("mkdir", "/run/avahi-daemon")
	other := exec.Command("unshare", "-n", "--kill-child", "sleep", "60")
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Process.Kill(); _ = other.Wait() }()
	pid := fmt.Sprint(other.Process.Pid)
	own, _ := os.Readlink("/proc/self/ns/net")
	poll(t, "the other namespace", func() bool { ns, _ := os.Readlink("/proc/" + pid + "/ns/net"); return ns != "" && ns != own })
	run("ip", "link", "add", "lan0", "type", "veth", "peer", "name", "lan1")
	run("ip", "link", "set", "lan1", "netns", pid)
	run("ip", "addr", "add", "192.168.7.5/24", "dev", "lan0")
	run("ip", "link", "set", "lan0", "up")
	run("nsenter", "-t", pid, "-n", "ip", "addr", "add", "192.168.7.6/24", "dev", "lan1")
	run("nsenter", "-t", pid, "-n", "ip", "link", "set", "lan1", "up")

	conf := filepath.Join(t.TempDir(), "avahi.conf")
	text := "[server]\nhost-name=labbox\nuse-ipv4=yes\nuse-ipv6=no\nenable-dbus=no\nallow-interfaces=lan1\n[wide-area]\nenable-wide-area=no\n"
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	avahi := exec.Command("nsenter", "-t", pid, "-n", "avahi-daemon", "--no-chroot", "--no-drop-root", "--no-rlimits", "-f", conf)
	avahi.Stderr = os.Stderr
	if err := avahi.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = avahi.Process.Kill(); _ = avahi.Wait() }()
	resolve := func(name string) string {
		c, err := net.Dial("unix", "/run/avahi-daemon/socket")
		if err != nil {
			return err.Error()
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(6 * time.Second))
		fmt.Fprintf(c, "RESOLVE-HOSTNAME-IPV4 %s\n", name)
		line, _ := bufio.NewReader(c).ReadString('\n')
		return line
	}
	poll(t, "avahi with our name", func() bool { return strings.Contains(resolve("labbox.local"), "192.168.7.6") })

	ifi, err := net.InterfaceByName("lan0")
	if err != nil {
		t.Fatal(err)
	}
	r, err := New(Config{Name: "labbox", Instance: "labbox bench", Service: "_http._tcp", Port: 8080, Text: []string{"path=/"},
		Links:  func() []Link { return []Link{{*ifi, []netip.Prefix{netip.MustParsePrefix("192.168.7.5/24")}}} },
		Logger: slog.New(slog.NewTextHandler(os.Stderr, nil))})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { _ = r.Run(ctx); close(done) }()
	defer func() { cancel(); <-done }()
	poll(t, "a name of our own", func() bool { return r.Host() != "" })
	if r.Host() != "labbox-2.local" {
		t.Errorf("host %q, but avahi is labbox.local", r.Host())
	}
	poll(t, "our address, from avahi", func() bool { return strings.Contains(resolve("labbox-2.local"), "192.168.7.5") })
	if got := resolve("labbox.local"); !strings.Contains(got, "192.168.7.6") {
		t.Errorf("avahi has lost its name: %s", got)
	}
}

func poll(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(15 * time.Second); !ok(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s never came", what)
		}
	}
}
