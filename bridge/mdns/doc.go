// Package mdns answers for a box's name on the networks it stands in, so that a
// browser finds http://labbox.local without a name server, and for its page as a
// service that browsers of services list.
//
//	r, err := mdns.New(mdns.Config{Name: "labbox", Instance: "labbox bench-3",
//		Service: "_http._tcp", Port: 8080, Links: links, Logger: log})
//	if err != nil { ... }
//	err = r.Run(ctx) // until ctx ends; then it says goodbye
//	r.Host()         // "labbox.local", or "labbox-2.local" where that was taken
//
// It probes before it speaks, takes the next name when another has this one, defends
// its own, and announces itself when it comes, when its addresses change and when it
// goes. It answers with the addresses of the network that was asked on, and only
// those who are on that network. It asks nothing but its probes.
//
// Specs: RFC 6762 (multicast DNS) and RFC 6763 (service discovery); messages by
// golang.org/x/net/dns/dnsmessage.
//
// Known limits: one socket for each network and address family, bound to the group,
// so queries sent to the box's own address are not heard (RFC 6762, 5.5, lets that
// be). Parts of a message behind a name with a dot inside a label are not read (the
// codec refuses them). Known answers that are spread over several messages (the TC
// bit) are not waited for. Names have one counter for host and service. Whoever is on
// the network can claim any name: mDNS has no proof, TLS has.
package mdns
