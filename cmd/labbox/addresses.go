package main

import (
	"cmp"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"labbox/bridge/mdns"
	"labbox/web"
	"labbox/web/localca"
)

// room is how people around this box reach it, as of now.
type room struct {
	listen   netip.AddrPort
	basePath string
	hostname string // lower case, without a domain; "" where it is no usable name
	names    *mdns.Responder
	tls      bool
	ca       *localca.CA

	mu    sync.Mutex
	at    time.Time
	links []mdns.Link
}

func newRoom(ln net.Listener, basePath string) *room {
	r := &room{basePath: basePath}
	if tcp, ok := ln.Addr().(*net.TCPAddr); ok {
		r.listen = tcp.AddrPort()
	}
	host, _ := os.Hostname()
	host, _, _ = strings.Cut(strings.ToLower(host), ".")
	if mdns.CheckName(host) == nil {
		r.hostname = host
	}
	return r
}

// open tells whether other machines can reach the listener.
func (r *room) open() bool { return r.listen.IsValid() && !r.listen.Addr().Unmap().IsLoopback() }

// linksKeep is how long the networks are remembered: asking takes the kernel a while.
const linksKeep = 2 * time.Second

// networks are those that the listener can be reached on.
func (r *room) networks() []mdns.Link {
	if !r.open() {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.links == nil || time.Since(r.at) > linksKeep {
		r.links, r.at = networksOf(r.listen.Addr().Unmap()), time.Now()
	}
	return r.links
}

// networksOf lists the networks of this computer on which people may be, with its
// addresses there.
func networksOf(listen netip.Addr) []mdns.Link {
	list, err := net.Interfaces()
	if err != nil {
		return nil
	}
	out := []mdns.Link{}
	for _, ifi := range list {
		if ifi.Flags&net.FlagUp == 0 || ifi.Flags&(net.FlagLoopback|net.FlagPointToPoint) != 0 || ofMachines(ifi.Name) {
			continue
		}
		addrs, err := ifi.Addrs()
		if err != nil {
			continue
		}
		l := mdns.Link{Interface: ifi}
		for _, a := range addrs {
			p, err := netip.ParsePrefix(a.String())
			if err == nil && reaches(listen, p.Addr()) {
				l.Addresses = append(l.Addresses, p)
			}
		}
		if l.Addresses != nil {
			out = append(out, l)
		}
	}
	return out
}

// reaches tells whether a listener is reached at an address that people can use.
func reaches(listen, a netip.Addr) bool {
	switch {
	case a.IsLinkLocalUnicast() || a.IsLoopback() || a.IsMulticast():
		return false
	case !listen.IsUnspecified():
		return listen == a
	}
	return listen.Is6() || a.Is4()
}

// ofMachines are the interfaces that programs make for their virtual machines and
// containers: nobody in the room is there.
func ofMachines(name string) bool {
	for _, prefix := range []string{"docker", "br-", "veth", "virbr", "vnet", "cni", "flannel", "cali", "podman", "lxc", "lxdbr", "vmnet", "vboxnet",
		"vEthernet", "VirtualBox", "VMware"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// addresses are IPv4 first, then IPv6: local ones (ULA) before global ones.
func (r *room) addresses() []netip.Prefix {
	var out []netip.Prefix
	for _, l := range r.networks() {
		out = append(out, l.Addresses...)
	}
	rank := func(p netip.Prefix) int {
		switch a := p.Addr(); {
		case a.Is4():
			return 0
		case a.IsPrivate():
			return 1
		}
		return 2
	}
	slices.SortStableFunc(out, func(a, b netip.Prefix) int { return cmp.Compare(rank(a), rank(b)) })
	return out
}

func (r *room) scheme() string {
	if r.tls {
		return "https"
	}
	return "http"
}

func (r *room) url(scheme, host string) string {
	return scheme + "://" + net.JoinHostPort(host, strconv.Itoa(int(r.listen.Port()))) + r.basePath
}

// info is for the panel.
func (r *room) info() web.BoxInfo {
	in := web.BoxInfo{Addresses: []string{}}
	for _, p := range r.addresses() {
		in.Addresses = append(in.Addresses, r.url(r.scheme(), p.Addr().String()))
	}
	if r.names != nil && r.names.Host() != "" {
		in.Name = r.names.Host()
		in.NameURL = r.url(r.scheme(), in.Name)
	}
	if r.ca != nil {
		in.Fingerprint = r.ca.Fingerprint()
		in.InstallURL = r.installURL()
	}
	return in
}

// installURL is plain http: who has not installed the CA gets no warning there.
func (r *room) installURL() string {
	host := "127.0.0.1"
	if !r.listen.Addr().IsUnspecified() {
		host = r.listen.Addr().Unmap().String()
	} else if list := r.addresses(); len(list) > 0 {
		host = list[0].Addr().String()
	}
	return r.url("http", host) + "/tls/"
}

// hosts are the names by which browsers may call this box besides info's Name.
func (r *room) hosts() []string {
	if r.hostname == "" {
		return nil
	}
	return []string{r.hostname, r.hostname + ".local"}
}

// certified are the names and addresses that a certificate is to be for.
func (r *room) certified(hosts []string) localca.Names {
	n := localca.Names{DNS: []string{"labbox.local", "localhost"}, Addresses: []netip.Prefix{
		netip.MustParsePrefix("127.0.0.1/8"), netip.MustParsePrefix("::1/128")}}
	if r.hostname != "" && r.hostname != "localhost" {
		n.DNS = append(n.DNS, r.hostname, r.hostname+".local")
	}
	for _, h := range hosts {
		if _, err := netip.ParseAddr(h); err != nil && mdns.CheckName(strings.ReplaceAll(strings.ToLower(h), ".", "-")) == nil {
			n.DNS = append(n.DNS, strings.ToLower(h))
		}
	}
	if r.names != nil && r.names.Host() != "" {
		n.DNS = append(n.DNS, r.names.Host())
	}
	slices.Sort(n.DNS)
	n.DNS = slices.Compact(n.DNS)
	n.Addresses = append(n.Addresses, r.addresses()...)
	return n
}
