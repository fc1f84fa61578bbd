package localca

import (
	"encoding/json"
	"net"
	"net/http"
	"strings"

	"labbox/edge"
)

// Door stands in front of the panel where the box speaks TLS. In the clear there is
// the install page, a way to https for pages, and a refusal for everything else: no
// cookie and no password is taken there.
type Door struct {
	CA       *CA // nil: a certificate from elsewhere, nothing to install
	BasePath string
	// Plain tells which paths are served in the clear too: what devices and other
	// processes use, which carry their own proof and no cookie. nil: none.
	Plain func(path string) bool
	Next  http.Handler
}

// hsts is a promise for a certificate that browsers trust anyway: 30 days.
const hsts = "max-age=2592000"

// Handler is the door. It returns an http.HandlerFunc.
func (d Door) Handler() http.Handler {
	var page *installer
	if d.CA != nil {
		page = newInstaller(d.CA, d.BasePath)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path, below := strings.CutPrefix(r.URL.Path, d.BasePath)
		switch {
		case page != nil && below && (path == "/tls" || strings.HasPrefix(path, "/tls/")):
			page.serve(w, r, path)
		case r.TLS != nil && fromTheClear(r):
			reject(w, edge.CodeBadOrigin, "a request from a page that came in the clear", "open the panel by https")
		case r.TLS != nil:
			if d.CA == nil {
				w.Header().Set("Strict-Transport-Security", hsts)
			}
			d.Next.ServeHTTP(w, r)
		case d.Plain != nil && d.Plain(r.URL.Path) && r.Header.Get("Origin") == "":
			r.Header.Del("Cookie")
			d.Next.ServeHTTP(w, r)
		default:
			d.refuse(w, r, path)
		}
	})
}

// refuse sends pages to https and tells programs to go there.
func (d Door) refuse(w http.ResponseWriter, r *http.Request, path string) {
	h := w.Header()
	h.Set("Cache-Control", "no-store") // the box may be started without TLS another day
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	page := r.Method == http.MethodGet || r.Method == http.MethodHead
	if page && path != "/ws" && path != "/api" && !strings.HasPrefix(path, "/api/") && hostOnly(r.Host) {
		h.Set("Location", "https://"+r.Host+r.URL.RequestURI())
		w.WriteHeader(http.StatusPermanentRedirect)
		return
	}
	reject(w, edge.CodeForbidden, "this box answers by https only", "use https:// in place of http://")
}

// fromTheClear tells whether a page of this host asks that came by plain http:
// somebody on its way may have written it.
func fromTheClear(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	return len(origin) > 7 && strings.EqualFold(origin[:7], "http://") && strings.EqualFold(origin[7:], r.Host)
}

func reject(w http.ResponseWriter, code edge.Code, message, hint string) {
	h := w.Header()
	h.Set("Connection", "close") // what else the body holds is not read
	h.Set("Content-Type", "application/json")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(http.StatusForbidden)
	_ = json.NewEncoder(w).Encode(map[string]*edge.Error{"error": edge.Errorf(code, "%s", message).WithHint("%s", hint)})
}

// hostOnly tells whether a Host header is a host with or without a port, and
// nothing that would lead elsewhere.
func hostOnly(s string) bool {
	host := s
	if h, _, err := net.SplitHostPort(s); err == nil {
		host = h
	}
	if host == "" {
		return false
	}
	for _, c := range []byte(host) {
		ok := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte(".-_:[]%", c) >= 0
		if !ok {
			return false
		}
	}
	return true
}
