package main

import (
	"bytes"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// startTLS runs the demo box with a CA of its own.
func startTLS(t *testing.T, data string, more ...string) *box {
	t.Helper()
	cmd := exec.Command(os.Args[0], append([]string{"run", "--listen", "127.0.0.1:0", "--data", data}, more...)...)
	cmd.Env = append(os.Environ(), "LABBOX_AS_MAIN=1")
	return launch(t, cmd, 30*time.Second)
}

func needPeer(t *testing.T, what, debianPackage string) {
	t.Helper()
	if _, err := exec.LookPath(what); err != nil {
		peerMissing(t, what, debianPackage)
	}
}

// Other people's TLS checks what ours makes.
func TestTLSPeers(t *testing.T) {
	data := t.TempDir()
	b := startTLS(t, data, "--tls", "self", "--host", "labbox.local", "--host", "bench-3.example.edu")
	at, ok := strings.CutPrefix(b.url, "https://")
	if !ok {
		t.Fatalf("listening %s", b.url)
	}
	ca := filepath.Join(data, "tls", "ca.crt")
	_, port, _ := strings.Cut(at, ":")
	t.Run("curl", func(t *testing.T) {
		needPeer(t, "curl", "curl")
		for _, url := range []string{b.url, "https://localhost:" + port, "https://labbox.local:" + port, "https://bench-3.example.edu:" + port} {
			out, err := exec.Command("curl", "-sS", "--cacert", ca, "--resolve", "labbox.local:"+port+":127.0.0.1",
				"--resolve", "bench-3.example.edu:"+port+":127.0.0.1", "--noproxy", "*", url+"/healthz").CombinedOutput()
			if err != nil || !bytes.Contains(out, []byte(`"status":"ok"`)) {
				t.Errorf("%s: %v %s", url, err, out)
			}
		}
		if out, err := exec.Command("curl", "-sS", "--noproxy", "*", b.url+"/healthz").CombinedOutput(); err == nil {
			t.Errorf("without the CA: %s", out)
		}
	})
	t.Run("openssl", func(t *testing.T) {
		needPeer(t, "openssl", "openssl")
		for _, flags := range [][]string{{"-tls1_3"}, {"-tls1_2"}} {
			args := append([]string{"s_client", "-connect", at, "-CAfile", ca, "-verify_return_error", "-verify_hostname", "localhost", "-x509_strict"}, flags...)
			out, err := exec.Command("openssl", args...).CombinedOutput()
			if err != nil || !bytes.Contains(out, []byte("Verify return code: 0 (ok)")) {
				t.Errorf("%q: %v %s", flags, err, out)
			}
		}
		if out, err := exec.Command("openssl", "s_client", "-connect", at, "-tls1_1").CombinedOutput(); err == nil {
			t.Errorf("TLS 1.1 is spoken: %s", out)
		}
	})
	t.Run("commands", func(t *testing.T) {
		labbox := func(args ...string) string {
			cmd := exec.Command(os.Args[0], args...)
			cmd.Env = append(os.Environ(), "LABBOX_AS_MAIN=1")
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Errorf("labbox %q: %v\n%s", args, err, out)
			}
			return string(out)
		}
		for _, url := range []string{b.url, "http://" + at} {
			labbox("health", url)
		}
		labbox("health", "--ca", ca, b.url)
		if out := labbox("doctor", "--listen", at, "--data", data); !strings.Contains(out, "is labbox itself") || !strings.Contains(out, "is ready") {
			t.Errorf("doctor:\n%s", out)
		}
	})
	t.Run("cookie", func(t *testing.T) {
		conf, err := clientTLS("labbox.local", ca) // checked, unlike loopback without a file
		if err != nil {
			t.Fatal(err)
		}
		jar, _ := cookiejar.New(nil)
		client := &http.Client{Jar: jar, Transport: &http.Transport{TLSClientConfig: conf, DisableKeepAlives: true}}
		res, err := client.Post(b.url+"/api/v1/seats", "application/json", strings.NewReader(`{"nickname":"Ana"}`))
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if c := res.Cookies(); res.StatusCode != http.StatusCreated || len(c) != 1 || !c[0].Secure || !c[0].HttpOnly || c[0].SameSite != http.SameSiteStrictMode {
			t.Errorf("%s, cookies %v", res.Status, c)
		}
		res, err = client.Post("http://"+at+"/api/v1/seats", "application/json", strings.NewReader(`{"nickname":"Ana"}`))
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if res.StatusCode != http.StatusForbidden || len(res.Cookies()) != 0 {
			t.Errorf("a seat in the clear: %s %v", res.Status, res.Cookies())
		}
	})
	if err := b.stop(); err != nil {
		t.Errorf("exit: %v", err)
	}
}

// A browser in which the CA is installed shows the panel, live, without a word.
func TestTLSInBrowser(t *testing.T) {
	needPeer(t, "certutil", "libnss3-tools")
	data, home := t.TempDir(), t.TempDir()
	b := startTLS(t, data, "--tls", "self")
	db := filepath.Join(home, ".pki", "nssdb")
	if err := os.MkdirAll(db, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"-N", "--empty-password"}, {"-A", "-t", "C,,", "-n", "labbox", "-i", filepath.Join(data, "tls", "ca.crt")}} {
		if out, err := exec.Command("certutil", append([]string{"-d", "sql:" + db}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("certutil %q: %v %s", args, err, out)
		}
	}
	at := strings.TrimPrefix(b.url, "https://")
	web := openBrowserWith(t, chromedp.Env("HOME="+home))
	tb := web.tab(b, desktop)
	tb.open("/d/pendulum")
	tb.until("samples over wss", `globalThis.plotted > 0`)
	if n := tb.sentOps("subscribe"); n == 0 {
		t.Error("no subscription was seen")
	}
	if js[bool](tb, `!isSecureContext || location.protocol !== 'https:'`) {
		t.Error("the page does not think it is secure")
	}
	// The way from the blackboard's address, in the clear.
	tb.do(chromedp.Navigate("http://" + at + "/d/pendulum"))
	tb.until("the panel by https", `location.protocol === 'https:' && globalThis.plotted > 0`)
	for lang, word := range map[string]string{"en": "Compare the fingerprint", "fr": "Comparer l’empreinte", "es": "Comparar la huella"} {
		tb.do(chromedp.Navigate("http://" + at + "/tls/?lang=" + lang))
		tb.untilText("h2", word)
		if got := js[string](tb, `getComputedStyle(document.querySelector('a.button')).fontWeight`); got != "600" {
			t.Errorf("%s: the page's style is refused by its policy: %s", lang, got)
		}
	}
}
