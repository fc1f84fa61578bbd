//nolint:misspell // the peer's name
package mqtt_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"labbox/devices/transport"
	"labbox/devices/transport/mqtt"
	"labbox/edge/natsbus"
)

// Peers: mosquitto_pub and mosquitto_sub (Eclipse Mosquitto 2.0), each a process
// of its own.

func mosquitto(t *testing.T, b *bench, tool string, args ...string) *exec.Cmd {
	t.Helper()
	path, err := exec.LookPath(tool)
	if err != nil {
		if os.Getenv("LABBOX_REQUIRE_PEERS") == "1" {
			t.Fatalf("no %s (Debian package mosquitto-clients)", tool)
		}
		t.Skipf("no %s (Debian package mosquitto-clients)", tool)
	}
	host, port, _ := net.SplitHostPort(b.addr)
	return exec.Command(path, append([]string{"-h", host, "-p", port, "-u", "plate", "-P", secret}, args...)...)
}

func start(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
}

// mosquitto_sub is the device: it gets commands, leaves a will, and is killed.
func TestMosquittoSub(t *testing.T) {
	for _, qos := range []string{"0", "1", "2"} {
		b := serve(t, nil)
		cmd := mosquitto(t, b, "mosquitto_sub", "-t", in, "-q", qos, "-i", "board", "-c", "-k", "30",
			"--will-topic", out, "--will-payload", "gone", "--will-retain", "--will-qos", qos)
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		start(t, cmd)
		p := b.open(t)
		lines := bufio.NewScanner(stdout)
		for _, want := range []string{"stop", "drive 40"} {
			if err := p.Send([]byte(want), transport.Text); err != nil {
				t.Fatal(err)
			}
			if !lines.Scan() || lines.Text() != want {
				t.Errorf("the device got %q, want %q", lines.Text(), want)
			}
		}
		started := time.Now()
		cmd.Process.Kill()
		err = wantLost(t, p)
		if d := time.Since(started); d > 3*time.Second {
			t.Errorf("noticed after %v", d)
		}
		t.Logf("QoS %s: %v after %v", qos, err, time.Since(started).Round(time.Millisecond))
		p.Close()

		// The session that it had the broker keep holds nothing.
		cmd = mosquitto(t, b, "mosquitto_sub", "-t", in, "-q", qos, "-i", "board", "-c", "-C", "1")
		stdout, err = cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		start(t, cmd)
		p = b.open(t)
		p.Send([]byte("fresh"), transport.Text)
		lines = bufio.NewScanner(stdout)
		if !lines.Scan() || lines.Text() != "fresh" {
			t.Errorf("after a reconnect the device first got %q", lines.Text())
		}
	}
}

// mosquitto_pub is the device: each line of its input is a message.
func TestMosquittoPub(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"-q", "0"}, {"-q", "1"}, {"-q", "2"}, {"-q", "1", "-r"}} {
		b := serve(t, nil)
		cmd := mosquitto(t, b, "mosquitto_pub", append(args, "-t", out, "-l")...)
		stdin, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		start(t, cmd)
		p := b.open(t)
		for _, want := range []string{`{"t":1}`, `{"t":2}`, `{"t":3}`} {
			stdin.Write([]byte(want + "\n"))
			if got := receive(t, p); got != want {
				t.Errorf("%v: got %q, want %q", args, got, want)
			}
		}
		stdin.Close()
		wantLost(t, p)
	}
}

func TestMosquittoRefused(t *testing.T) {
	b := serve(t, nil)
	for _, args := range [][]string{{"-P", "wrong"}, {"-u", "nobody"}} {
		out, err := mosquitto(t, b, "mosquitto_pub", append([]string{"-t", out, "-m", "x"}, args...)...).CombinedOutput()
		if err == nil {
			t.Errorf("%v: let in", args)
		}
		t.Logf("%v: %s", args, out)
	}
}

// certificate makes one that is its own authority, for 127.0.0.1.
func certificate(t *testing.T) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, file
}

func TestTLS(t *testing.T) {
	cert, ca := certificate(t)
	b := serve(t, func(c *natsbus.MQTTConfig, _ *mqtt.Options) {
		c.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
	})
	cmd := mosquitto(t, b, "mosquitto_sub", "-t", in, "--cafile", ca)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	start(t, cmd)
	p := b.open(t)
	if err := p.Send([]byte("stop"), transport.Text); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stdout)
	if !lines.Scan() || lines.Text() != "stop" {
		t.Errorf("the device got %q", lines.Text())
	}
	if d, _ := connect(t, b.addr, plate); d != nil {
		t.Error("let in without TLS")
	}
}
