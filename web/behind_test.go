package web_test

import (
	"net/http"
	"strings"
	"testing"

	"labbox/edge"
	"labbox/web"
)

// What a proxy's headers change, and that only a trusted one changes it.
func TestBehindAProxy(t *testing.T) {
	headers := []string{"X-Forwarded-For", "198.51.100.1", "X-Forwarded-Proto", "https", "X-Forwarded-Host", "lab.example.org"}
	const evil = "http://evil.example"
	for name, trusted := range map[string]bool{"trusted": true, "a stranger": false} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, func(c *web.Config) {
				c.Hosts, c.Open = []string{"lab.example.org"}, true
				list := []string{"203.0.113.0/24"}
				if trusted {
					list = append(list, "localhost") // by name
				}
				var err error
				if c.TrustedProxies, c.ProxyNames, err = web.ParseProxies(list); err != nil {
					t.Fatal(err)
				}
			})
			a := l.send("POST", "/api/v1/seats", `{"nickname":"Ana"}`, headers...)
			if c := (&http.Response{Header: a.header}).Cookies()[0]; c.Secure != trusted {
				t.Errorf("Secure is %v", c.Secure)
			}
			a = l.send("POST", "/api/v1/seats", `{"nickname":"Ana"}`, append([]string{"Origin", "https://lab.example.org"}, headers...)...)
			if ok := a.status == 201; ok != trusted {
				t.Errorf("the panel's own origin: %d %s", a.status, a.body)
			}
			a = l.get("/api/v1/devices", append([]string{"Host", "127.0.0.1"}, append(headers[:4:4], "X-Forwarded-Host", "evil.example")...)...)
			if refused := a.code() == edge.CodeBadOrigin; refused != trusted {
				t.Errorf("a foreign host: %d %s", a.status, a.body)
			}
			l.send("POST", "/api/v1/seats", `{}`, append([]string{"Origin", evil}, headers...)...)
			logged := strings.Contains(l.logs.String(), "remote=198.51.100.1")
			if logged != trusted {
				t.Errorf("the log:\n%s", l.logs)
			}
			if _, _, err := l.dial(append([]string{"Origin", "https://lab.example.org"}, headers...)...); (err == nil) != trusted {
				t.Errorf("the websocket: %v", err)
			}
		})
	}
}
