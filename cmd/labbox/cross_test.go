package main

import (
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"testing"
	"time"
)

// The binaries of other machines start and answer, where something here can run
// them. That all targets build is what `make cross` sees to; LABBOX_LONG=1 builds
// them here too.
func TestCross(t *testing.T) {
	if testing.Short() {
		t.Skip("builds binaries for other machines; left out by -short")
	}
	for _, c := range []struct {
		os, arch string
		run      func(*testing.T) []string // the command in front of the binary
		within   time.Duration
	}{
		{"linux", "arm64", qemu, time.Minute},
		{"windows", "amd64", wine, 2 * time.Minute},
		{"linux", "arm", nil, 0},
		{"darwin", "arm64", nil, 0},
	} {
		if c.run == nil && os.Getenv("LABBOX_LONG") != "1" {
			continue
		}
		t.Run(c.os+"-"+c.arch, func(t *testing.T) {
			t.Parallel() // one builds while another starts
			if c.run == nil {
				buildBinary(t, c.os, c.arch)
				return
			}
			prefix := c.run(t)
			exe := buildBinary(t, c.os, c.arch)
			args := append(prefix[1:], exe, "run", "--listen", "127.0.0.1:0", "--data", t.TempDir())
			cmd := exec.Command(prefix[0], args...)
			cmd.Env = os.Environ()
			if c.os == "windows" {
				cmd.Env = append(cmd.Env, "WINEPREFIX="+t.TempDir(), "WINEDEBUG=-all", "DISPLAY=")
			}
			b := launch(t, cmd, c.within)
			res, err := http.Get(b.url + "/healthz")
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			if res.StatusCode != http.StatusOK {
				t.Fatalf("healthz: %s", res.Status)
			}
			b.until("pendulum", "live", isLive)
			t.Logf("%s/%s listens after %v and its pendulum is live", c.os, c.arch, b.took.Round(time.Millisecond))
			if c.os == "windows" {
				return // an interrupt does not reach a Windows program through wine
			}
			if err := b.stop(); err != nil {
				t.Errorf("exit: %v\n%s", err, b.log)
			}
		})
	}
}

func qemu(t *testing.T) []string {
	t.Helper()
	if runtime.GOOS == "linux" && runtime.GOARCH == "arm64" {
		return []string{"env"}
	}
	path, err := exec.LookPath("qemu-aarch64-static")
	if err != nil {
		peerMissing(t, "qemu-aarch64-static", "qemu-user-static")
	}
	return []string{path}
}

// wine is large (700 MB), so it is no required peer. Go programs ask Windows for
// random numbers in bcryptprimitives.dll, which wine has since version 9: that of
// Debian 12 (8.0) stops them with "bcryptprimitives.dll not found".
func wine(t *testing.T) []string {
	t.Helper()
	const instead = "; `make cross` builds the Windows binary, and nothing here runs it"
	for _, name := range []string{"wine64", "wine", "/usr/lib/wine/wine64"} {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		for _, lib := range []string{"/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib", "/opt/wine-stable/lib64", "/opt/wine-stable/lib"} {
			if _, err := os.Stat(lib + "/wine/x86_64-windows/bcryptprimitives.dll"); err == nil {
				return []string{path}
			}
		}
		t.Skip("this wine has no bcryptprimitives.dll (wine 9 and later do), without which no Go program starts" + instead)
	}
	t.Skip("no wine 9 or later (Debian 12 has 8.0)" + instead)
	return nil
}
