//nolint:misspell // the peer's name
package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"labbox/edge"
)

// A box whose device is a process of its own that speaks MQTT: live, gone when it
// is killed, live again; and nobody comes in without the password.
func TestMQTTDevice(t *testing.T) {
	pub, err := exec.LookPath("mosquitto_pub")
	if err != nil {
		peerMissing(t, "mosquitto_pub", "mosquitto-clients")
	}
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	b := startBox(t, t.TempDir(), fmt.Sprintf(`schema: 1
box: bench
mqtt: {listen: "127.0.0.1:0"}
devices:
  - {id: air, type: %q, port: {mqtt: true, token_file: %q}}
`, write("air.yaml", `schema: 1
type: air
label: Air
protocol: {lines: {format: json}}
rate: 10
stale_after: 10s
channels:
  - {id: temp, label: Temperature, unit: Cel, range: [-40, 85], resolution: 0.1}
`), write("air.token", "s3cret\n")))
	m := regexp.MustCompile(`mqtt devices may connect.*listen"?[=:]"?([0-9.]+:[0-9]+)`).FindStringSubmatch(b.log.String())
	if m == nil {
		t.Fatal("the log does not say where")
	}
	host, port, _ := net.SplitHostPort(m[1])
	device := func(password string) *exec.Cmd {
		// without a line's end: as boards publish
		cmd := exec.Command(pub, "-h", host, "-p", port, "-u", "air", "-P", password, "-t", "lab/bench/air/out", "-m", `{"temp":21.5}`,
			"--repeat", "100000", "--repeat-delay", "0.05")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
		return cmd
	}
	if device("wrong").Wait() == nil {
		t.Error("let in with a wrong password")
	}
	for range 3 {
		cmd := device("s3cret")
		b.until("air", "live", isLive)
		if device("s3cret").Wait() == nil {
			t.Error("a second device is let in")
		}
		cmd.Process.Kill()
		killed := time.Now()
		b.until("air", "absent", func(st edge.Status) bool { return st.State == edge.StateAbsent })
		if d := time.Since(killed); d > 3*time.Second {
			t.Errorf("noticed after %v", d)
		}
	}
	if err := b.stop(); err != nil {
		t.Error(err)
	}
	for _, want := range []string{"code=forbidden", "code=port_busy"} {
		if !regexp.MustCompile(want).MatchString(b.log.String()) {
			t.Errorf("the log has no %s", want)
		}
	}
}
