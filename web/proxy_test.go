package web

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"labbox/edge"
)

func TestForwarded(t *testing.T) {
	nets, names, err := ParseProxies([]string{"10.0.0.0/8", "fd00::/64", "192.0.2.1"})
	if err != nil || len(names) != 0 {
		t.Fatal(names, err)
	}
	s := &Server{proxies: newProxies(&Config{Clock: edge.NewSystemClock(), TrustedProxies: nets})}
	type seen struct{ addr, host, scheme string }
	direct := func(addr string) seen { return seen{addr, "box", "http"} }
	for name, c := range map[string]struct {
		peer string
		h    http.Header
		want seen
	}{
		"no header": {"10.1.1.1:9", nil, direct("10.1.1.1:9")},
		"a stranger": {"203.0.113.5:9", http.Header{"X-Forwarded-For": {"198.51.100.1"}, "X-Forwarded-Host": {"evil"}, "X-Forwarded-Proto": {"https"}},
			direct("203.0.113.5:9")},
		"a proxy": {"10.1.1.1:9", http.Header{"X-Forwarded-For": {"198.51.100.1"}, "X-Forwarded-Host": {"lab.example:81"}, "X-Forwarded-Proto": {"https"}},
			seen{"198.51.100.1:0", "lab.example:81", "https"}},
		"the client lied to the proxy": {"10.1.1.1:9", http.Header{"X-Forwarded-For": {"127.0.0.1, 10.0.0.9, 198.51.100.1"}}, direct("198.51.100.1:0")},
		"it lied in a line of its own": {"10.1.1.1:9", http.Header{"X-Forwarded-For": {"127.0.0.1", "198.51.100.1"}}, direct("198.51.100.1:0")},
		"two proxies": {"192.0.2.1:9", http.Header{"X-Forwarded-For": {"127.0.0.1, 198.51.100.1,10.0.0.2"}, "X-Forwarded-Proto": {"ftp, https, http"},
			"X-Forwarded-Host": {"evil, lab, inner"}}, seen{"198.51.100.1:0", "lab", "https"}},
		"the second passed it on": {"192.0.2.1:9", http.Header{"X-Forwarded-For": {"198.51.100.1, 10.0.0.2"}, "X-Forwarded-Proto": {"https"}},
			seen{"198.51.100.1:0", "box", "https"}},
		"only proxies":    {"10.1.1.1:9", http.Header{"X-Forwarded-For": {"10.0.0.3, 10.0.0.2"}}, direct("10.0.0.3:0")},
		"no address":      {"10.1.1.1:9", http.Header{"X-Forwarded-For": {"198.51.100.1, unknown, 10.0.0.2"}}, direct("10.0.0.2:0")},
		"with a port":     {"[fd00::1]:9", http.Header{"X-Forwarded-For": {"[2001:db8::7]:4711"}}, direct("[2001:db8::7]:4711")},
		"a mapped peer":   {"[::ffff:10.0.0.1]:9", http.Header{"X-Forwarded-For": {"::ffff:198.51.100.1"}}, direct("198.51.100.1:0")},
		"no such scheme":  {"10.1.1.1:9", http.Header{"X-Forwarded-Proto": {"ws"}, "X-Forwarded-For": {""}}, direct("10.1.1.1:9")},
		"not its network": {"192.0.2.2:9", http.Header{"X-Forwarded-For": {"198.51.100.1"}}, direct("192.0.2.2:9")},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "http://box/", nil)
			r.RemoteAddr = c.peer
			r.Header = c.h
			got := s.forwarded(r)
			scheme := "http"
			if secure(got) {
				scheme = "https"
			}
			if have := (seen{got.RemoteAddr, got.Host, scheme}); have != c.want {
				t.Errorf("%+v, want %+v", have, c.want)
			}
			if r.RemoteAddr != c.peer || r.Host != "box" {
				t.Error("the caller's request was changed")
			}
		})
	}
}

// A proxy in a container network has a name, and an address only once it runs.
func TestProxyByName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := edge.NewSystemClock()
		s := &Server{proxies: newProxies(&Config{Clock: clock, ProxyNames: []string{"proxy"}})}
		var addr string
		asked := 0
		s.proxies.lookup = func(_ context.Context, name string) ([]netip.Addr, error) {
			asked++
			if addr == "" || name != "proxy" {
				return nil, errors.New("no such host")
			}
			return []netip.Addr{netip.MustParseAddr(addr)}, nil
		}
		client := func(peer string) string {
			r := httptest.NewRequest("GET", "http://box/", nil)
			r.RemoteAddr = peer
			r.Header.Set("X-Forwarded-For", "198.51.100.1")
			return s.forwarded(r).RemoteAddr
		}
		want := func(peer, want string, questions int) {
			t.Helper()
			if got := client(peer); got != want || asked != questions {
				t.Fatalf("%s: %s after %d questions, want %s after %d", peer, got, asked, want, questions)
			}
		}
		want("172.18.0.5:9", "172.18.0.5:9", 1)
		addr = "::ffff:172.18.0.5"
		want("172.18.0.5:9", "172.18.0.5:9", 1) // not asked for every request
		time.Sleep(lookupAgain + 1)
		want("172.18.0.5:9", "198.51.100.1:0", 2)
		addr = "172.18.0.6"
		want("172.18.0.5:9", "198.51.100.1:0", 2)
		time.Sleep(lookupKeep + 1)
		want("172.18.0.5:9", "172.18.0.5:9", 3) // its address is another's now
		want("172.18.0.6:9", "198.51.100.1:0", 3)
	})
}

func TestParseProxies(t *testing.T) {
	nets, names, err := ParseProxies([]string{"10.0.0.7", "fd00::/8", "Proxy", "lab-proxy.example.org", "::ffff:10.0.0.0/104"})
	if err != nil || len(nets) != 3 || len(names) != 2 || names[0] != "proxy" {
		t.Fatal(nets, names, err)
	}
	p := newProxies(&Config{Clock: edge.NewSystemClock(), TrustedProxies: nets[2:]})
	if !p.trust(t.Context(), netip.MustParseAddr("10.9.9.9")) {
		t.Error("a mapped network has none of its addresses")
	}
	for _, bad := range []string{"", "0.0.0.0/0", "::/0", "10.0.0.0/33", "10.0.0.300", "a b", "http://proxy", "proxy:80"} {
		if _, _, err := ParseProxies([]string{bad}); edge.CodeOf(err) != edge.CodeBadRequest {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if err := (&Config{TrustedProxies: []netip.Prefix{{}}}).complete(); err == nil {
		t.Error("an empty prefix is accepted")
	}
}

func FuzzForwarded(f *testing.F) {
	f.Add("198.51.100.1, 10.0.0.2", "lab", "https")
	f.Add("[::1]:1,,::ffff:10.0.0.1%eth0", "a,b", "HTTPS,")
	s := &Server{proxies: newProxies(&Config{Clock: edge.NewSystemClock(), TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}})}
	f.Fuzz(func(t *testing.T, xFor, host, proto string) {
		r := httptest.NewRequest("GET", "http://box/", nil)
		r.Header = http.Header{"X-Forwarded-For": {xFor}, "X-Forwarded-Host": {host}, "X-Forwarded-Proto": {proto}}
		r.RemoteAddr = "203.0.113.5:9"
		if got := s.forwarded(r); got.RemoteAddr != r.RemoteAddr || got.Host != r.Host || secure(got) {
			t.Fatalf("a stranger was believed: %s %s", got.RemoteAddr, got.Host)
		}
		r.RemoteAddr = "10.0.0.1:9"
		if _, err := netip.ParseAddrPort(s.forwarded(r).RemoteAddr); err != nil {
			t.Fatal(err)
		}
	})
}
