package main

import (
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestReaches(t *testing.T) {
	for _, c := range []struct {
		listen, a string
		want      bool
	}{
		{"::", "192.168.1.5", true}, {"::", "fd00::1", true}, {"0.0.0.0", "192.168.1.5", true}, {"0.0.0.0", "fd00::1", false},
		{"::", "169.254.3.4", false}, {"::", "fe80::1", false}, {"::", "127.0.0.1", false},
		{"192.168.1.5", "192.168.1.5", true}, {"192.168.1.5", "10.0.0.1", false},
	} {
		if got := reaches(netip.MustParseAddr(c.listen), netip.MustParseAddr(c.a)); got != c.want {
			t.Errorf("listening on %s, at %s: %v", c.listen, c.a, got)
		}
	}
	for name, want := range map[string]bool{"eth0": false, "wlan0": false, "br0": false, "enp3s0": false, "docker0": true, "br-1a2b": true, "veth12": true} {
		if ofMachines(name) != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
}

// A box in a room: it prints where it is, answers to its name, and to no other.
func TestRoom(t *testing.T) {
	needPeer(t, "unshare", "util-linux")
	needPeer(t, "ip", "iproute2")
	if out, err := exec.Command("unshare", "-rn", "ip", "link", "add", "lan0", "type", "veth", "peer", "name", "lan1").CombinedOutput(); err != nil {
		t.Skipf("network namespaces are forbidden: %v %s", err, out)
	}
	cmd := exec.CommandContext(t.Context(), "unshare", "-rn", "--kill-child", os.Args[0], "-test.run=^TestRoomInside$", "-test.v", "-test.timeout=100s")
	cmd.Env = append(os.Environ(), "LABBOX_ROOM=1")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestRoomInside") {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestRoomInside runs inside the namespace of TestRoom.
func TestRoomInside(t *testing.T) {
	if os.Getenv("LABBOX_ROOM") != "1" {
		t.Skip("runs as the child of TestRoom")
	}
	const setup = `set -e; ip link set lo up; ip link add lan0 type veth peer name lan1
ip addr add 192.168.7.5/24 dev lan0; ip addr add fd07::5/64 dev lan0 nodad; ip link set lan0 up; ip link set lan1 up
ip link add docker0 type veth peer name x1; ip addr add 172.17.0.1/16 dev docker0; ip link set docker0 up; ip link set x1 up`
	if out, err := exec.Command("sh", "-c", setup).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	cmd := exec.Command(os.Args[0], "run", "--listen", ":0", "--data", t.TempDir(), "--tls", "self")
	cmd.Env = append(os.Environ(), "LABBOX_AS_MAIN=1")
	out, log := &lockedBuffer{}, &lockedBuffer{}
	cmd.Stdout, cmd.Stderr = out, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	wait := func(what string, ok func() bool) {
		t.Helper()
		for end := time.Now().Add(30 * time.Second); !ok(); time.Sleep(30 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%s never came\n%s\n%s", what, out, log)
			}
		}
	}
	wait("the lines", func() bool { return strings.Contains(out.String(), "fingerprint SHA256:") })
	m := regexp.MustCompile(`listening https://127\.0\.0\.1:(\d+)\n`).FindStringSubmatch(out.String())
	if m == nil {
		t.Fatalf("printed\n%s", out)
	}
	port := m[1]
	want := fmt.Sprintf("address https://192.168.7.5:%s\naddress https://[fd07::5]:%s\ninstall http://192.168.7.5:%s/tls/\n", port, port, port)
	if got := out.String(); !strings.Contains(got, want) || strings.Count(got, "address ") != 2 {
		t.Errorf("printed\n%swant\n%s", got, want)
	}
	wait("the name", func() bool { return strings.Contains(log.String(), "labbox.local port="+port) })
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: ownMachine(), DisableKeepAlives: true}}
	for host, status := range map[string]int{"labbox.local:" + port: 200, "evil.local:" + port: 403, "labbox.example.org": 403} {
		req, _ := http.NewRequest(http.MethodGet, "https://192.168.7.5:"+port+"/healthz", nil)
		req.Host = host
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != status {
			t.Errorf("called %s: %s", host, res.Status)
		}
	}
	// Another address, while it runs: the certificate follows.
	if o, err := exec.Command("ip", "addr", "add", "10.7.7.7/24", "dev", "lan0").CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, o)
	}
	wait("a certificate for the new address", func() bool {
		c, err := client.Get("https://10.7.7.7:" + port + "/healthz")
		if err != nil {
			return false
		}
		defer c.Body.Close()
		return c.TLS.PeerCertificates[0].VerifyHostname("10.7.7.7") == nil
	})
	if strings.Contains(log.String(), "level=ERROR") {
		t.Error(log)
	}
}
