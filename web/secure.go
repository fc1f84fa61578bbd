package web

import (
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"labbox/edge"
)

// maxBody is the largest request body.
const maxBody = 64 << 10

// contentPolicy lets a page load nothing from another host and run nothing
// inline. 'self' of connect-src covers the websocket of the same host.
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; " +
	"connect-src 'self'; font-src 'self'; manifest-src 'self'; base-uri 'self'; form-action 'none'; frame-ancestors 'none'"

func secureHeaders(h http.Header) {
	h.Set("Content-Security-Policy", contentPolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("X-Frame-Options", "DENY")
}

// allowed makes the sets of named origins and hosts.
func allowed(cfg *Config) (origins, hosts map[string]bool) {
	origins, hosts = map[string]bool{}, map[string]bool{}
	for _, h := range cfg.Hosts {
		hosts[strings.ToLower(h)] = true
	}
	for _, o := range cfg.Origins {
		o = strings.ToLower(strings.TrimSuffix(o, "/"))
		origins[o] = true
		if u, err := url.Parse(o); err == nil && u.Hostname() != "" {
			hosts[u.Hostname()] = true // a proxy's own name
		}
	}
	return origins, hosts
}

// checkHost refuses names that a foreign page could have pointed at this box (DNS
// rebinding). An address cannot be pointed elsewhere, so any address passes: behind
// a port mapping the box does not know its own.
func (s *Server) checkHost(r *http.Request) error {
	host := strings.ToLower(r.Host)
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.TrimSuffix(strings.Trim(host, "[]"), ".")
	if host == "localhost" || strings.HasSuffix(host, ".localhost") || s.hosts[host] {
		return nil
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return nil
	}
	if s.cfg.Info != nil && strings.EqualFold(s.cfg.Info().Name, host) { // another one took the first
		return nil
	}
	return edge.Errorf(edge.CodeBadOrigin, "this box is not called %q", clip(host)).
		With("host", clip(host)).WithHint("use its address, or start labbox with --host %s", clip(host))
}

// checkOrigin refuses requests that another site's page sends. Browsers of today say
// where a request comes from; programs send neither header.
func (s *Server) checkOrigin(r *http.Request) error {
	bad := func(from string) error {
		return edge.Errorf(edge.CodeBadOrigin, "a request from another site: %s", clip(from)).
			With("origin", clip(from)).WithHint("open the panel from the box itself")
	}
	origin := strings.ToLower(r.Header.Get("Origin"))
	if origin != "" {
		u, err := url.Parse(origin)
		if !s.origins[origin] && (err != nil || u.Host == "" || u.Host != strings.ToLower(r.Host)) {
			return bad(origin)
		}
		return nil
	}
	switch site := r.Header.Get("Sec-Fetch-Site"); site {
	case "same-origin", "none":
		return nil
	case "":
		return checkForm(r)
	default:
		return bad(site)
	}
}

// checkForm refuses what a form of another site could send from a browser so old that
// it says nothing of where it comes from: a form has one of three content types, always.
// What carries a token is no form; a websocket is asked for by GET.
func checkForm(r *http.Request) error {
	if r.Method == http.MethodGet || r.Header.Get("Authorization") != "" {
		return nil
	}
	kind := r.Header.Get("Content-Type")
	if kind == "" && r.ContentLength == 0 {
		return nil
	}
	if media, _, err := mime.ParseMediaType(kind); err == nil && media == "application/json" {
		return nil
	}
	return edge.Errorf(edge.CodeBadOrigin, "a body is application/json").With("content_type", clip(kind)).
		WithHint("send Content-Type: application/json, or with curl: --json")
}

// cors answers named origins; without any it does nothing. The seat cookie is not
// for other sites: their programs carry a token. done: it was a preflight.
func (s *Server) cors(w http.ResponseWriter, r *http.Request) (done bool) {
	origin := strings.ToLower(r.Header.Get("Origin"))
	if len(s.origins) == 0 {
		return false
	}
	h := w.Header()
	h.Add("Vary", "Origin")
	if !s.origins[origin] {
		return false
	}
	h.Set("Access-Control-Allow-Origin", r.Header.Get("Origin"))
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	h.Set("Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Idempotency-Key, Lab-Fence")
	h.Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
	return true
}
