package web

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"labbox/edge"
)

// Bounds of looking up the names of proxies.
const (
	lookupWithin = 500 * time.Millisecond
	lookupKeep   = 30 * time.Second // while requests come from a known address
	lookupAgain  = 2 * time.Second  // when one comes from another
)

// ParseProxies reads what stands behind --trusted-proxy: addresses, networks
// (10.3.0.0/24) and host names, such as the service name of a proxy in a container
// network, whose address nobody knows beforehand.
func ParseProxies(list []string) (nets []netip.Prefix, names []string, err error) {
	for _, s := range list {
		if p, err := netip.ParsePrefix(s); err == nil {
			nets = append(nets, p)
		} else if a, err := netip.ParseAddr(s); err == nil {
			nets = append(nets, netip.PrefixFrom(a, a.BitLen()))
		} else if hostName(s) {
			names = append(names, strings.ToLower(s))
		} else {
			return nil, nil, edge.Errorf(edge.CodeBadRequest, "a trusted proxy is no %q", clip(s)).
				WithHint("name its address (10.3.0.7), its network (10.3.0.0/24) or its host name")
		}
	}
	return nets, names, checkProxies(nets)
}

func checkProxies(nets []netip.Prefix) error {
	for _, p := range nets {
		if !p.IsValid() || p.Bits() == 0 {
			return edge.Errorf(edge.CodeBadRequest, "a trusted proxy is no %q: then everybody could claim to be anybody", p.String()).
				WithHint("name the proxy's own address or network")
		}
	}
	return nil
}

// hostName tells whether s can be a name; one of digits only is a mistyped address.
func hostName(s string) bool {
	letters := false
	for _, r := range strings.ToLower(s) {
		switch {
		case r >= 'a' && r <= 'z':
			letters = true
		case r >= '0' && r <= '9', r == '-', r == '.', r == '_':
		default:
			return false
		}
	}
	return letters && len(s) <= 253
}

// proxies are the machines whose X-Forwarded headers are believed.
type proxies struct {
	nets   []netip.Prefix
	names  []string
	lookup func(ctx context.Context, name string) ([]netip.Addr, error)
	mono   func() time.Duration

	mu     sync.Mutex
	known  map[netip.Addr]bool // of the names
	at     time.Duration
	looked bool
	last   map[string][]netip.Addr // what each name was known by
}

func newProxies(cfg *Config) *proxies {
	p := &proxies{names: cfg.ProxyNames, mono: cfg.Clock.Mono}
	for _, n := range cfg.TrustedProxies {
		if n.Addr().Is4In6() && n.Bits() >= 96 { // peers are compared unmapped
			n = netip.PrefixFrom(n.Addr().Unmap(), n.Bits()-96)
		}
		p.nets = append(p.nets, n.Masked())
	}
	p.lookup = func(ctx context.Context, name string) ([]netip.Addr, error) {
		return net.DefaultResolver.LookupNetIP(ctx, "ip", name)
	}
	return p
}

func (p *proxies) trust(ctx context.Context, a netip.Addr) bool {
	for _, n := range p.nets {
		if n.Contains(a) {
			return true
		}
	}
	if len(p.names) == 0 {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	age := p.mono() - p.at
	if !p.looked || age > lookupKeep || !p.known[a] && age > lookupAgain {
		p.ask(ctx)
	}
	return p.known[a]
}

// ask looks the names up; one that is not known now may be later.
func (p *proxies) ask(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookupWithin) // a browser that hangs up changes nothing
	defer cancel()
	if p.last == nil {
		p.last = map[string][]netip.Addr{}
	}
	known := map[netip.Addr]bool{}
	for _, name := range p.names {
		if list, err := p.lookup(ctx, name); err == nil {
			p.last[name] = list
		}
		for _, a := range p.last[name] { // a name server that is away changes nothing
			known[a.Unmap().WithZone("")] = true
		}
	}
	p.known, p.at, p.looked = known, p.mono(), true
}

// schemeKey holds what a trusted proxy says the browser used: http or https.
type schemeKey struct{}

// forwarded returns the request as the browser sent it to the proxy: its address,
// and the host and the scheme that it used. From anybody else than a trusted proxy
// the headers have no effect.
func (s *Server) forwarded(r *http.Request) *http.Request {
	if len(s.proxies.nets) == 0 && len(s.proxies.names) == 0 {
		return r
	}
	peer, ok := hop(r.RemoteAddr)
	ctx := r.Context()
	const xFor, xHost, xProto = "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"
	if !ok || r.Header.Get(xFor)+r.Header.Get(xHost)+r.Header.Get(xProto) == "" || !s.proxies.trust(ctx, peer.Addr()) {
		return r
	}
	// From the right: every trusted proxy vouches for the one before it.
	client, via := peer, 1
	list := values(r, xFor)
	for i := len(list) - 1; i >= 0; i-- {
		a, ok := hop(list[i])
		if !ok {
			break
		}
		client = a
		if !s.proxies.trust(ctx, a.Addr()) {
			break
		}
		via++
	}
	if proto := strings.ToLower(said(r, xProto, via)); proto == "http" || proto == "https" {
		ctx = context.WithValue(ctx, schemeKey{}, proto)
	}
	r = r.WithContext(ctx) // a copy
	r.RemoteAddr = client.String()
	if host := said(r, xHost, via); host != "" {
		r.Host = host
	}
	return r
}

// said is what the last of n trusted proxies wrote into a header to which each may
// have added a value; one that only passes it on leaves fewer.
func said(r *http.Request, header string, n int) string {
	list := values(r, header)
	if len(list) == 0 {
		return ""
	}
	return list[max(0, len(list)-n)]
}

func values(r *http.Request, header string) (list []string) {
	for _, h := range r.Header.Values(header) {
		for v := range splitList(h) {
			list = append(list, v)
		}
	}
	return list
}

// hop reads an address with or without a port.
func hop(s string) (netip.AddrPort, bool) {
	ap, err := netip.ParseAddrPort(s)
	if err != nil {
		var a netip.Addr
		if a, err = netip.ParseAddr(strings.Trim(s, "[]")); err != nil {
			return netip.AddrPort{}, false
		}
		ap = netip.AddrPortFrom(a, 0)
	}
	return netip.AddrPortFrom(ap.Addr().Unmap().WithZone(""), ap.Port()), true
}

// secure tells whether the browser speaks TLS, to us or to a trusted proxy.
func secure(r *http.Request) bool {
	if scheme, ok := r.Context().Value(schemeKey{}).(string); ok {
		return scheme == "https"
	}
	return r.TLS != nil
}
