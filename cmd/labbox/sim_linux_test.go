package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"labbox/devices/transport"
	"labbox/devices/transport/serial"
)

// needMbpoll finds the Modbus master of another project.
func needMbpoll(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("mbpoll")
	if err != nil {
		if os.Getenv("LABBOX_REQUIRE_PEERS") == "1" {
			t.Fatal("no mbpoll (Debian package mbpoll)")
		}
		t.Skip("no mbpoll (Debian package mbpoll)")
	}
	return path
}

// A Modbus device of a type file answers another project's master, over a
// pseudo-terminal as RTU and over a socket as Modbus TCP.
func TestSimAnswersMbpoll(t *testing.T) {
	mbpoll := needMbpoll(t)
	text, err := os.ReadFile("testdata/bath.yaml")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	byTCP := filepath.Join(dir, "bath-tcp.yaml")
	if err := os.WriteFile(byTCP, []byte(strings.Replace(string(text), "mode: rtu", "mode: tcp", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "bath")
	rtu := startSim(t, "testdata/bath.yaml", &simFlags{pty: link, seed: 1})
	rtu.shows("bath on "+link, 1)
	tcp := startSim(t, byTCP, &simFlags{tcp: "127.0.0.1:0", seed: 1})
	_, port, err := net.SplitHostPort(tcp.address())
	if err != nil {
		t.Fatal(err)
	}
	for name, how := range map[string]struct {
		run   *simRun
		flags []string
		where string
	}{
		"rtu on a pty": {rtu, []string{"-m", "rtu", "-b", "115200", "-P", "none"}, link},
		"tcp":          {tcp, []string{"-m", "tcp", "-p", port}, "127.0.0.1"},
	} {
		t.Run(name, func(t *testing.T) {
			ask := func(ok bool, args ...string) string {
				t.Helper()
				values := ""
				if i := strings.Index(strings.Join(args, " "), "= "); i >= 0 {
					values = strings.Join(args, " ")[i+2:]
					args = strings.Fields(strings.Join(args, " ")[:i])
				}
				all := append(append([]string{}, how.flags...), "-a", "3", "-1", "-0", "-o", "3")
				all = append(append(append(all, args...), how.where), strings.Fields(values)...)
				out, err := exec.CommandContext(t.Context(), mbpoll, all...).CombinedOutput()
				if (err == nil) != ok {
					t.Fatalf("mbpoll %v: %v\n%s", all, err, out)
				}
				return string(out)
			}
			value := func(args ...string) (x float64) {
				t.Helper()
				out := ask(true, args...)
				m := regexp.MustCompile(`(?m)^\[\d+\]:\s*(\S+)`).FindStringSubmatch(out)
				if m == nil {
					t.Fatal(out)
				}
				if _, err := fmt.Sscan(m[1], &x); err != nil {
					t.Fatal(err, out)
				}
				return x
			}
			if x := value("-t", "3", "-r", "0"); x != 200 {
				t.Errorf("20 Cel is read as %g", x)
			}
			ask(true, "-t", "4", "-r", "0", "= 300")
			if x := value("-t", "4", "-r", "0"); x != 300 {
				t.Errorf("300 W are read back as %g", x)
			}
			if x := value("-t", "3:float", "-B", "-r", "10"); x != 0 {
				t.Errorf("switched off it takes %g W", x)
			}
			ask(true, "-t", "0", "-r", "0", "= 1")
			if x := value("-t", "3:float", "-B", "-r", "10"); x != 300 {
				t.Errorf("switched on it takes %g W", x)
			}
			inTime(t, func() bool { return value("-t", "3", "-r", "0") > 205 }, func() string { return "it does not get warm" })
			if out := ask(false, "-t", "4", "-r", "0", "= 501"); !strings.Contains(out, "Illegal data value") {
				t.Errorf("501 W: %s", out)
			}
			if out := ask(false, "-t", "4", "-r", "77"); !strings.Contains(out, "Illegal data address") {
				t.Errorf("register 77: %s", out)
			}
			how.run.types("mute")
			how.run.shows("\nmute", 1)
			if out := ask(false, "-t", "3", "-r", "0"); !strings.Contains(out, "timed out") {
				t.Errorf("mute: %s", out)
			}
			how.run.types("mute off")
			how.run.shows("mute off", 1)
			how.run.types("set temperature 65.5")
			how.run.shows("set temperature 65.5", 1)
			if x := value("-t", "3", "-r", "0"); x != 655 {
				t.Errorf("65.5 Cel is read as %g", x)
			}
		})
	}
}

// Unplugged, a program on the pseudo-terminal is hung up; plugged in again, the
// link is there again.
func TestSimOnAPTYIsUnplugged(t *testing.T) {
	link := filepath.Join(t.TempDir(), "plate")
	r := startSim(t, "plate", &simFlags{pty: link, seed: 1, rate: 50})
	r.shows("plate on "+link, 1)
	for n := 2; n < 5; n++ {
		op, err := serial.New(serial.Options{Path: link, Baud: 115200})
		if err != nil {
			t.Fatal(err)
		}
		p, err := op.Open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		hears := func() error {
			buf := make([]byte, 256)
			_, _, err := p.Receive(buf)
			return err
		}
		if err := hears(); err != nil {
			t.Fatal(err)
		}
		if err := p.Send([]byte("{\"cmd\":\"beat\"}\n"), transport.Stream); err != nil {
			t.Fatal(err)
		}
		r.types("unplug")
		lost := make(chan error, 1)
		go func() {
			for {
				if err := hears(); err != nil {
					lost <- err
					return
				}
			}
		}()
		select {
		case <-lost:
		case <-time.After(15 * time.Second):
			t.Fatal("unplugged, and nobody noticed")
		}
		p.Close()
		inTime(t, func() bool { _, err := os.Lstat(link); return os.IsNotExist(err) }, func() string { return "the link is still there" })
		r.types("plug")
		r.shows("plate on "+link, n)
	}
}
