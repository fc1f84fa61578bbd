package mdns

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"labbox/edge"
)

// Link is a network that the box stands in: an interface and its addresses there.
type Link struct {
	Interface net.Interface
	Addresses []netip.Prefix
}

// Config is what a Responder is made of.
type Config struct {
	Name     string // the first label, such as "labbox"
	Instance string // what lists of services show, such as "labbox bench-3"; no dots
	Service  string // such as "_http._tcp"
	Port     uint16
	Text     []string // of the service, such as "path=/lab/"
	// Links is asked every 5 s: cables come and go.
	Links  func() []Link
	Logger *slog.Logger // nil: none

	join func(net.Interface, bool) (conn, error)
}

const (
	lookEvery   = 5 * time.Second
	probes      = 3 // 8.1
	claimed     = probes + 1
	announces   = 2 // 8.3
	probeEvery  = 250 * time.Millisecond
	announceGap = time.Second
	unicastRate = 50          // replies to single askers, a second and link
	calmAfter   = 10          // renames, after which it
	calm        = time.Minute // waits
)

// MaxTries is the highest number behind a name: labbox-50.local is followed by
// labbox.local.
const MaxTries = 50

// Responder speaks for one name.
type Responder struct {
	cfg  Config
	host atomic.Pointer[string]
	in   chan packet
	wg   sync.WaitGroup

	// Only Run's goroutine touches these.
	number  int // of the name: 2 is labbox-2
	renames int
	links   map[string]*link
	looked  time.Time
	mute    map[string]bool // links that could not be joined, told once
}

type packet struct {
	l    *link
	c    conn
	data []byte
	from netip.AddrPort
}

// New checks the names.
func New(cfg Config) (*Responder, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.join == nil {
		cfg.join = join
	}
	if err := CheckName(cfg.Name); err != nil {
		return nil, err
	}
	if len(cfg.Instance) == 0 || len(cfg.Instance) > 56 || strings.Contains(cfg.Instance, ".") || len(cfg.Text) == 0 {
		return nil, fmt.Errorf("mdns: instance %q, text %q", cfg.Instance, cfg.Text)
	}
	return &Responder{cfg: cfg, number: 1, in: make(chan packet, 64), links: map[string]*link{}, mute: map[string]bool{}}, nil
}

// CheckName reports whether s may be a host name's only label (RFC 1123). Errors are
// coded: bad_request.
func CheckName(s string) error {
	ok := s != "" && len(s) <= 60 && s[0] != '-' && s[len(s)-1] != '-'
	for _, c := range []byte(s) {
		ok = ok && (c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-')
	}
	if !ok {
		return edge.Errorf(edge.CodeBadRequest, "%q cannot be a name on the network", s).
			WithHint("1 to 60 of a-z, 0-9 and -, such as --mdns bench-3 for bench-3.local, or --mdns off")
	}
	return nil
}

// Host is the name that is answered for, such as "labbox.local"; "" until nobody
// has objected, and while no network is there.
func (r *Responder) Host() string {
	if h := r.host.Load(); h != nil {
		return *h
	}
	return ""
}

func (r *Responder) identity(l *link) *identity {
	host, instance := r.cfg.Name, r.cfg.Instance
	if r.number > 1 {
		host, instance = fmt.Sprintf("%s-%d", host, r.number), fmt.Sprintf("%s (%d)", instance, r.number)
	}
	service := r.cfg.Service + ".local."
	id := &identity{host: host + ".local.", instance: instance + "." + service, service: service, port: r.cfg.Port, text: r.cfg.Text}
	for _, p := range l.Addresses {
		if a := p.Addr(); a.Is4() {
			id.v4 = append(id.v4, a)
		} else if !a.IsLinkLocalUnicast() { // a browser cannot use it
			id.v6 = append(id.v6, a)
		}
	}
	return id
}

// Run answers until ctx ends; then it says goodbye.
func (r *Responder) Run(ctx context.Context) error {
	defer func() {
		for _, l := range r.links {
			r.goodbye(l)
			l.close()
		}
		r.host.Store(nil)
		r.wg.Wait()
	}()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case p := <-r.in:
			if r.links[p.l.Interface.Name] == p.l {
				r.heard(p, time.Now())
			}
		case <-timer.C:
		}
		now := time.Now()
		if now.Sub(r.looked) >= lookEvery {
			r.looked = now
			r.look(ctx, now)
		}
		next := r.looked.Add(lookEvery)
		for _, l := range r.links {
			r.step(l, now)
			next = earliest(next, l.next, l.due)
		}
		r.publish()
		timer.Reset(time.Until(next))
	}
}

func earliest(t time.Time, others ...time.Time) time.Time {
	for _, o := range others {
		if !o.IsZero() && o.Before(t) {
			t = o
		}
	}
	return t
}

// publish shows the name while it is claimed on some link.
func (r *Responder) publish() {
	host := ""
	for _, l := range r.links {
		if l.stage >= claimed {
			host = strings.TrimSuffix(r.identity(l).host, ".")
		}
	}
	if host == r.Host() {
		return
	}
	r.host.Store(&host)
	if host != "" {
		r.cfg.Logger.Info("name on the network", "name", host, "port", r.cfg.Port)
	}
}

// look compares the links with those of the computer.
func (r *Responder) look(ctx context.Context, now time.Time) {
	seen := map[string]bool{}
	for _, n := range r.cfg.Links() {
		key := n.Interface.Name
		seen[key] = true
		l := r.links[key]
		switch {
		case l == nil || l.Interface.Index != n.Interface.Index:
			if l != nil {
				l.close()
			}
			delete(r.links, key)
			if l = r.open(ctx, n); l != nil {
				l.next = now.Add(rand.N(probeEvery))
				r.links[key] = l
			}
		case !slices.Equal(l.Addresses, n.Addresses):
			l.Addresses = n.Addresses
			l.said = map[string]time.Time{}
			l.stage, l.next = min(l.stage, claimed), now
		}
	}
	maps.DeleteFunc(r.links, func(key string, l *link) bool {
		if !seen[key] {
			l.close()
		}
		return !seen[key]
	})
}

// open joins the groups of a link. nil: none could be joined.
func (r *Responder) open(ctx context.Context, n Link) *link {
	l := &link{Link: n, said: map[string]time.Time{}}
	var has [2]bool
	for _, p := range n.Addresses {
		if p.Addr().Is4() {
			has[0] = true
		} else {
			has[1] = true
		}
	}
	var failed error
	for i, v6 := range []bool{false, true} {
		if !has[i] {
			continue
		}
		c, err := r.cfg.join(n.Interface, v6)
		if err != nil {
			failed = err
			continue
		}
		l.conns = append(l.conns, c)
		r.wg.Go(func() { r.listen(ctx, l, c) })
	}
	if failed != nil && !r.mute[n.Interface.Name] {
		r.mute[n.Interface.Name] = true
		r.cfg.Logger.Warn("no name on this network", "interface", n.Interface.Name, "error", failed)
	}
	if l.conns == nil {
		return nil
	}
	return l
}

// listen passes on what a socket hears until it is closed.
func (r *Responder) listen(ctx context.Context, l *link, c conn) {
	b := make([]byte, maxMessage+1)
	for {
		n, from, err := c.read(b)
		if err != nil {
			return
		}
		select {
		case r.in <- packet{l, c, slices.Clone(b[:n]), from}:
		case <-ctx.Done():
			return
		}
	}
}
