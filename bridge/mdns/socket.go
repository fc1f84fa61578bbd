package mdns

import (
	"fmt"
	"net"
	"net/netip"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// port and group of RFC 6762.
const port = 5353

func group(v6 bool) netip.Addr {
	if v6 {
		return netip.AddrFrom16([16]byte{0: 0xff, 1: 2, 15: 0xfb})
	}
	return netip.AddrFrom4([4]byte{224, 0, 0, 251})
}

// conn is a socket in the group, on one link.
type conn interface {
	read(b []byte) (int, netip.AddrPort, error)
	// send goes to the group where to is not valid.
	send(b []byte, to netip.AddrPort) error
	Close() error
}

type socket struct {
	*net.UDPConn
	group netip.AddrPort
}

func (s *socket) read(b []byte) (int, netip.AddrPort, error) {
	n, from, err := s.ReadFromUDPAddrPort(b)
	return n, netip.AddrPortFrom(from.Addr().Unmap(), from.Port()), err
}

func (s *socket) send(b []byte, to netip.AddrPort) error {
	if !to.IsValid() {
		to = s.group
	}
	_, err := s.WriteToUDPAddrPort(b, to)
	return err
}

// join opens a socket in the group. Messages go with 255 hops, of which a router
// takes one (section 11), and are heard by other programs of this computer.
func join(ifi net.Interface, v6 bool) (conn, error) {
	network, to := "udp4", netip.AddrPortFrom(group(v6), port)
	if v6 {
		network, to = "udp6", netip.AddrPortFrom(group(v6).WithZone(ifi.Name), port)
	}
	c, err := net.ListenMulticastUDP(network, &ifi, net.UDPAddrFromAddrPort(to))
	if err != nil {
		return nil, fmt.Errorf("mdns: join on %s: %w", ifi.Name, err)
	}
	if v6 {
		p := ipv6.NewPacketConn(c)
		_, _, _ = p.SetMulticastHopLimit(255), p.SetHopLimit(255), p.SetMulticastLoopback(true)
	} else {
		p := ipv4.NewPacketConn(c)
		_, _, _ = p.SetMulticastTTL(255), p.SetTTL(255), p.SetMulticastLoopback(true)
	}
	return &socket{c, to}, nil
}
