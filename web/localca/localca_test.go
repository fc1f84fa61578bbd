package localca_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"labbox/edge"
	"labbox/web/localca"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func names(dns []string, addrs ...string) localca.Names {
	n := localca.Names{DNS: dns}
	for _, a := range addrs {
		n.Addresses = append(n.Addresses, netip.MustParsePrefix(a))
	}
	return n
}

var room = names([]string{"labbox.local", "localhost", "bench-3"}, "192.168.1.5/24", "127.0.0.1/8", "141.20.4.7/24", "fd00::5/64")

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func keeper(t *testing.T, dir string, n func() localca.Names, wall func() time.Time) (*localca.CA, *localca.Keeper) {
	t.Helper()
	ca, err := localca.Open(dir, n(), wall)
	if err != nil {
		t.Fatal(err)
	}
	k, err := localca.NewKeeper(ca, n, wall, quiet())
	if err != nil {
		t.Fatal(err)
	}
	return ca, k
}

func leaf(t *testing.T, k *localca.Keeper) *x509.Certificate {
	t.Helper()
	c, err := k.GetCertificate(nil)
	if err != nil {
		t.Fatal(err)
	}
	return c.Leaf
}

func verify(ca *localca.CA, c *x509.Certificate, name string, at time.Time) error {
	roots := x509.NewCertPool()
	roots.AddCert(ca.Certificate())
	_, err := c.Verify(x509.VerifyOptions{DNSName: name, Roots: roots, CurrentTime: at})
	return err
}

func TestCertificateIsForTheRoom(t *testing.T) {
	now := time.Now()
	ca, k := keeper(t, t.TempDir(), func() localca.Names { return room }, func() time.Time { return now })
	c := leaf(t, k)
	for _, n := range []string{"labbox.local", "localhost", "bench-3", "192.168.1.5", "127.0.0.1", "141.20.4.7", "fd00::5"} {
		if err := verify(ca, c, n, now); err != nil {
			t.Errorf("%s: %v", n, err)
		}
	}
	if verify(ca, c, "example.org", now) == nil || verify(ca, c, "192.168.1.6", now) == nil {
		t.Error("it is for others too")
	}
	if life := c.NotAfter.Sub(c.NotBefore); life > 398*24*time.Hour {
		t.Errorf("valid for %v", life)
	}
	if cc := ca.Certificate(); !cc.MaxPathLenZero || cc.MaxPathLen != 0 || !cc.PermittedDNSDomainsCritical || cc.NotAfter.Sub(now) < 9*365*24*time.Hour {
		t.Errorf("CA: %+v", cc)
	}
}

// A name or an address that the CA may not sign for is left out; one would spoil
// the whole certificate.
func TestNamesBeyondTheCA(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	n := room
	ca, k := keeper(t, dir, func() localca.Names { return n }, func() time.Time { return now })
	n = names([]string{"labbox-2.local", "other", "www.example.org"}, "10.1.1.1/8", "8.8.8.8/24")
	k2, err := localca.NewKeeper(ca, func() localca.Names { return n }, func() time.Time { return now }, quiet())
	if err != nil {
		t.Fatal(err)
	}
	c := leaf(t, k2)
	if verify(ca, c, "labbox-2.local", now) != nil || verify(ca, c, "10.1.1.1", now) != nil {
		t.Errorf("not good for the room: %v %v", c.DNSNames, c.IPAddresses)
	}
	if len(c.DNSNames) != 1 || len(c.IPAddresses) != 1 {
		t.Errorf("signed %v %v", c.DNSNames, c.IPAddresses)
	}
	_ = k
}

func TestKeptAndRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		var offset atomic.Int64
		var has atomic.Pointer[localca.Names]
		has.Store(&room)
		base := time.Date(2027, 3, 1, 0, 0, 0, 0, time.UTC)
		wall := func() time.Time { return base.Add(time.Duration(offset.Load())) }
		n := func() localca.Names { return *has.Load() }
		ca, k := keeper(t, dir, n, wall)
		first := leaf(t, k)
		ctx, cancel := context.WithCancel(t.Context())
		go k.Run(ctx)
		defer synctest.Wait()
		defer cancel()
		look := func() *x509.Certificate { time.Sleep(time.Minute); synctest.Wait(); return leaf(t, k) }

		ca2, again := keeper(t, dir, n, wall)
		if !leaf(t, again).Equal(first) || ca2.Fingerprint() != ca.Fingerprint() {
			t.Error("a restart changes the certificate")
		}
		offset.Add(int64(300 * 24 * time.Hour))
		if !look().Equal(first) {
			t.Error("renewed with two months left")
		}
		offset.Add(int64(40 * 24 * time.Hour))
		second := look()
		if second.Equal(first) || verify(ca, second, "labbox.local", wall()) != nil {
			t.Error("not renewed with less than a month left")
		}
		more := names([]string{"labbox.local"}, "10.0.0.9/24")
		has.Store(&more)
		third := look()
		if verify(ca, third, "10.0.0.9", wall()) != nil {
			t.Error("not renewed for another address")
		}
		none := names([]string{"labbox.local"})
		has.Store(&none)
		if !look().Equal(third) {
			t.Error("made anew because an address is away")
		}
		offset.Store(int64(-20 * 365 * 24 * time.Hour)) // the clock's battery
		if back := look(); !look().Equal(back) {
			t.Error("made anew again and again")
		}
		offset.Store(0)
		if err := verify(ca, look(), "labbox.local", wall()); err != nil {
			t.Error("after the clock is right again:", err)
		}
	})
}

func TestFilesOfTheCA(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tls")
	n := func() localca.Names { return room }
	ca, _ := keeper(t, dir, n, time.Now)
	for _, f := range []string{"ca.key", "server.key"} {
		info, err := os.Stat(filepath.Join(dir, f))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", f, info.Mode(), err)
		}
	}
	raw, _ := os.ReadFile(filepath.Join(dir, "ca.crt"))
	if b, _ := pem.Decode(raw); b == nil || !slices.Equal(b.Bytes, ca.DER()) {
		t.Error("ca.crt is not the CA")
	}
	for name, harm := range map[string]func(string) error{
		"key is gone":         func(d string) error { return os.Remove(d + "/ca.key") },
		"certificate is gone": func(d string) error { return os.Remove(d + "/ca.crt") },
		"key is garbage":      func(d string) error { return os.WriteFile(d+"/ca.key", []byte("x"), 0o600) },
		"key is everybody's":  func(d string) error { return os.Chmod(d+"/ca.key", 0o644) },
		"another key": func(d string) error {
			o := filepath.Join(d, "other")
			if _, err := localca.Open(o, room, time.Now); err != nil {
				return err
			}
			return os.Rename(o+"/ca.key", d+"/ca.key")
		},
	} {
		d := filepath.Join(t.TempDir(), "tls")
		keeper(t, d, n, time.Now)
		if err := harm(d); err != nil {
			t.Fatal(err)
		}
		_, err := localca.Open(d, room, time.Now)
		if edge.CodeOf(err) != edge.CodeBadConfig || edge.AsError(err).Hint == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// serve runs a door on a port of its own.
func serve(t *testing.T, conf *tls.Config, d localca.Door) string {
	t.Helper()
	raw, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d.Next = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "seat", Value: "x", Secure: r.TLS != nil})
		_, _ = io.WriteString(w, "panel "+r.URL.Path+" "+r.Header.Get("Cookie"))
	})
	srv := &http.Server{Handler: d.Handler(), ReadHeaderTimeout: time.Second, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}
	ln := localca.Split(raw, conf)
	done := make(chan struct{})
	go func() { _ = srv.Serve(ln); close(done) }()
	t.Cleanup(func() { _ = srv.Close(); <-done })
	return raw.Addr().String()
}

func client(t *testing.T, ca *localca.CA) *http.Client {
	roots := x509.NewCertPool()
	if ca != nil {
		roots.AddCert(ca.Certificate())
	}
	tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func TestOnePortForBoth(t *testing.T) {
	ca, k := keeper(t, t.TempDir(), func() localca.Names { return room }, time.Now)
	at := serve(t, k.Config(), localca.Door{CA: ca, BasePath: "/lab", Plain: func(p string) bool { return p == "/dial/x" }})
	c := client(t, ca)
	do := func(method, url string, h ...string) (*http.Response, string) {
		t.Helper()
		req, _ := http.NewRequest(method, url, strings.NewReader(""))
		for i := 0; i < len(h); i += 2 {
			req.Header.Set(h[i], h[i+1])
		}
		res, err := c.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		b, _ := io.ReadAll(res.Body)
		return res, string(b)
	}
	if res, b := do("GET", "https://"+at+"/lab/", "Cookie", "a=b"); b != "panel /lab/ a=b" || res.ProtoMajor != 1 || res.Header.Get("Strict-Transport-Security") != "" {
		t.Errorf("over TLS: %s %q %v", res.Status, b, res.Header)
	}
	if res, b := do("GET", "http://"+at+"/lab/d/plate?x=1"); res.StatusCode != 308 || b != "" || len(res.Cookies()) != 0 ||
		res.Header.Get("Location") != "https://"+at+"/lab/d/plate?x=1" {
		t.Errorf("a page in the clear: %s %q %v", res.Status, b, res.Header)
	}
	for _, p := range []string{"/lab/api/v1/seats", "/lab/api", "/lab/ws"} {
		if res, b := do("GET", "http://"+at+p); res.StatusCode != 403 || !strings.Contains(b, `"code":"forbidden"`) {
			t.Errorf("%s in the clear: %s %q", p, res.Status, b)
		}
	}
	if res, _ := do("POST", "http://"+at+"/lab/"); res.StatusCode != 403 {
		t.Errorf("POST in the clear: %s", res.Status)
	}
	if res, b := do("GET", "http://"+at+"/dial/x", "Cookie", "a=b"); b != "panel /dial/x " {
		t.Errorf("a device in the clear: %s %q", res.Status, b)
	}
	if res, _ := do("GET", "http://"+at+"/dial/x", "Origin", "http://"+at); res.StatusCode == 200 {
		t.Errorf("a page as a device: %s", res.Status)
	}
	if res, b := do("POST", "https://"+at+"/lab/", "Origin", "http://"+at); res.StatusCode != 403 || !strings.Contains(b, "bad_origin") {
		t.Errorf("a page from the clear asks by TLS: %s", res.Status)
	}
	if res, _ := do("POST", "https://"+at+"/lab/", "Origin", "https://"+at); res.StatusCode != 200 {
		t.Errorf("our own page: %s", res.Status)
	}
	for _, scheme := range []string{"http", "https"} {
		res, b := do("GET", scheme+"://"+at+"/lab/tls/", "Accept-Language", "de, fr;q=0.8, en;q=0.5")
		if res.StatusCode != 200 || !strings.Contains(b, ca.Fingerprint()) || !strings.Contains(b, `<html lang="fr">`) || !strings.Contains(b, "empreinte") {
			t.Errorf("%s: install page %s\n%s", scheme, res.Status, b)
		}
		if csp := res.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || strings.Contains(b, "<script") {
			t.Errorf("%s: policy %q", scheme, csp)
		}
		res, b = do("GET", scheme+"://"+at+"/lab/tls/labbox-ca.crt")
		if b != string(ca.DER()) || res.Header.Get("Content-Type") != "application/x-x509-ca-cert" {
			t.Errorf("%s: the CA is sent as %s, %d bytes", scheme, res.Header.Get("Content-Type"), len(b))
		}
	}
	if _, err := client(t, nil).Get("https://" + at + "/"); err == nil {
		t.Error("who does not trust the CA gets in")
	}
	if cn, err := tls.Dial("tcp", at, &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS11}); err == nil { //nolint:gosec // to see it refused
		_ = cn.Close()
		t.Error("TLS 1.1 is spoken")
	}
}

// Who says nothing keeps nobody out, and does not stay.
func TestSilentConnections(t *testing.T) {
	ca, k := keeper(t, t.TempDir(), func() localca.Names { return room }, time.Now)
	at := serve(t, k.Config(), localca.Door{CA: ca})
	var silent []net.Conn
	for range 600 {
		c, err := net.Dial("tcp", at)
		if err != nil {
			t.Skipf("this machine has too few sockets: %v", err)
		}
		silent = append(silent, c)
	}
	defer func() {
		for _, c := range silent {
			_ = c.Close()
		}
	}()
	begun := time.Now()
	res, err := client(t, ca).Get("https://" + at + "/")
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if d := time.Since(begun); d > 3*time.Second {
		t.Errorf("answered after %v", d)
	}
	for n, i := range []int{0, 599} { // the oldest make room, the others end later
		_ = silent[i].SetReadDeadline(begun.Add([]time.Duration{4 * time.Second, 9 * time.Second}[n]))
		if _, err := silent[i].Read(make([]byte, 1)); err == nil || os.IsTimeout(err) {
			t.Errorf("connection %d stays open: %v", i, err)
		}
	}
}

func TestPairOfFiles(t *testing.T) {
	a, b := filepath.Join(t.TempDir(), "a"), filepath.Join(t.TempDir(), "b")
	caA, _ := keeper(t, a, func() localca.Names { return room }, time.Now)
	caB, _ := keeper(t, b, func() localca.Names { return room }, time.Now)
	read := func(dir, name string) []byte {
		raw, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	dir := t.TempDir()
	crt, key := filepath.Join(dir, "c.pem"), filepath.Join(dir, "k.pem")
	put := func(from, keyFrom string, age time.Duration) {
		for path, raw := range map[string][]byte{crt: read(from, "server.crt"), key: read(keyFrom, "server.key")} {
			if err := os.WriteFile(path, raw, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chtimes(path, time.Time{}, time.Now().Add(-age)); err != nil {
				t.Fatal(err)
			}
		}
	}
	put(a, b, time.Hour)
	if _, err := localca.OpenPair(crt, key, quiet()); edge.CodeOf(err) != edge.CodeBadConfig {
		t.Errorf("key and certificate that do not belong together: %v", err)
	}
	if _, err := localca.OpenPair(crt+"x", key, quiet()); edge.CodeOf(err) != edge.CodeBadConfig {
		t.Errorf("no file: %v", err)
	}
	put(a, a, 50*time.Minute)
	p, err := localca.OpenPair(crt, key, quiet())
	if err != nil {
		t.Fatal(err)
	}
	at := serve(t, p.Config(), localca.Door{})
	get := func(ca *localca.CA) error {
		res, err := client(t, ca).Get("https://" + at + "/")
		if err == nil {
			_ = res.Body.Close()
			if res.Header.Get("Strict-Transport-Security") == "" {
				t.Error("no promise of https")
			}
		}
		return err
	}
	if err := get(caA); err != nil {
		t.Fatal(err)
	}
	put(a, b, 40*time.Minute) // half written
	p.Look()
	if err := get(caA); err != nil {
		t.Error("a bad pair has thrown out a good one:", err)
	}
	put(b, b, 30*time.Minute)
	p.Look()
	if err := get(caB); err != nil {
		t.Error("changed files are not read:", err)
	}
}
